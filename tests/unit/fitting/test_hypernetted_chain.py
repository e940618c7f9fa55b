"""Gauss-Newton inversion of g(r) by the hypernetted-chain equation finds known potentials again."""

import functools

import numpy as np
import pytest
import torch
from inversions import (
    CUTOFF,
    TEMPERATURE,
    coupled,
    fluid,
    form,
    off,
    same_bits_when_killed,
    settings,
    silent,
)

from meanforce.core.pressure import BAR
from meanforce.errors import InputError
from meanforce.fitting.hypernetted_chain import HypernettedChain, fit
from meanforce.fitting.iterative.histograms import Histograms
from meanforce.fitting.iterative.integral_equation import Grid, continued, response
from meanforce.fitting.iterative.loop import CONVERGED
from meanforce.fitting.iterative.observer import Observed, Pressures
from meanforce.fitting.iterative.problem import Problem
from meanforce.fitting.iterative.states import states_of
from meanforce.fitting.iterative.turn import Turn
from meanforce.fitting.linear import without_coefficients
from meanforce.units import kt

PAIRS = {"pairs": {"cutoff": CUTOFF, "functions": 20}}
RUN = {"time_step": 0.008, "friction": 2.0, "equilibration": 1.6, "length": 8.0, "stride": 0.16}
GRID = Grid.of(CUTOFF, 0.005)


def chosen(terms: dict = PAIRS, temperature: str = "none", **fitting):
    return settings(terms, temperature, kind="hypernetted_chain", **fitting)


def solved(energy: np.ndarray, density: float, rounds: int = 4000) -> np.ndarray:
    """h of the hypernetted-chain equation for u/kT within the cutoff, by Picard's iteration."""
    u = np.zeros(GRID.size)
    u[: GRID.inside] = energy
    gamma = np.zeros(GRID.size)
    for _ in range(rounds):
        c = np.exp(-u + gamma) - 1 - gamma
        transformed = GRID.transformed(c)
        new = GRID.filtered(c, density * transformed / (1 - density * transformed))
        gamma += 0.2 * (new - gamma)
    return np.exp(-u + gamma) - 1


def reduced() -> np.ndarray:
    """u/kT of the fluid within the cutoff."""
    return form(np.maximum(GRID.places[: GRID.inside], 0.1)) / kt(TEMPERATURE)


def test_the_transform_is_that_of_a_known_function():
    """A Gaussian, and its own inverse."""
    values = np.exp(-0.5 * (GRID.places / 0.1) ** 2)
    expected = (2 * np.pi * 0.01) ** 1.5 * np.exp(-0.5 * (GRID.waves * 0.1) ** 2)
    assert GRID.transformed(values) == pytest.approx(expected, abs=1e-9)
    assert GRID.filtered(values, np.ones(GRID.size)) == pytest.approx(values)
    assert GRID.operator(np.exp(-GRID.waves)) @ values == pytest.approx(
        GRID.filtered(values, np.exp(-GRID.waves))
    )


@pytest.mark.parametrize("density", [1.0, 8.0, 18.0])
def test_the_response_is_the_derivative_of_the_equation(density):
    """Of solutions for two potentials; g beyond the cutoff is found from g within it."""
    energy = reduced()
    h = solved(energy, density)
    assert continued(h[: GRID.inside] + 1, density, GRID) == pytest.approx(h, abs=1e-9)
    change = 1e-4 * np.cos(20 * GRID.places[: GRID.inside])
    moved = [solved(energy + sign * change, density)[: GRID.inside] for sign in (0.5, -0.5)]
    found = response(h[: GRID.inside] + 1, density, GRID) @ change
    expected = moved[0] - moved[1]
    assert found == pytest.approx(expected, abs=2e-3 * abs(expected).max())


def test_beads_that_do_not_feel_each_other_are_inverted_by_boltzmann():
    """At a low density the response is −g."""
    g = np.exp(-reduced())
    assert response(g, 1e-9, GRID) == pytest.approx(-np.diag(g), abs=1e-6)


@functools.cache
def small():
    """A fluid of 64 particles, for what does not depend on statistics."""
    return fluid(4, 0.3, 4, 3.2)


def problem_of(**fitting) -> tuple[Problem, Observed]:
    """Of the small fluid, and a CG run that has the frames of the target."""
    wanted = chosen(**fitting)
    blank = without_coefficients(wanted, small(), {})
    histograms = Histograms(blank)
    states = states_of(small(), -1, histograms, 2)
    problem = Problem(wanted.fitting, blank, small(), states, histograms, 1)
    return problem, Observed(states[0].target, (100.0, 1.0))


def turn_of(problem: Problem) -> Turn:
    curve = problem.blank.curves[0]
    slopes = np.linspace(1.0, 0.0, curve.functions)
    return Turn(
        0,
        slopes,
        torch.device("cpu"),
        {},
        {},
        lambda memory: None,
        np.zeros(1),
        np.zeros(1, int),
        np.ones(1),
    )


def test_at_the_target_only_the_pressure_asks_for_a_change():
    """Its constraint is met by the virial of the update in pairs that are counted one by one."""
    problem, observed = problem_of()
    assert HypernettedChain(problem).update([observed], turn_of(problem)) == pytest.approx(0.0)
    problem, observed = problem_of(pressure=150.0)
    update = HypernettedChain(problem).update([observed], turn_of(problem))
    # Of the frames of the target, with the update as the potential.
    starts = problem.states[0].starts(small(), 16, np.random.default_rng(1))
    run = problem.run(update, starts, torch.device("cpu"), (0,))
    total = Pressures(run).of(small().positions.double().numpy()).mean()
    ideal = 64 * kt(TEMPERATURE) / problem.states[0].volume / BAR
    assert total - ideal == pytest.approx(50.0, rel=0.02)


def test_a_fit_that_is_killed_again_and_again_makes_the_same_bits(tmp_path):
    wanted = chosen(
        at_most=3, pressure=50.0,
        run={"chains": 2, "equilibration": 0.2, "length": 1.0, "stride": 0.02},
    )  # fmt: skip
    once, _ = same_bits_when_killed(fit, wanted, fluid(2, 0.1, 10, 3.2), tmp_path / "job")
    assert len(once.curve) == 2


def test_other_molecules_are_refused_in_one_sentence():
    terms = {"bonds": {"functions": 12}}
    with pytest.raises(InputError, match=r"one bead each.*1 curves \(bonds\).*of 3 beads; give"):
        fit(chosen(terms), coupled(1000), {}, 0, 3, silent)


@pytest.mark.slow
def test_the_pair_potential_of_a_fluid_comes_back():
    made = fit(chosen(run=RUN, at_most=12), fluid(), {}, 0, 1, silent)
    assert made.about["ended"] == CONVERGED
    assert off(made.potential) < 0.15


@pytest.mark.slow
@pytest.mark.long
def test_the_pair_potential_of_a_dense_fluid_comes_back():
    """At ρ* 0.8, where inversion, with g at its noise floor, is still 0.6 kT off."""
    made = fit(chosen(run=RUN, at_most=10), fluid(4, 0.8), {}, 0, 1, silent)
    assert made.about["ended"] == CONVERGED
    assert off(made.potential) < 0.2
