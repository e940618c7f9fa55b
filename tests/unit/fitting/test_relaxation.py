"""Factors of updates, in linear models of a fit whose answer is known."""

import numpy as np
import pytest
import torch

from meanforce.fitting.iterative.relaxation import LEAST, relaxed
from meanforce.fitting.iterative.turn import Turn


def distances(rates: list[float], iterations: int, step: float = 1.0, full: bool = False):
    """Distances from the answer of a fit whose updates correct each mode at its own rate."""
    rates, at, memory, found, rows = np.array(rates), np.ones(len(rates)), {}, [], []
    for iteration in range(iterations):
        row = {"step": step}
        turn = Turn(iteration, at, torch.device("cpu"), row, {} if full else memory, lambda _: None)
        at = at + step * relaxed(-rates * at, turn)
        memory = turn.memory
        found.append(float(np.linalg.norm(at)))
        rows.append(row["relaxation"])
    return found, rows


@pytest.mark.parametrize("step", [1.0, 0.5])
def test_an_update_that_turns_round_is_halved_at_once(step):
    """One mode: Aitken's factor is exact."""
    found, factors = distances([1.9 / step], 2, step)
    assert factors[0] == 1.0
    assert found[1] < 1e-12
    assert factors[1] == pytest.approx(1 / 1.9)


def test_modes_that_overshoot_and_slow_ones_converge_together():
    """Full steps take the first mode to 0.9^12 = 0.28, half of them the last to 0.86^12 = 0.18."""
    rates = [1.9, 1.0, 0.3]
    relaxed_now, factors = distances(rates, 12)
    whole, ones = distances(rates, 12, full=True)
    assert relaxed_now[-1] < 0.2 * whole[-1]
    assert min(factors) >= LEAST and max(factors) <= 1.0
    assert set(ones) == {1.0}


def test_updates_that_do_not_overshoot_are_added_whole():
    _, factors = distances([0.3, 0.8], 10)
    assert set(factors) == {1.0}


def test_noise_alone_shortens_updates():
    """At the answer each update is minus the noise of the run before, and its own."""
    rng, at, memory, factors = np.random.default_rng(1), np.zeros(50), {}, []
    for iteration in range(200):
        row = {"step": 1.0}
        turn = Turn(iteration, at, torch.device("cpu"), row, memory, lambda _: None)
        at = at + relaxed(-(at + rng.standard_normal(50)), turn)
        memory = turn.memory
        factors.append(row["relaxation"])
    assert np.mean(factors[10:]) < 1.1 * LEAST


def test_a_step_that_is_small_already_is_not_made_smaller():
    _, factors = distances([30.0, 20.0], 5, step=0.1)
    assert set(factors) == {1.0}
