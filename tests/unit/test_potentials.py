"""Every kind of potential: forces, invariances, batches, files."""

import functools
import json
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from meanforce.errors import InputError
from meanforce.potentials.files import load, save
from meanforce.potentials.interface import EnsembleMean, Start
from meanforce.potentials.molecule import Molecule
from meanforce.potentials.prior import Prior
from meanforce.potentials.registry import KINDS
from meanforce.potentials.with_prior import WithPrior
from meanforce.settings.job import validated
from meanforce.settings.potentials import Potential as Settings

NAMES = [f"B{i}" for i in range(5)]
BONDS = [(0, 1), (1, 2), (2, 3), (3, 4)]
VARIABLES = {
    "distance": {"kind": "distance", "mapping": "m", "beads": ["B0", "B2"]},
    "dihedral": {"kind": "dihedral", "mapping": "m", "beads": ["B0", "B1", "B2", "B3"]},
    "combination": {
        "kind": "combination", "mapping": "m", "coefficients": {"c": 1.0, "s": -0.5, "n": 0.5},
        "members": {
            "c": {"kind": "cos_dihedral", "mapping": "m", "beads": ["B0", "B1", "B2", "B3"]},
            "s": {"kind": "sin_dihedral", "mapping": "m", "beads": ["B1", "B2", "B3", "B4"]},
            "n": {
                "kind": "coordination", "mapping": "m", "beads": ["B0"],
                "other_beads": ["B3", "B4"], "radius": 1.5,
            },
        },
    },
}  # fmt: skip


def linear(kind: str, variable: str):
    ranges = {"distance": (0.2, 4.0), "dihedral": (-3.2, 3.2), "combination": (-1.5, 2.5)}
    low, high = ranges[variable]
    values = {
        "collective_variable": VARIABLES[variable],
        "bead_names": NAMES,
        "lower": low,
        "upper": high,
        "functions": 12,
        "width": 1.5,
        "temperature": "linear",
        "reference_temperature": 350.0,
        "sampled": [low, high],
        "wall": 50.0,
    }
    generator = torch.Generator().manual_seed(1)
    return KINDS[kind](values, torch.randn(24, generator=generator, dtype=torch.float64) * 5)


MOLECULE = Molecule(tuple(NAMES), tuple(NAMES), tuple(BONDS))


def network(seed: int, **settings):
    generator = torch.Generator().manual_seed(seed)
    settings = validated(Settings, settings | {"training": {"epochs": 1}}, "potential")
    positions = torch.randn(100, 5, 3, generator=generator)
    start = Start(MOLECULE, positions, [300.0, 400.0])
    return KINDS[settings.kind].initial(settings, start, generator)


def cgnet(seed: int = 1):
    return network(seed, kind="cgnet", hidden=[16, 16])


@functools.cache
def mace(seed: int = 1):
    if find_spec("mace") is None:
        pytest.skip("needs envs/requirements-mace.txt")
    small = {"channels": 4, "max_L": 1, "max_ell": 2, "radial_hidden": [8]}
    single = network(seed, kind="mace", cutoff=3.0, temperature="linear", **small)
    # Untrained, its forces are small beside the rounding of single precision.
    return single.to(torch.float64)


def with_prior(seed: int = 1):
    generator = torch.Generator().manual_seed(seed)
    beads = {
        "n_beads": 5, "bonds": BONDS, "angles": MOLECULE.angles, "dihedrals": MOLECULE.dihedrals,
        "excluded": [(0, 4), (0, 3)],
    }  # fmt: skip
    shapes = {
        "bond_center": 4, "bond_stiffness": 4, "angle_center": 3, "angle_stiffness": 3,
        "dihedral_cosine": (2, 3), "dihedral_sine": (2, 3), "excluded_radius": 2,
        "excluded_energy": 2,
    }  # fmt: skip
    tensors = {n: 1 + torch.rand(shape, generator=generator) for n, shape in shapes.items()}
    return WithPrior(Prior(json.loads(json.dumps(beads)), tensors), cgnet(seed))


POTENTIALS = {
    "spline on a distance": lambda: linear("spline", "distance"),
    "spline on a dihedral": lambda: linear("spline", "dihedral"),
    "spline on a combination": lambda: linear("spline", "combination"),
    "rbf on a distance": lambda: linear("rbf", "distance"),
    "cgnet": cgnet,
    "mace": mace,
    "cgnet with a prior": with_prior,
    "mean of cgnets": lambda: EnsembleMean([cgnet(1), cgnet(2), cgnet(3)]),
    "mean of cgnets with priors": lambda: EnsembleMean([with_prior(1), with_prior(2)]),
}


def test_every_kind_is_tested():
    assert set(KINDS) == {"spline", "rbf", "cgnet", "mace"}


@pytest.fixture(params=POTENTIALS)
def potential(request):
    return POTENTIALS[request.param]()


@pytest.fixture
def positions(potential) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(6, 5, 3, generator=generator, dtype=torch.float64).to(potential.dtype)


def test_forces_are_minus_the_gradient(potential, positions):
    positions = positions.double()
    step = 1e-3 if potential.dtype == torch.float32 else 1e-6
    _, forces = potential.energy_and_forces(positions.to(potential.dtype), 340.0)
    numeric = torch.zeros_like(positions)
    for bead in range(5):
        for axis in range(3):
            ends = []
            for sign in (1, -1):
                moved = positions.clone()
                moved[:, bead, axis] += sign * step
                ends.append(potential.energy_and_forces(moved.to(potential.dtype), 340.0)[0])
            numeric[:, bead, axis] = -(ends[0] - ends[1]).double() / (2 * step)
    scale = forces.abs().max().item()
    tolerance = 5e-3 if potential.dtype == torch.float32 else 1e-6
    torch.testing.assert_close(forces.double(), numeric, rtol=0, atol=tolerance * scale)


def test_rotation_turns_forces_and_keeps_energy(potential, positions):
    rotation, _ = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64))
    rotation = (rotation * torch.sign(torch.det(rotation))).to(potential.dtype)
    energy, forces = potential.energy_and_forces(positions, 340.0)
    moved_energy, moved_forces = potential.energy_and_forces(positions @ rotation.T + 1.0, 340.0)
    torch.testing.assert_close(moved_energy, energy, rtol=1e-4, atol=1e-4)
    scale = forces.abs().max().item()
    torch.testing.assert_close(moved_forces, forces @ rotation.T, rtol=0, atol=1e-3 * scale)


def test_total_force_and_torque_vanish(potential, positions):
    _, forces = potential.energy_and_forces(positions, 340.0)
    scale = forces.abs().max().item()
    assert forces.sum(1).abs().max().item() < 1e-5 * scale
    torque = torch.linalg.cross(positions, forces).sum(1)
    assert torque.abs().max().item() < 1e-4 * scale


def test_batch_equals_single(potential, positions):
    energy, forces = potential.energy_and_forces(positions, 340.0)
    for number in range(len(positions)):
        one = slice(number, number + 1)
        single_energy, single_forces = potential.energy_and_forces(positions[one], 340.0)
        torch.testing.assert_close(single_energy, energy[one], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(single_forces, forces[one], rtol=1e-4, atol=1e-3)


def test_temperature_matters(potential, positions):
    low, _ = potential.energy_and_forces(positions, 300.0)
    high, _ = potential.energy_and_forces(positions, 400.0)
    assert (low - high).abs().max() > 1e-3


@pytest.mark.parametrize("name", [name for name in POTENTIALS if "mean" not in name])
def test_saved_model_is_the_same_model(name, tmp_path):
    potential = POTENTIALS[name]()
    save(potential, tmp_path / "model.safetensors", {"note": 1})
    again, about = load(tmp_path / "model.safetensors")
    positions = torch.randn(4, 5, 3, dtype=potential.dtype)
    assert about == {"note": 1}
    for ours, theirs in zip(
        potential.energy_and_forces(positions, 320.0),
        again.energy_and_forces(positions, 320.0),
        strict=True,
    ):
        assert torch.equal(ours, theirs)


def test_damaged_model_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    save(cgnet(), path, {})
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match="not a complete model"):
        load(path)
    with pytest.raises(InputError, match="not a complete model"):
        load(tmp_path / "nothing.safetensors")


def test_b_splines_sum_to_one():
    spline = linear("spline", "distance")
    s = torch.linspace(0.8, 3.4, 50, dtype=torch.float64)
    value, slope = spline.basis(s)
    np.testing.assert_allclose(value.sum(1), 1.0, atol=1e-12)
    np.testing.assert_allclose(slope.sum(1), 0.0, atol=1e-12)
