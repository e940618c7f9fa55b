"""Updates with Anderson's acceleration, in linear models of a fit whose answer is known."""

import numpy as np
import pytest
import torch

from meanforce.fitting.iterative.acceleration import DEPTH, accelerated
from meanforce.fitting.iterative.turn import Turn

LITTLE = 1e-9
"""A noise that does not matter."""


def turn(iteration: int, at: np.ndarray, memory: dict, seen: np.ndarray, floors: list) -> Turn:
    """A turn with terms of equal numbers of differences."""
    terms = np.repeat(np.arange(len(floors)), len(seen) // len(floors))
    cpu = torch.device("cpu")
    of_loop = iteration, at, cpu, {"step": 1.0}, memory, lambda _: None
    return Turn(*of_loop, seen, terms, np.array(floors))


def distances(
    rates: np.ndarray,
    iterations: int,
    *,
    noise: float = LITTLE,
    step: float = 1.0,
    bare: bool = False,
    seed: int = 1,
    start: np.ndarray | float = 1.0,
) -> tuple[list[float], list[float]]:
    """Differences of a fit whose updates correct each mode at its own rate, and what was expected.

    Args:
        noise: of all differences together.
        bare: whether updates are added as they are.
    """
    rng, n = np.random.default_rng(seed), len(rates)
    at, memory, found, expected = start * np.ones(n), {}, [], []
    for iteration in range(iterations):
        true = rates * at
        found.append(float(np.linalg.norm(true)))
        seen = true + noise / np.sqrt(n) * rng.standard_normal(n)
        now = turn(iteration, at, {} if bare else memory, seen, [noise])
        at = at + step * accelerated(-seen, now)
        memory = now.memory
        expected.append(now.row["expected"])
    return found, expected


@pytest.mark.parametrize("step", [1.0, 0.5])
@pytest.mark.parametrize("rate", [0.1, 1.9, 3.0])
def test_a_single_mode_is_met_by_the_second_update(rate, step):
    """The secant; a step of one half leaves half of the difference."""
    found, expected = distances(np.array([rate]), 3, step=step)
    assert expected[0] == 1.0
    assert expected[1] < 1e-6
    assert found[2] == pytest.approx((1 - step) * found[1], abs=1e-6)


def test_as_many_modes_as_updates_are_remembered_are_met_exactly():
    """A linear system of n unknowns is solved by n differences of its updates."""
    found, _ = distances(np.array([0.2, 0.7, 1.9][:DEPTH]), DEPTH + 2)
    assert found[-1] < 1e-6 * found[0]


def test_modes_that_overshoot_and_slow_ones_converge_together():
    """At rates up to 2.6 updates as they are diverge; below 2 they are slow."""
    for fastest, factor in ((2.6, 0.01), (1.9, 0.6)):
        rates, ratios = np.geomspace(0.1, fastest, 30), []
        for seed in range(20):
            start = 25 * np.random.default_rng(seed).standard_normal(30) / np.sqrt(30) / rates
            ours = distances(rates, 12, noise=1.0, start=start, seed=seed)[0][-1]
            ratios.append(ours / distances(rates, 12, noise=1.0, start=start, bare=True)[0][-1])
        assert np.median(ratios) < factor


def test_noise_alone_stays_noise():
    """At the answer, updates move by about the noise of a run, as they would without memory."""
    rates = np.geomspace(0.3, 1.0, 30)
    ours = [distances(rates, 40, noise=1.0, start=0.0, seed=s)[0][10:] for s in range(20)]
    bare = [
        distances(rates, 40, noise=1.0, start=0.0, seed=s, bare=True)[0][10:] for s in range(20)
    ]
    assert np.mean(ours) < 1.5 * np.mean(bare)
    assert np.mean(ours) < 1.0


def test_what_an_update_does_to_coefficients_without_data_does_not_matter():
    rng, rates, found = np.random.default_rng(1), np.array([1.9, 0.5, 0.3]), {}
    for noise in (0.0, 10.0):
        at, memory = np.ones(23), {}
        for iteration in range(5):
            seen = rates * at[:3]
            now = turn(iteration, at, memory, seen, [LITTLE])
            update = np.concatenate([-seen, noise * rng.standard_normal(20)])
            at = at + accelerated(update, now)
            memory = now.memory
        found[noise] = at[:3]
    assert found[0.0] == pytest.approx(found[10.0], abs=1e-9)


def test_terms_count_in_units_of_their_floors():
    """The mode that overshoots is lost in its noise, so that the other one alone is met."""
    rates, at, memory = np.array([1.9, 0.5]), np.ones(2), {}
    for iteration in range(2):
        seen = rates * at
        now = turn(iteration, at, memory, seen, [1e6, LITTLE])
        at = at + accelerated(-seen, now)
        memory = now.memory
    assert abs(at[1]) < 1e-6
    assert abs(at[0]) > 0.5


def test_differences_from_short_runs_count_less():
    """The same differences, the earlier ones with a floor of 10: they are ignored."""
    seen, at = np.array([1.0, -1.0]), np.array([0.0, 0.0])
    for floor, ignored in ((1e-6, False), (1e6, True)):
        first = turn(0, at, {}, 2 * seen, [floor])
        update = accelerated(-2 * seen, first)
        second = turn(1, at + update, first.memory, seen, [1e-6])
        assert np.allclose(accelerated(-seen, second), -seen, atol=1e-6) == ignored


def test_the_memory_of_an_earlier_version_is_left_out():
    """Its bundles have a factor instead of all that happened."""
    seen = np.array([1.0, -1.0])
    old = {"update": seen, "factor": np.array(0.5)}
    assert np.array_equal(accelerated(-seen, turn(3, seen, old, seen, [LITTLE])), -seen)
