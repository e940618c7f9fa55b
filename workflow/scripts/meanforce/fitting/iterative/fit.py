"""A whole fit that iterates, by any method: targets, start, loop, result."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import torch

from meanforce.errors import InputError
from meanforce.fitting import force_matching
from meanforce.fitting.frames import Frames
from meanforce.fitting.iterative.direct import direct_inversion
from meanforce.fitting.iterative.histograms import Histograms
from meanforce.fitting.iterative.iterate import Iterate, Row
from meanforce.fitting.iterative.loop import CONVERGED, iterate
from meanforce.fitting.iterative.method import Method
from meanforce.fitting.iterative.problem import Problem
from meanforce.fitting.iterative.states import states_of
from meanforce.fitting.linear import without_coefficients
from meanforce.fitting.result import Fit
from meanforce.restart.job import Job, or_temporary
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.fitting import IterativeFitting
from meanforce.settings.potentials.linear import LinearSettings


def fit_with(
    kind: type[Method],
    settings: LinearSettings,
    frames: Frames,
    variables: dict[str, CollectiveVariableSettings],
    member: int,
    seed: int,
    report: Callable[[str], None],
    job: Job | None = None,
) -> Fit:
    """Fit the distributions of all frames but those of fold `member`.

    Args:
        kind: the method.
        settings: of the potential.
        frames: training data.
        variables: name: collective variable.
        member: fold that is left out.
        seed: of all random numbers.
        report: called with lines of progress.
        job: its restart bundle, or None for a fit in one go.

    Raises:
        InputError: frames have no masses, or too few frames or several pressures are to be fitted,
            or the first CG run breaks.
        Stopped: the job was asked to stop.
    """
    chosen = settings.fitting
    check_masses(frames)
    blank = without_coefficients(settings, frames, variables)
    histograms, features = Histograms(blank), kind.features(blank.to(torch.float64))
    states = states_of(frames, member, histograms, chosen.smallest_sample, features)
    _check_pressure(chosen, frames, len(states))
    problem = Problem(chosen, blank, frames, states, histograms, seed, features, variables)
    if chosen.start == "force_matching":
        first = force_matching.fit(settings, frames, variables, member, seed, report)
        start = first.potential.coefficients.double().numpy()
    else:
        start = direct_inversion(problem)
    with or_temporary(job) as job:
        return to_end(problem, kind(problem), start, report, job)


def check_masses(frames: Frames) -> None:
    """Refuse frames whose beads have no masses.

    Raises:
        InputError: they have none.
    """
    if frames.masses is None:
        raise InputError("training data: have no masses of the beads, which CG runs need")


def to_end(
    problem: Problem,
    method: Method,
    start: np.ndarray,
    report: Callable[[str], None],
    job: Job,
) -> Fit:
    """Iterate until the fit ends; see `iterate`."""
    now = iterate(problem, method, start, report, job)
    _report(now, report)
    errors = method.errors(now.observed) if now.ended == CONVERGED else {}
    potential = problem.potential(now.best.coefficients, errors)
    return Fit(potential, _table(now.rows), _about(now))


def _report(now: Iterate, report: Callable[[str], None]) -> None:
    """Lines on the end of the fit."""
    best = now.best
    report(f"{len(now.rows)} iterations; {now.ended}; iteration {best.iteration} is kept")
    row = next(row for row in now.rows if row["iteration"] == best.iteration)
    for name in (key for key in row if key.startswith("distance_")):
        floor = row[name.replace("distance_", "floor_", 1)]
        report(f"{name.removeprefix('distance_')}: Δg {row[name]:.3g}, noise floor {floor:.3g}")
    if "gradient" in row:
        report(f"gradient: {row['gradient']:.3g} times its noise")
    if now.ended != CONVERGED:
        report(f"warning: the distances are {best.score:.3g} times their noise floors")


def _about(now: Iterate) -> dict[str, int | float | str | bool | list[str] | None]:
    return {
        "iterations": len(now.rows),
        "kept": now.best.iteration,
        "ended": now.ended,
        "converged": now.ended == CONVERGED,
        "score": now.best.score,
        "step": now.step,
        "engine": now.engine,
    }


def _table(rows: list[Row]) -> pd.DataFrame:
    """The progress of the fit; columns in an order that does not depend on restarts."""
    table = pd.DataFrame(rows)
    first = [name for name in ("iteration", "step", "frames", "score") if name in table]
    return table[first + sorted(set(table) - set(first))]


def _check_pressure(chosen: IterativeFitting, frames: Frames, states: int) -> None:
    """Refuse a pressure where there is none, or one for several state points.

    Raises:
        InputError: see above.
    """
    if chosen.wanted_pressure is None:
        return
    if frames.cells is None:
        raise InputError(
            "fitting.pressure: is given, but the training data have no density, as they are of one "
            "molecule or have no periodic box; give 'pressure: null'"
        )
    if states > 1:
        raise InputError(
            f"fitting.pressure: is given for {states} training state points; allowed is one, as "
            "each has a pressure of its own"
        )
