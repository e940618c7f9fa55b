"""Splines of molecules: known potentials are found again, with correct error bars."""

import dataclasses
import re

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from meanforce.core.configuration import Configuration
from meanforce.core.coordinates import CoordinateList
from meanforce.core.topology import Topology
from meanforce.errors import InputError
from meanforce.fitting.frames import Frames
from meanforce.fitting.normal_equations import NormalEquations
from meanforce.fitting.registry import fit
from meanforce.potentials.files import load, save
from meanforce.potentials.geometry import InternalCoordinates
from meanforce.potentials.uncertainty import curve_with_error, difference_with_error
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.job import validated
from meanforce.settings.potentials.registry import Potential

CHAIN = Topology.of_beads(
    tuple("ABCDE"), ("a", "b", "b", "b", "a"), ((0, 1), (1, 2), (2, 3), (3, 4))
)
DIMER = Topology.of_beads(("A", "B"), ("a", "a"), ((0, 1),))
DISTANCE = {"r": CollectiveVariableSettings(kind="distance", mapping="m", beads=["A", "B"])}
STIFF, BENT, BARRIER = 3e4, 150.0, 6.0


def settings(kind: str = "spline", **changes):
    values = {"kind": kind, "terms": {"pairs": None}, "temperature": "none"}
    return validated(Potential, values | changes, "potential")


def chain_frames(n: int, seed: int, noise: float = 0.0, temperature: float = 300.0) -> Frames:
    """Chains with random torsions; forces of harmonic bonds and angles and a cosine of φ.

    At another temperature than 300 K the barrier of the torsion is higher in proportion.
    """
    generator = torch.Generator().manual_seed(seed)
    along = torch.rand(n, 2, generator=generator) * 2 * torch.pi
    positions = torch.zeros(n, 5, 3)
    positions[:, 0] = torch.tensor([-0.05, 0.14, 0.0])
    positions[:, 2, 0] = 0.15
    for bead, angle in enumerate(along.T, 3):
        step = torch.stack([torch.full((n,), 0.05), torch.cos(angle), torch.sin(angle)], 1)
        positions[:, bead] = positions[:, bead - 1] + step * torch.tensor([1.0, 0.14, 0.14])
    positions += 0.003 * torch.randn(n, 5, 3, generator=generator)
    bonds, angles, dihedrals = CHAIN.bonds, CHAIN.angles, CHAIN.dihedrals
    internal = InternalCoordinates(CoordinateList((), bonds, angles, dihedrals), 5)
    q, vectors = internal.evaluate(positions)
    slope = torch.cat(
        [STIFF * (q[:, :4] - 0.15), BENT * (q[:, 4:7] - 1.9),
         -BARRIER * temperature / 300.0 * torch.sin(q[:, 7:])], 1
    )  # fmt: skip
    forces = -internal.pull_back(slope, vectors).contiguous()
    forces += noise * torch.randn(n, 5, 3, generator=generator)
    block = torch.arange(n) * 20 // n
    return Frames(
        positions, forces, torch.full((n,), temperature), block % 5, block, CHAIN
    )  # fmt: skip


def test_curves_of_a_known_molecule_are_found_again():
    result = fit(settings(), chain_frames(4000, 1, noise=5.0), {}, 0, 0, lambda line: None)
    curves = {curve.kind: number for number, curve in enumerate(result.potential.curves)}
    assert [(c.kind, c.name) for c in result.potential.curves] == [
        ("bonds", "a – b"), ("bonds", "b – b"), ("angles", "a – b – b"), ("angles", "b – b – b"),
        ("dihedrals", "a – b – b – b"),
    ]  # fmt: skip
    known = {
        "bonds": lambda q: STIFF / 2 * (q - 0.15) ** 2,
        "angles": lambda q: BENT / 2 * (q - 1.9) ** 2,
        "dihedrals": lambda q: BARRIER * torch.cos(q),
    }
    for kind, energy in known.items():
        number = curves[kind]
        low, high = result.potential.curves[number].sampled
        middle = 0.5 * (low + high)
        q = torch.linspace(0.8 * low + 0.2 * middle, 0.8 * high + 0.2 * middle, 40).double()
        found, error = curve_with_error(result.potential, q, 300.0, number)
        truth = energy(q)
        off = (found - found.mean()) - (truth - truth.mean())
        # 40 places of a smooth curve: six standard errors are passed in less than 1 case in 10⁷.
        assert (off.abs() < 6 * error + 0.01).all()
        assert error.max() < 0.1 * (truth.max() - truth.min())


def test_sums_over_coordinates_give_the_loss_of_direct_evaluation():
    frames = chain_frames(300, 2, noise=20.0)
    frames = dataclasses.replace(frames, weights=torch.rand(300) + 0.5)
    for kind in ("spline", "rbf"):
        chosen = settings(kind, terms={"bonds": {"functions": 7}, "pairs": {"cutoff": 0.45}})
        potential = fit(chosen, frames, {}, 0, 0, lambda line: None).potential
        generator = torch.Generator().manual_seed(4)
        random = 5 * torch.randn(len(potential.coefficients), generator=generator)
        potential = type(potential)(potential.values, random)
        _, forces = potential.energy_and_forces(Configuration(frames.positions, 300.0))
        square = (forces - frames.forces).double().square().sum((1, 2)) * frames.weights
        held = frames.folds == 3
        direct = square[held].sum() / (15 * frames.weights[held].sum())
        loss = NormalEquations(potential, frames).loss([3], random.double().numpy())
        assert loss == pytest.approx(direct.item(), rel=1e-4)


def test_entropy_and_energy_parts_are_told_apart():
    low, high = chain_frames(2000, 5), chain_frames(2000, 6, temperature=400.0)
    fields = ("positions", "forces", "temperatures", "folds", "blocks")
    both = Frames(*(torch.cat([getattr(low, f), getattr(high, f)]) for f in fields), CHAIN)
    potential = fit(settings(temperature="linear"), both, {}, 0, 0, lambda line: None).potential
    number = [curve.kind for curve in potential.curves].index("dihedrals")
    for temperature in (300.0, 350.0, 400.0):
        step, error = difference_with_error(potential, (3.1, 0.0), temperature, number)
        assert step == pytest.approx(2 * BARRIER * temperature / 300.0, rel=0.02)
        assert error < 0.2
    positions = low.positions[:8]
    several = torch.linspace(300.0, 400.0, 8)
    for frame, at, energy in zip(
        positions,
        several,
        potential.energy_and_forces(Configuration(positions, several))[0],
        strict=True,
    ):
        single = potential.energy_and_forces(Configuration(frame[None], float(at)))[0]
        torch.testing.assert_close(energy[None], single, rtol=1e-4, atol=1e-3)


def dimers(rng: np.random.Generator, n: int = 2000) -> Frames:
    """Two beads; noise that lasts for ten frames and is three times larger at long distances."""
    distance = rng.uniform(0.3, 0.7, n)
    slow = np.repeat(rng.normal(size=n // 10), 10)
    noise = 20.0 * (1 + 2 * (distance > 0.5)) * (slow + 0.3 * rng.normal(size=n))
    positions, forces = np.zeros((2, n, 2, 3), dtype=np.float32)
    positions[:, 1, 0] = distance
    pull = 30.0 * 8 * np.cos(8 * distance) + noise
    forces[:, 0, 0], forces[:, 1, 0] = pull, -pull
    block = torch.arange(n) * 20 // n
    return Frames(
        torch.from_numpy(positions), torch.from_numpy(forces), torch.full((n,), 300.0), block % 5,
        block, DIMER,
    )  # fmt: skip


def test_error_bars_cover_the_truth():
    """Over 80 data sets, standardised deviations of an energy difference have mean square one.

    χ² with 80 degrees of freedom is below 0.5 or above 1.8 of its mean in 1 case in 10⁵; that an
    error itself has about 60 degrees of freedom makes it less than 1 in 10⁴.
    """
    chosen = validated(
        Potential,
        {"kind": "spline", "collective_variable": "r", "lower": 0.25, "upper": 0.75,
         "functions": 16, "temperature": "none"}, "potential",
    )  # fmt: skip
    truth = 30.0 * (np.sin(8 * 0.65) - np.sin(8 * 0.35))
    scores = []
    for seed in range(80):
        frames = dimers(np.random.default_rng([7, seed]))
        potential = fit(chosen, frames, DISTANCE, 9, 0, lambda line: None).potential
        value, error = difference_with_error(potential, (0.35, 0.65), 300.0)
        scores.append((value - truth) / error)
    assert 0.5 < np.mean(np.square(scores)) < 1.8


def test_empty_bins_are_reported_and_carried(tmp_path):
    frames = chain_frames(2000, 8, noise=5.0)
    internal = InternalCoordinates(CoordinateList(dihedrals=CHAIN.dihedrals), 5)
    angles = internal.evaluate(frames.positions)[0]
    gap = ((angles > 1.0) & (angles < 2.5)).any(1)
    lines = []
    result = fit(settings(), frames.select(~gap), {}, 0, 0, lines.append)
    empty = result.about["empty_functions"]["dihedrals a – b – b – b"]
    assert empty
    assert all(1.0 < place < 2.5 for place in empty)
    assert any("there are no frames at" in line and "dihedrals" in line for line in lines)
    number = len(result.potential.curves) - 1
    q = torch.tensor([-1.7, 1.75]).double()
    energy, error = curve_with_error(result.potential, q, 300.0, number)
    assert torch.isfinite(energy).all()
    assert energy.abs().max() < 10 * BARRIER
    # Without frames, the error is that of the guess, far larger than at the mirror image.
    assert error[1] > 3 * error[0]
    save(result.potential, tmp_path / "model.safetensors", result.about)
    again, about = load(tmp_path / "model.safetensors")
    assert about["empty_functions"] == result.about["empty_functions"]
    assert torch.equal(curve_with_error(again, q, 300.0, number)[1], error)


@pytest.mark.parametrize("kind", ["spline", "rbf"])
def test_pairs_vanish_smoothly_at_the_cutoff(kind):
    chosen = settings(kind, terms={"pairs": {"cutoff": 0.4, "functions": 12}})
    potential = fit(chosen, chain_frames(500, 9, 5.0), {}, 0, 0, lambda line: None).potential
    potential = potential.to(torch.float64)
    number = [curve.kind for curve in potential.curves].index("pairs")
    r = torch.tensor([0.30, 0.4 - 1e-5, 0.4, 0.41, 5.0]).double()
    energy, slope = potential.curve(r, 300.0, number)
    scale = energy[0].abs()
    assert scale > 0
    assert energy[1].abs() < 1e-6 * scale
    assert slope[1].abs() < 1e-2 * scale
    assert energy[2:].tolist() == slope[2:].tolist() == [0.0, 0.0, 0.0]


def test_an_exploded_chain_does_not_stop_the_others():
    frames = chain_frames(200, 1)
    potential = fit(settings(), frames, {}, 0, 0, lambda line: None).potential
    positions = frames.positions[:3].clone()
    positions[1] = torch.nan
    energy, forces = potential.energy_and_forces(Configuration(positions, 300.0))
    alone, its_forces = potential.energy_and_forces(Configuration(frames.positions[:3], 300.0))
    assert energy.isnan().tolist() == [False, True, False]
    torch.testing.assert_close(energy[::2], alone[::2])
    torch.testing.assert_close(forces[::2], its_forces[::2])


def test_walls_of_bonds_are_no_stiffer_than_the_bonds():
    potential = fit(settings(), chain_frames(4000, 1), {}, 0, 0, lambda line: None).potential
    for curve in potential.curves:
        if curve.kind == "bonds":
            # Bonds of the frames vary by 0.003·√2 nm, as at 300 K with this force constant.
            assert 0.5 < curve.wall / (2.494 / (2 * 0.003**2)) < 2.0


def test_a_model_without_errors_says_so():
    potential = fit(settings(), chain_frames(200, 1), {}, 0, 0, lambda line: None).potential
    older = type(potential)(potential.values, potential.coefficients)
    with pytest.raises(InputError, match="stored without errors"):
        curve_with_error(older, torch.tensor([0.15]), 300.0)


BAD = {
    "neither": ({}, "either 'collective_variable' or 'terms'"),
    "both": ({"collective_variable": "x", "terms": {}}, "either 'collective_variable' or 'terms'"),
    "range of terms": ({"terms": {}, "functions": 20}, "for 'terms', ranges come from the data"),
    "no range": ({"collective_variable": "x", "lower": 1}, "needs 'lower', 'upper' and"),
    "no terms": (
        {"terms": dict.fromkeys(("bonds", "angles", "dihedrals", "pairs"))}, "at least one"
    ),
    "negative": ({"terms": {}, "smoothness": [-1.0]}, "'smoothness' values must be 0 or more"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_settings_are_refused(name):
    values, message = BAD[name]
    with pytest.raises(ValidationError, match=re.escape(message)):
        TypeAdapter(Potential).validate_python({"kind": "spline"} | values)


def test_a_molecule_without_terms_is_refused():
    frames = dataclasses.replace(dimers(np.random.default_rng(1)), molecule=DIMER)
    with pytest.raises(InputError, match="have none of the terms dihedrals"):
        fit(settings(terms={"bonds": None, "angles": None, "pairs": None}), frames, {}, 0, 0, print)
