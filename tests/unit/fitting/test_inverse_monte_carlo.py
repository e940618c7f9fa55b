"""Inverse Monte Carlo finds known potentials again, by the response of counts to the potential."""

import dataclasses
import functools

import numpy as np
import pytest
import torch
from inversions import (
    CUTOFF,
    LENGTH,
    STIFFNESS,
    TEMPERATURE,
    coupled,
    diatomics,
    fluid,
    joined,
    off,
    same_bits_when_killed,
    settings,
    silent,
)

from meanforce.core.configuration import Configuration
from meanforce.errors import InputError
from meanforce.fitting import boltzmann_inversion
from meanforce.fitting.inverse_monte_carlo import InverseMonteCarlo, fit
from meanforce.fitting.iterative.histograms import Histograms
from meanforce.fitting.iterative.linear_response import BinCounts, Response
from meanforce.fitting.iterative.loop import CONVERGED
from meanforce.fitting.iterative.moments import Moments
from meanforce.fitting.iterative.observer import Observed, Observer
from meanforce.fitting.iterative.problem import Problem
from meanforce.fitting.iterative.states import states_of
from meanforce.fitting.linear import without_coefficients
from meanforce.units import kt

BOND = {"bonds": {"functions": 12}}
PAIRS = {"pairs": {"cutoff": CUTOFF, "functions": 20}}
RUN = {"time_step": 0.008, "friction": 2.0, "equilibration": 1.6, "length": 8.0, "stride": 0.16}
WEAK = 1e-9
"""A regularisation that does nothing."""


def chosen(terms: dict, temperature: str = "none", **fitting):
    return settings(terms, temperature, kind="inverse_monte_carlo", **fitting)


def moments(mean: np.ndarray, covariance: np.ndarray) -> Moments:
    """Of two units of frames."""
    half = 5e5
    squares = 2 * half * (covariance + np.outer(mean, mean))
    return Moments(half * np.array([mean, mean]), squares, np.array([half, half]))


def correlated(size: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Mean counts and a covariance."""
    rng = np.random.default_rng(1)
    factor = rng.normal(size=(size, size))
    return rng.uniform(50, 100, size), factor @ factor.T + np.eye(size)


def test_counts_that_do_not_depend_on_each_other_are_inverted():
    """Of Poisson counts the step is that of Boltzmann inversion, however far the target is."""
    n = np.array([0.01, 3.0, 40.0, 0.5, 0.0])
    m = np.array([2.0, 3.0, 1.0, 0.4, 1.0])
    step = Response.of(moments(n, np.diag(n)), m, WEAK).solve()
    assert step[:4] == pytest.approx(np.log(n[:4] / m[:4]), rel=1e-3)
    # No frame was in the last bin.
    assert step[4] == 0


def test_a_small_step_is_the_answer_for_all_bins_together():
    mean, covariance = correlated()
    change = 1e-4 * np.random.default_rng(2).normal(size=len(mean))
    # Counts of the wanted potential U + ΔU, where U is that of the run.
    target = mean - covariance @ change
    step = Response.of(moments(mean, covariance), target, WEAK).solve()
    assert step == pytest.approx(change, rel=1e-3)


def test_weak_directions_are_held_back():
    """By σ²/(σ² + λ) of Tikhonov, √λ being a part of the largest singular value."""
    mean, covariance = correlated()
    spread = np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance / np.outer(spread, spread))
    weak = vectors[:, 0] / spread
    target = mean - covariance @ (1e-6 * weak)
    for strength in (0.01, 0.1):
        weakest = (strength * values[-1]) ** 2
        step = Response.of(moments(mean, covariance), target, strength).solve()
        factor = values[0] ** 2 / (values[0] ** 2 + weakest)
        assert step == pytest.approx(1e-6 * factor * weak, rel=1e-3)
    assert factor < 0.5


@functools.cache
def small():
    """A fluid of eight particles, for what does not depend on statistics."""
    return fluid(2, 0.1, 10, 3.2)


def problem_of(**fitting) -> tuple[Problem, Observed]:
    """Of the small fluid, and a CG run that has the frames of the target."""
    wanted = chosen(PAIRS, inversion_steps=0, **fitting)
    blank = without_coefficients(wanted, small(), {})
    histograms, bins = Histograms(blank), BinCounts(blank.to(torch.float64))
    states = states_of(small(), -1, histograms, 2, bins)
    problem = Problem(wanted.fitting, blank, small(), states, histograms, 1, bins)
    return problem, Observed(states[0].target, (0.0, 1.0), states[0].moments)


def test_reweighted_frames_respond_as_the_covariance_predicts():
    """Weights e^{−ΔU/kT} of a potential that is constant in each bin change ⟨S⟩ by −Cov ΔU/kT."""
    frames, (problem, observed) = small(), problem_of()
    cells = np.asarray(frames.cells[0].double())
    configuration = Configuration(frames.positions.double().numpy(), TEMPERATURE, cells)
    bins = problem.features
    counts = bins.merged(problem.histograms.of(configuration))
    assert counts.mean(axis=0) == pytest.approx(observed.moments.mean)
    change = 1e-5 * np.random.default_rng(3).normal(size=bins.size)
    weights = np.exp(-counts @ change)
    target = weights @ counts / weights.sum()
    expected = observed.moments.mean - observed.moments.covariance @ change
    moved = target - observed.moments.mean
    assert moved == pytest.approx(expected - observed.moments.mean, abs=1e-2 * abs(moved).max())
    # So these weights' potential is found from what they make of the counts.
    step = Response.of(observed.moments, target, WEAK).solve()
    filled = observed.moments.mean > 0.05
    assert step[filled] == pytest.approx(change[filled], abs=1e-2 * abs(change).max())


def off_harmonic(potential) -> float:
    """Largest deviation from the bond's energy within two standard deviations, in kT."""
    places = LENGTH + np.linspace(-2, 2, 41) * np.sqrt(kt(300.0) / STIFFNESS)
    found = potential.curve(torch.from_numpy(places).float(), 300.0)[0].numpy()
    off = (found - 0.5 * STIFFNESS * (places - LENGTH) ** 2) / kt(300.0)
    return float(abs(off - off.mean()).max())


@pytest.mark.parametrize("steps", [0, 1])
def test_a_bond_is_found_from_a_wrong_start(steps):
    """From half of the forces. An error of 0.3 kT is six of those that the counts have."""
    frames = diatomics(20000, forces=0.5)
    wanted = chosen(BOND, start="force_matching", inversion_steps=steps, at_most=8)
    made = fit(wanted, frames, {}, 0, 3, silent)
    assert made.about["ended"] == CONVERGED
    first, last = made.curve.iloc[0], made.curve.iloc[-1]
    assert first["gradient"] > 4 > 1.5 > last["gradient"]
    assert off_harmonic(made.potential) < 0.3


def test_several_temperatures_are_fitted_at_once():
    """One potential, and one that depends on temperature and whose targets do not ask for it."""
    frames = joined(*(diatomics(20000, at, seed=seed) for seed, at in enumerate((280.0, 320.0))))
    made = fit(
        chosen(BOND, "linear", inversion_steps=0, at_most=8), frames, {}, 0, 3, silent
    )  # fmt: skip
    assert made.about["ended"] == CONVERGED
    assert off_harmonic(made.potential) < 0.3


def test_curves_that_depend_on_each_other_are_changed_together(monkeypatch):
    """Three beads whose ends' distance depends on their bonds: one joint step comes closer.

    Scores of these runs have errors of about one, in the floors of runs of the same length.
    """
    monkeypatch.setattr(Observer, "may_end", lambda self: False)
    terms = BOND | {"pairs": {"cutoff": 1.0, "functions": 20, "exclude": 2}}
    given = {"start": "force_matching", "at_most": 2, "run": {"length": 16.0}}
    frames, after = coupled(20000), {}
    for steps in (0, 1):
        made = fit(chosen(terms, inversion_steps=steps, **given), frames, {}, 0, 3, silent)
        after[steps] = made.curve["score"].iloc[-1]
        first = made.curve["score"].iloc[0]
    same = boltzmann_inversion.fit(settings(terms, **given), frames, {}, 0, 3, silent)
    assert same.curve["score"].iloc[-1] == after[1]
    assert after[0] < after[1] - 3 < first - 3


@pytest.mark.parametrize("temperatures", [(300.0,), (280.0, 320.0)])
def test_a_fit_that_is_killed_again_and_again_makes_the_same_bits(tmp_path, temperatures):
    """Runs of one or two state points, stopped within and between them, before and after a change
    from inversion to inverse Monte Carlo."""
    frames = joined(*(diatomics(2000, at, forces=0.2) for at in temperatures))
    wanted = chosen(
        BOND, start="force_matching", inversion_steps=1, at_most=3,
        run={"chains": 4, "equilibration": 0.2, "length": 1.0, "stride": 0.02},
    )  # fmt: skip
    once, _ = same_bits_when_killed(fit, wanted, frames, tmp_path / "job")
    assert len(once.curve) == 3


def test_a_fit_that_runs_away_keeps_its_best_iterate(monkeypatch):
    """Steps in the wrong direction: they are halved, and at last the start is kept."""
    right = InverseMonteCarlo.update
    monkeypatch.setattr(InverseMonteCarlo, "update", lambda *args: -10 * right(*args))
    lines, run = [], {"length": 2.0, "equilibration": 0.5, "stride": 0.04}
    wanted = chosen(BOND, start="force_matching", inversion_steps=0, run=run)
    made = fit(wanted, diatomics(4000, forces=0.4), {}, 0, 3, lines.append)
    assert made.about["ended"].startswith("diverged: ")
    assert made.about["kept"] == 1
    assert made.about["step"] == 2.0**-5
    assert sum("goes on from iteration 1" in line for line in lines) == 5


@pytest.mark.parametrize(
    ("terms", "given", "sentence"),
    [
        (BOND, {"run": {"chains": 2, "length": 1.0}}, r"2 chains of 10 frames are too few for the "
         r"covariance of 11 bins, as a run may end after 8 frames; use more chains"),
        (BOND, {"pressure": {"target": 1.0}}, r"pressure"),
        (BOND, {"regularisation": 0.0}, r"regularisation.*greater than 0"),
        (BOND, {"inversion_steps": -1}, r"inversion_steps.*greater than or equal to 0"),
        (BOND, {"updates": "by_turns"}, r"updates"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_one_sentence(terms, given, sentence):
    with pytest.raises(InputError, match=sentence):
        fit(chosen(terms, **given), diatomics(1000), {}, 0, 3, silent)


@pytest.mark.slow
@pytest.mark.extended
@pytest.mark.parametrize("steps", [0, 5])
def test_the_pair_potential_of_a_fluid_comes_back(steps):
    """At ρ* 0.3, in fewer runs than inversion needs to bring all counts within their noise."""
    given = {"run": RUN, "at_most": 12}
    made = fit(chosen(PAIRS, inversion_steps=steps, **given), fluid(), {}, 0, 1, silent)
    assert made.about["ended"] == CONVERGED
    assert off(made.potential) < 0.12
    if not steps:
        inverted = fit(chosen(PAIRS, inversion_steps=50, **given), fluid(), {}, 0, 1, silent)
        assert len(made.curve) < len(inverted.curve)


@pytest.mark.slow
@pytest.mark.long
def test_the_pair_potential_of_a_dense_fluid_comes_back():
    """At ρ* 0.8, where inversion, with g at its noise floor, is still 0.6 kT off."""
    wanted = chosen(PAIRS, run=RUN, at_most=10, inversion_steps=0)
    made = fit(wanted, fluid(4, 0.8), {}, 0, 1, silent)
    assert made.about["ended"] == CONVERGED
    assert off(made.potential) < 0.2


def test_frames_need_masses():
    frames = dataclasses.replace(diatomics(1000), masses=None)
    with pytest.raises(InputError, match="masses"):
        fit(chosen(BOND), frames, {}, 0, 3, silent)
