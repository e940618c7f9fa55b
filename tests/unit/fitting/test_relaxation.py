"""Factors of updates, in linear models of a fit whose answer is known."""

import dataclasses

import numpy as np
import pytest
import torch

from meanforce.fitting.iterative.relaxation import LEAST, relaxed
from meanforce.fitting.iterative.turn import Turn


def turn(
    iteration: int, at: np.ndarray, step: float, memory: dict, differences: np.ndarray
) -> Turn:
    """A turn whose differences from the targets have the same noise everywhere."""
    row, units = {"step": step}, np.ones(len(differences))
    device = torch.device("cpu")
    return Turn(iteration, at, device, row, memory, lambda _: None, differences, units)


def distances(rates: list[float], iterations: int, step: float = 1.0, full: bool = False):
    """Distances from the answer of a fit whose updates correct each mode at its own rate."""
    rates, at, memory, found, rows = np.array(rates), np.ones(len(rates)), {}, [], []
    for iteration in range(iterations):
        now = turn(iteration, at, step, {} if full else memory, rates * at)
        at = at + step * relaxed(-rates * at, now)
        memory = now.memory
        found.append(float(np.linalg.norm(at)))
        rows.append(now.row["relaxation"])
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
        seen = at + rng.standard_normal(50)
        now = turn(iteration, at, 1.0, memory, seen)
        at = at + relaxed(-seen, now)
        memory = now.memory
        factors.append(now.row["relaxation"])
    assert np.mean(factors[10:]) < 1.1 * LEAST


def test_a_step_that_is_small_already_is_not_made_smaller():
    _, factors = distances([30.0, 20.0], 5, step=0.1)
    assert set(factors) == {1.0}


def test_coefficients_without_data_do_not_matter():
    """Half of the update is noise where nothing is counted; the factor stays that of the rest."""
    rng, factors, rates = np.random.default_rng(1), {}, np.array([1.9, 0.5, 0.3])
    for noise in (0.0, 10.0):
        at, memory, factors[noise] = np.ones(3), {}, []
        for iteration in range(5):
            now = turn(iteration, at, 1.0, memory, rates * at)
            update = np.concatenate([-rates * at, noise * rng.standard_normal(20)])
            at = at + relaxed(update, now)[:3]
            memory = now.memory
            factors[noise].append(now.row["relaxation"])
    assert factors[0.0] == factors[10.0]
    assert factors[0.0][1] < 0.7


def test_differences_count_in_units_of_their_noise():
    """The one mode that overshoots is lost in the noise, so that the other has full steps."""
    rates, at, memory, units = np.array([1.9, 0.5]), np.ones(2), {}, np.array([1e6, 1.0])
    for iteration in range(3):
        now = dataclasses.replace(turn(iteration, at, 1.0, memory, rates * at), units=units)
        at = at + relaxed(-rates * at, now)
        memory = now.memory
        assert now.row["relaxation"] == 1.0
