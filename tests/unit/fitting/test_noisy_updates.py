"""Where updates are mostly noise, steps get shorter; runs are as long as their answer needs."""

import numpy as np
import pytest
import torch
from inversions import diatomics, settings

from meanforce.dynamics.engine import Frame
from meanforce.fitting.iterative.histograms import Histograms
from meanforce.fitting.iterative.iterate import Best, Iterate
from meanforce.fitting.iterative.loop import shorten
from meanforce.fitting.iterative.observer import UNITS, Observer
from meanforce.fitting.iterative.problem import Problem
from meanforce.fitting.iterative.states import states_of
from meanforce.fitting.linear import without_coefficients

BOND, CHAINS = {"bonds": {"functions": 12}}, 4


def steps_of(scores: list[float]) -> list[float]:
    """Step with which a fit goes on after each iteration with these distances, in floors."""
    now, steps = Iterate(np.zeros(1), 1.0), []
    for found in scores:
        if now.best is None or found < now.best.total:
            nothing = np.zeros(1)
            now.best = Best(nothing, nothing, nothing, now.iteration + 1, found, found)
        now.rows.append({"score": found})
        shorten(now)
        steps.append(now.step)
        now.next(now.coefficients)
    return steps


@pytest.mark.parametrize(
    ("scores", "steps"),
    [
        # Ever closer, if slowly.
        ([1.9, 1.8, 1.7, 1.6, 1.5, 1.4], [1, 1, 1, 1, 1, 1]),
        # No closer in three iterations, again and again.
        ([1.5, 1.6, 1.6, 1.6, 1.6, 1.6, 1.6], [1, 1, 1, 0.5, 0.5, 0.5, 0.25]),
        # Far from the target, where updates are more than noise.
        ([5.0, 5.1, 5.2, 5.3, 5.4, 5.5, 5.6], [1, 1, 1, 1, 1, 1, 1]),
        # One of three far away.
        ([1.5, 5.0, 5.0, 1.9, 1.9, 1.9, 1.9], [1, 1, 1, 1, 1, 0.5, 0.5]),
        # A closer one in between.
        ([1.5, 1.6, 1.6, 1.4, 1.6, 1.6, 1.6], [1, 1, 1, 1, 1, 1, 0.5]),
    ],
)
def test_steps_are_halved_where_iterations_come_no_closer(scores, steps):
    assert steps_of(scores) == steps


def test_shorter_steps_keep_less_of_the_noise_of_updates():
    """A linear fit, of which each run shows the distance with noise of one floor.

    At full step its mean square is 2 floors², and with steps that end at 1/4 or less it is below
    1 + 1/7 floors². As means over 4,000 coordinates, these have standard errors below 0.05.
    """
    rng, squares = np.random.default_rng(3), []
    for shortens in (False, True):
        now, off, found = Iterate(np.zeros(1), 1.0), rng.standard_normal(4000), []
        for _ in range(60):
            seen = off + rng.standard_normal(4000)
            found.append(float(np.mean(seen**2)))
            if shortens:
                total = found[-1] ** 0.5
                if now.best is None or total < now.best.total:
                    now.best = Best(off, off, off, now.iteration + 1, total, total)
                now.rows.append({"score": total})
                shorten(now)
            off = off - now.step * seen
            now.next(now.coefficients)
        squares.append(found[-1])
    assert abs(squares[0] - 2) < 0.25
    assert squares[1] < 1.25


def observer(frames: int) -> Observer:
    """Of a run of four diatomics."""
    chosen = settings(BOND, run={"chains": CHAINS})
    data = diatomics(1000)
    blank = without_coefficients(chosen, data, {})
    histograms = Histograms(blank)
    states = states_of(data, 0, histograms, 2)
    problem = Problem(chosen.fitting, blank, data, states, histograms, 1)
    starts = states[0].starts(data, CHAINS, np.random.default_rng(1))
    run = problem.run(np.zeros(blank.of_curves.size), starts, torch.device("cpu"), (0, 0))
    return Observer(histograms, run, frames)


@pytest.mark.parametrize("done", [1, 7, 40, 63, 100])
def test_units_of_a_run_add_up_to_its_histogram(done):
    """However far it is, units have about as many frames each, at most five a chain."""
    drawn = diatomics(CHAINS * done, seed=2).positions.reshape(done, CHAINS, 2, 3)
    watching = observer(100)
    for positions in drawn:
        watching.add(0.0, Frame(positions, *torch.zeros(2, CHAINS, dtype=torch.float64)))
    counts = watching.counts
    assert counts.weights.sum() == done * CHAINS
    np.testing.assert_array_equal(counts.sums.sum(axis=0), watching.arrays["sums"].sum(axis=0))
    assert counts.sums.sum() == done * CHAINS
    units = len(counts.weights) // CHAINS
    assert min(done, 2) <= units <= UNITS and len(counts.weights) == CHAINS * units
    # The last unit of each chain may be unfinished.
    whole = counts.weights.reshape(CHAINS, units)[:, :-1]
    assert not whole.size or ((whole == whole[0, 0]).all() and whole[0, 0] >= done / (2 * UNITS))


def test_a_run_may_end_after_a_tenth_of_it_and_each_twentieth_from_then_on():
    watching, ends = observer(100), []
    for watching.done in range(1, 101):
        if watching.may_end():
            ends.append(watching.done)
    assert ends == list(range(10, 100, 5))
