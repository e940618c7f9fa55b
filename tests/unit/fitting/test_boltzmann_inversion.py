"""Iterative Boltzmann inversion finds known potentials again, and ends as it should."""

import dataclasses

import inversions
import numpy as np
import pytest
import torch
from inversions import (
    ANGLE,
    BENDING,
    LENGTH,
    STIFFNESS,
    bent,
    diatomics,
    joined,
    same_bits_when_killed,
    settings,
    silent,
)

from meanforce.errors import InputError
from meanforce.fitting.boltzmann_inversion import BoltzmannInversion, fit
from meanforce.fitting.iterative.loop import CONVERGED
from meanforce.fitting.iterative.problem import Problem
from meanforce.units import kt

BOND = {"bonds": {"functions": 12}}


def off_harmonic(potential, temperature: float, stiffness: float = STIFFNESS) -> float:
    """Largest deviation from the bond's energy within two standard deviations, in kT.

    An additive constant does not count.
    """
    kT = kt(temperature)
    places = LENGTH + np.linspace(-2, 2, 41) * np.sqrt(kT / STIFFNESS)
    found = potential.curve(torch.from_numpy(places).float(), temperature)[0].numpy() / kT
    truth = 0.5 * stiffness * (places - LENGTH) ** 2 / kT
    return float(abs((found - truth) - (found - truth).mean()).max())


def test_the_distribution_of_a_bond_is_inverted_with_its_jacobian():
    """Of one bond −kT ln(p/r²) is the answer, and its first run shows that.

    With 4000 frames, ln p of a function's width has an error of about 0.05 within two standard
    deviations; 0.3 is six of them. Without r², the end of the range would be off by 0.4.
    """
    made = fit(settings(BOND, run={"length": 20.0}), diatomics(5000), {}, 0, 3, silent)
    assert made.about["ended"] == CONVERGED
    assert len(made.curve) == 1
    assert off_harmonic(made.potential, 300.0) < 0.3


@pytest.fixture(scope="module")
def from_wrong_forces():
    """From half of the forces: a bond of half the stiffness."""
    frames = diatomics(20000, forces=0.5)
    return fit(settings(BOND, start="force_matching"), frames, {}, 0, 3, silent)


def test_a_bond_is_found_from_a_wrong_start(from_wrong_forces):
    made = from_wrong_forces
    assert made.about["ended"] == CONVERGED
    first, last = made.curve.iloc[0], made.curve.iloc[-1]
    assert first["distance_bonds_P_Q"] > 5 * first["floor_bonds_P_Q"]
    assert last["distance_bonds_P_Q"] < 2 * last["floor_bonds_P_Q"]
    assert off_harmonic(made.potential, 300.0) < 0.3


def test_a_run_ends_early_where_the_difference_is_clear(from_wrong_forces):
    """The last run, whose difference is noise, needs all of its length."""
    frames = from_wrong_forces.curve["frames"]
    assert frames.iloc[0] < frames.iloc[-1] == 16 * 100


@pytest.mark.parametrize("temperature", ["none", "linear"])
def test_several_temperatures_are_fitted_at_once(temperature):
    """U = E − TS of a stiffness that falls from 250 to 350 K, and one that does not."""
    change = 0.0 if temperature == "none" else 0.2

    def stiffness(at: float) -> float:
        return STIFFNESS * (1 - change * (at - 300.0) / 50.0)

    frames = [
        diatomics(20000, at, lambda r, at=at: 0.5 * stiffness(at) * (r - LENGTH) ** 2, seed)
        for seed, at in enumerate((250.0, 350.0))
    ]
    made = fit(settings(BOND, temperature), joined(*frames), {}, 0, 3, silent)
    assert made.about["ended"] == CONVERGED
    assert {"distance_bonds_P_Q_250K", "distance_bonds_P_Q_350K"} <= set(made.curve)
    for at in (250.0, 350.0):
        assert off_harmonic(made.potential, at, stiffness(at)) < 0.3


def test_curves_change_by_turns(monkeypatch):
    """Coefficients of each run: bonds and angles of a molecule of three beads."""
    seen, run = [], Problem.run
    monkeypatch.setattr(
        Problem, "run", lambda self, *given: seen.append(given[0]) or run(self, *given)
    )
    chosen = settings(
        BOND | {"angles": {"functions": 12}}, start="force_matching", updates="by_turns",
        at_most=3, run={"length": 4.0},
    )  # fmt: skip
    made = fit(chosen, bent(4000, forces=0.3), {}, 0, 3, silent)
    kinds = [curve.kind for curve in made.potential.curves]
    assert kinds == ["bonds", "angles"]
    first, second, third = (coefficients.reshape(2, 12) for coefficients in seen)
    assert (first[0] != second[0]).all() and (first[1] == second[1]).all()
    assert (second[0] == third[0]).all() and (second[1] != third[1]).all()


def test_an_angle_is_inverted_with_its_jacobian():
    """Bonds and angle do not depend on each other, so −kT ln(p/sin θ) is the answer.

    Within two standard deviations; without sin θ, its ends would be off by 0.35 kT.
    """
    chosen = settings(BOND | {"angles": {"functions": 12}}, run={"length": 20.0}, at_most=1)
    made = fit(chosen, bent(20000), {}, 0, 3, silent)
    kT = kt(300.0)
    places = ANGLE + np.linspace(-2, 2, 41) * np.sqrt(kT / BENDING)
    found = made.potential.curve(torch.from_numpy(places).float(), 300.0, 1)[0].numpy() / kT
    difference = found - 0.5 * BENDING * (places - ANGLE) ** 2 / kT
    assert abs(difference - difference.mean()).max() < 0.15


def test_a_fit_that_is_killed_again_and_again_makes_the_same_bits(tmp_path):
    """Runs of two state points in an iteration, stopped within each of them and between them."""
    frames = joined(diatomics(2000, 280.0, forces=0.2), diatomics(2000, 320.0, forces=0.2))
    chosen = settings(
        BOND, run={"chains": 4, "equilibration": 0.2, "length": 1.0}, start="force_matching",
        at_most=3,
    )  # fmt: skip
    once, _ = same_bits_when_killed(fit, chosen, frames, tmp_path / "job")
    assert len(once.curve) == 3


def test_a_fit_that_runs_away_keeps_its_best_iterate(monkeypatch):
    """Updates in the wrong direction: the step is halved, and at last the start is kept."""
    right = BoltzmannInversion.update
    monkeypatch.setattr(BoltzmannInversion, "update", lambda *args: -10 * right(*args))
    frames, lines = diatomics(4000, forces=0.4), []
    run = {"length": 2.0, "equilibration": 0.5}
    chosen = settings(BOND, start="force_matching", run=run)
    made = fit(chosen, frames, {}, 0, 3, lines.append)
    assert made.about["ended"].startswith("diverged: ")
    assert made.about["kept"] == 1
    assert made.about["step"] == 2.0**-5
    assert sum("goes on from iteration 1" in line for line in lines) == 5
    start = fit(
        settings(BOND, start="force_matching", at_most=1, run=run), frames, {}, 0, 3, silent
    )
    assert torch.equal(made.potential.coefficients, start.potential.coefficients)


def test_an_exploding_run_halves_the_step(monkeypatch):
    """A bond that stiff is beyond the time step."""
    right = BoltzmannInversion.update

    def stiffer(*given):
        update = right(*given)
        return update + 1e5 * np.linspace(-1, 1, len(update)) ** 2

    monkeypatch.setattr(BoltzmannInversion, "update", stiffer)
    lines = []
    chosen = settings(BOND, start="force_matching", run={"length": 2.0})
    made = fit(chosen, diatomics(4000, forces=0.3), {}, 0, 3, lines.append)
    assert made.about["ended"].startswith("diverged: ")
    assert made.about["kept"] == 1
    assert any("its CG run broke" in line or "beyond any bound" in line for line in lines)


def test_weights_give_the_unbiased_distribution():
    """Frames of a softer bond, with the weights that make it the stiffer one."""
    kT = kt(300.0)
    biased = diatomics(20000, energy=lambda r: 0.5 * bond_of(r))
    r = (biased.positions[:, 1] - biased.positions[:, 0]).norm(dim=1).numpy()
    weights = np.exp(-0.5 * bond_of(r) / kT)
    weights = torch.tensor(weights / weights.mean(), dtype=torch.float32)
    made = fit(
        settings(BOND, at_most=1), dataclasses.replace(biased, weights=weights), {}, 0, 3, silent
    )
    assert off_harmonic(made.potential, 300.0) < 0.3
    plain = fit(settings(BOND, at_most=1), biased, {}, 0, 3, silent)
    assert off_harmonic(plain.potential, 300.0) > 0.6


def bond_of(r: np.ndarray) -> np.ndarray:
    return inversions.bond(r)


def test_too_few_frames_are_refused():
    frames = diatomics(1000)
    with pytest.raises(InputError, match=r"800 frames at 300 K, but .* asks for 900"):
        fit(settings(BOND, smallest_sample=900), frames, {}, 0, 3, silent)
    weights = torch.full((1000,), 1e-6)
    weights[::100] = 1.0
    heavy = dataclasses.replace(frames, weights=weights)
    with pytest.raises(InputError, match=r"weights make worth 8, .* use a weaker bias"):
        fit(settings(BOND), heavy, {}, 0, 3, silent)


def test_a_pressure_needs_a_density():
    with pytest.raises(InputError, match="no density"):
        fit(settings(BOND, pressure={"target": 1.0}), diatomics(1000), {}, 0, 3, silent)


def test_runs_need_masses():
    frames = dataclasses.replace(diatomics(1000), masses=None)
    with pytest.raises(InputError, match="masses"):
        fit(settings(BOND), frames, {}, 0, 3, silent)


def test_a_first_run_that_explodes_is_reported():
    with pytest.raises(InputError, match="the CG run of the first potential broke"):
        fit(
            settings(BOND, run={"time_step": 0.1, "stride": 0.1}), diatomics(1000), {}, 0, 3, silent
        )
