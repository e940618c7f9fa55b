"""The loop of a fit that iterates: a CG run, a look at its distributions, an update.

It ends when all distributions are at their noise floors (and the pressure, where one is wanted,
within its error, and what the method itself looks at, too), after a largest number of iterations,
or when it runs away: then the step is halved, from the best iterate on, and where that does not
help the best iterate is the result.

Near the target an update is mostly the noise of its CG run, which the next run shows beside its
own: at full step distances stay at √2 floors on average. So where iterations come no closer any
more, the step is halved, too (stochastic approximation; Robbins, Monro, Ann. Math. Stat. 22, 400
(1951)).
"""

from collections.abc import Callable

import numpy as np

from meanforce.dynamics.stability import Unstable
from meanforce.errors import InputError
from meanforce.fitting.iterative import pressure
from meanforce.fitting.iterative.distances import TermDistance, floors_of, score, stacked
from meanforce.fitting.iterative.iterate import Best, Iterate
from meanforce.fitting.iterative.measurement import Measurement
from meanforce.fitting.iterative.method import Method
from meanforce.fitting.iterative.observer import Observed
from meanforce.fitting.iterative.problem import Problem
from meanforce.fitting.iterative.turn import Turn
from meanforce.restart.job import Job
from meanforce.units import kt

HALVINGS = 5
"""How often the step is halved."""

WORSE, MARGIN = 2.0, 2.0
"""A fit runs away when its distance is this many times the least one, plus this many floors."""

NEAR, PATIENCE = 2.0, 3
"""Distance in floors below which updates are mostly noise, and iterations in a row that come no
closer, after which the step is halved."""

SHORTEST = 1 / 16
"""Steps up to this one are not halved for that: slow modes of a fit would stay where they are."""

LARGEST = 1e3
"""Largest coefficient, in kT; −kT ln g at contact is about ten."""

CONVERGED, AT_MOST = "all differences are within their noise", "after the largest number of runs"


def iterate(
    problem: Problem,
    method: Method,
    start: np.ndarray,
    report: Callable[[str], None],
    job: Job,
) -> Iterate:
    """Iterate until the fit ends, from the job's restart bundle if there is one.

    Args:
        problem: what does not change.
        method: gives updates.
        start: coefficients of the first run, shape (forms · K,), kJ/mol.
        report: called with lines of progress.
        job: its restart bundle.

    Raises:
        InputError: the first CG run broke.
        Stopped: the job was asked to stop.
    """
    bundle = job.load()
    now = Iterate(start, problem.settings.step) if bundle is None else Iterate.of(bundle)
    if bundle is not None:
        report(f"going on in iteration {now.iteration + 1}")
    measurement = Measurement(problem, now, report, job, bundle)
    while not now.ended:
        reason = _one(problem, method, now, measurement)
        if reason:
            _back(problem, now, reason, report)
        if not now.ended and now.iteration >= problem.settings.at_most:
            now.ended = AT_MOST
        if job.due():
            measurement.save()
    measurement.finish()
    return now


def _one(problem: Problem, method: Method, now: Iterate, measurement: Measurement) -> str:
    """One iteration; returns why the fit runs away, or nothing.

    Raises:
        InputError: the first CG run broke.
    """
    at, row = now.coefficients, {"iteration": now.iteration + 1, "step": now.step}
    try:
        observed = measurement.of_states()
    except Unstable as error:
        if now.best is None:
            raise InputError(
                "fitting: the CG run of the first potential broke; use 'start: force_matching' "
                f"(for a network, train longer), or a shorter time step ({error})"
            ) from error
        now.rows.append(row)
        return f"its CG run broke ({error})"
    terms = [
        term
        for state, one in zip(problem.states, observed, strict=True)
        for term in measurement.distances(state, one)
    ]
    floors, wanted = floors_of(terms), problem.settings.wanted_pressure
    found, best = score(terms, floors), now.best
    off = 0.0 if wanted is None else pressure.standard_errors(wanted, observed[0])
    row["frames"] = sum(one.counts.frames for one in observed)
    row |= method.columns(observed) | {"score": found} | _columns(terms, problem, observed)
    compared = found if best is None else score(terms, best.floors)
    if best is not None and compared > WORSE * best.score + MARGIN:
        now.rows.append(row)
        return f"its distances are {compared:.3g} floors, after {best.score:.3g}"
    where = now.iteration, at, measurement.device, row, now.memory, measurement.pause
    turn = Turn(*where, *stacked(terms), floors)
    update = method.update(observed, turn)
    now.memory = turn.memory
    now.rows.append(row)
    off = max(off / pressure.STANDARD_ERRORS, method.off(row))
    done = all(term.at_floor for term in terms) and off <= 1
    if done or best is None or np.hypot(compared, off) < best.total:
        total = float(np.hypot(found, off))
        now.best = Best(at, update, floors, now.iteration + 1, found, total)
    if done:
        now.ended = CONVERGED
        return ""
    shorten(now)
    after = at + now.step * update
    if not abs(after).max() < LARGEST * kt(max(state.temperature for state in problem.states)):
        return "its coefficients are beyond any bound"
    now.next(after)
    return ""


def shorten(now: Iterate) -> None:
    """Halve the step if the last iterations came no closer, as their updates are mostly noise.

    Args:
        now: where the fit is, with the best iterate and the rows of the iterations so far.
    """
    done = now.iteration + 1
    near = all(row.get("score", np.inf) < NEAR for row in now.rows[-PATIENCE:])
    stays = done - max(now.best.iteration, now.shortened) >= PATIENCE
    if near and stays and now.step > SHORTEST:
        now.step, now.shortened = now.step / 2, done


def _back(problem: Problem, now: Iterate, reason: str, report: Callable[[str], None]) -> None:
    """Go on from the best iterate with half the step, or end."""
    best = now.best
    if now.halvings >= HALVINGS:
        now.ended = f"diverged: {reason}, though the step was halved {HALVINGS} times"
        return
    now.halvings += 1
    now.step, now.shortened = now.step / 2, now.iteration + 1
    report(
        f"iteration {now.iteration + 1}: the fit runs away, as {reason}; it goes on from "
        f"iteration {best.iteration} with a step of {now.step:g}"
    )
    now.ends, now.memory = {}, {}
    now.next(best.coefficients + now.step * best.update)


def _columns(
    terms: list[TermDistance], problem: Problem, observed: list[Observed]
) -> dict[str, float]:
    """Numbers of an iteration for the table of its progress."""
    columns = {}
    for term in terms:
        columns[f"distance_{term.name}"] = term.rms
        columns[f"floor_{term.name}"] = term.floor
        columns[f"largest_{term.name}"] = term.largest
    for state, one in zip(problem.states, observed, strict=True):
        if one.pressure is not None:
            columns[f"pressure{state.label}"], columns[f"pressure_stderr{state.label}"] = (
                one.pressure
            )
    return columns
