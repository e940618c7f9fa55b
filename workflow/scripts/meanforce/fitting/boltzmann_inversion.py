"""Fitting method `boltzmann_inversion`: CG runs until all distributions are the targets."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import torch

from meanforce.errors import InputError
from meanforce.fitting import force_matching
from meanforce.fitting.frames import Frames
from meanforce.fitting.iterative.histograms import Bins, Histograms
from meanforce.fitting.iterative.iterate import Row
from meanforce.fitting.iterative.loop import CONVERGED, iterate
from meanforce.fitting.iterative.observer import Observed
from meanforce.fitting.iterative.problem import Problem
from meanforce.fitting.iterative.projection import project
from meanforce.fitting.iterative.states import State, states_of
from meanforce.fitting.linear import without_coefficients
from meanforce.fitting.result import Fit
from meanforce.potentials.linear import LinearPotential
from meanforce.restart.job import Job, or_temporary
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.fitting import BoltzmannInversionSettings
from meanforce.settings.potentials.linear import LinearSettings
from meanforce.units import kt

HALF = 0.5
"""Added to counts whose logarithm is taken."""


class BoltzmannInversion:
    """U ← U + kT ln(g/g_target), projected on the basis of each curve.

    Reith, Pütz, Müller-Plathe, J. Comput. Chem. 24, 1624 (2003). Both distributions are counted in
    the same bins, so that volumes of shells and Jacobians drop out of their ratio.

    Args:
        potential: gives curves and their basis.
        histograms: that counted.
    """

    def __init__(self, potential: LinearPotential, histograms: Histograms) -> None:
        self._potential, self._histograms = potential.to(torch.float64), histograms

    def start(self, state: State) -> np.ndarray:
        """−kT ln g of the target, up to a constant; kJ/mol, shape (K,)."""
        parts = []
        for number, (bins, part) in enumerate(self._each()):
            n, ideal = state.target.number[part], self._histograms.ideal(number)
            weights = np.where(ideal > 0, n, 0.0)
            values = np.log(np.where(ideal > 0, ideal, 1.0)) - np.log(n + HALF)
            parts.append(project(self._potential, number, bins, values, weights, order=2))
        return kt(state.temperature) * np.concatenate(parts)

    def update(self, state: State, observed: Observed) -> np.ndarray:
        """See `Method`; half a count more on both sides keeps the ratio finite."""
        parts = []
        for number, (bins, part) in enumerate(self._each()):
            n, m = observed.counts.number[part], state.target.number[part]
            frames, of_target = observed.counts.frames, state.target.frames
            values = np.log((n + HALF) / frames) - np.log((m + HALF) / of_target)
            weights = np.where(n + m > 0, 1 / (1 / (n + HALF) + 1 / (m + HALF)), 0.0)
            parts.append(project(self._potential, number, bins, values, weights, order=1))
        return kt(state.temperature) * np.concatenate(parts)

    def _each(self) -> Iterator[tuple[Bins, slice]]:
        return zip(self._histograms.bins, self._histograms.parts, strict=True)


def fit(
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
    if frames.masses is None:
        raise InputError("training data: have no masses of the beads, which CG runs need")
    blank = without_coefficients(settings, frames, variables)
    histograms = Histograms(blank)
    states = states_of(frames, member, histograms, chosen.smallest_sample)
    _check_pressure(chosen, frames, len(states))
    method = BoltzmannInversion(blank, histograms)
    problem = Problem(chosen, blank, frames, states, histograms, seed)
    if chosen.start == "force_matching":
        first = force_matching.fit(settings, frames, variables, member, seed, report)
        start = first.potential.coefficients.double().numpy()
    else:
        start = problem.combined([method.start(state) for state in states])
    with or_temporary(job) as job:
        now = iterate(problem, method, start, report, job)
    best = now.best
    report(f"{len(now.rows)} iterations; {now.ended}; iteration {best.iteration} is kept")
    row = next(row for row in now.rows if row["iteration"] == best.iteration)
    for name in (key for key in row if key.startswith("distance_")):
        floor = row[name.replace("distance_", "floor_", 1)]
        report(f"{name.removeprefix('distance_')}: Δg {row[name]:.3g}, noise floor {floor:.3g}")
    if now.ended != CONVERGED:
        report(f"warning: the distances are {best.score:.3g} times their noise floors")
    about = {
        "iterations": len(now.rows),
        "kept": best.iteration,
        "ended": now.ended,
        "converged": now.ended == CONVERGED,
        "score": best.score,
        "step": now.step,
        "engine": now.engine,
    }
    return Fit(problem.potential(best.coefficients), _table(now.rows), about)


def _table(rows: list[Row]) -> pd.DataFrame:
    """The progress of the fit; columns in an order that does not depend on restarts."""
    table = pd.DataFrame(rows)
    first = [name for name in ("iteration", "step", "frames", "score") if name in table]
    return table[first + sorted(set(table) - set(first))]


def _check_pressure(chosen: BoltzmannInversionSettings, frames: Frames, states: int) -> None:
    """Refuse a pressure where there is none, or one for several state points.

    Raises:
        InputError: see above.
    """
    if chosen.pressure is None:
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
