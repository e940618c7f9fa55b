"""Potential kind `mace`: what the tests of all kinds of potentials do not cover."""

import os
import sys
from importlib.util import find_spec

import pytest
import torch

from meanforce.core.configuration import Configuration
from meanforce.core.topology import Topology
from meanforce.errors import InputError
from meanforce.fitting.frames import Frames
from meanforce.fitting.registry import fit
from meanforce.potentials import mace as module
from meanforce.potentials.files import load, save
from meanforce.potentials.interface import Start
from meanforce.potentials.mace import Mace
from meanforce.settings.job import validated
from meanforce.settings.potentials.registry import Potential

needs_mace = pytest.mark.skipif(
    find_spec("mace") is None, reason="needs envs/requirements-mace.txt"
)
MOLECULE = Topology.of_beads(
    tuple("ABCDE"), ("C", "C", "N", "C", "O"), ((0, 1), (1, 2), (2, 3), (3, 4))
)


def settings(**changes):
    values = {
        "kind": "mace", "channels": 4, "max_L": 1, "max_ell": 2, "radial_hidden": [8],
        "training": {"weight_decay": 0.0, "epochs": 7, "batch_size": 20, "learning_rate": 0.03},
    }  # fmt: skip
    return validated(Potential, values | changes, "potential")


def some_positions(n: int, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 5, 3, generator=generator) * 0.15


def initial(**changes) -> Mace:
    generator = torch.Generator().manual_seed(2)
    start = Start(MOLECULE, Configuration(some_positions(50), 300.0), [300.0, 400.0])
    return Mace.initial(settings(**changes), start, generator)


@pytest.fixture(scope="module")
def single() -> Mace:
    return initial()


@pytest.fixture(scope="module")
def potential(single) -> Mace:
    return single.to(torch.float64)


def energy(potential: Mace, positions: torch.Tensor) -> torch.Tensor:
    return potential.energy_and_forces(Configuration(positions, 300.0))[0]


@needs_mace
def test_first_evaluation_gives_the_bits_of_later_ones():
    """Also of the gradients in the weights, without which training would not be repeatable."""
    found = []
    fresh = initial()
    for weight in fresh.trainable():
        weight.requires_grad_(True)
    for _ in range(3):
        _, forces = fresh.energy_and_forces(Configuration(some_positions(10), 300.0))
        gradients = torch.autograd.grad(
            forces.square().mean(), fresh.trainable(), allow_unused=True
        )
        found.append([forces, *(g for g in gradients if g is not None)])
    assert len(found[0]) > 10
    for again in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], again, strict=True))


@needs_mace
def test_energy_is_that_of_the_package(single):
    """`MACE.forward` of mace-torch, on the same graphs."""
    positions = some_positions(6)
    every = torch.cartesian_prod(torch.arange(6), torch.arange(5), torch.arange(5))
    frame, first, second = every[every[:, 1] != every[:, 2]].T
    edges = torch.stack([first + 5 * frame, second + 5 * frame])
    flat = 10 * positions.reshape(-1, 3)
    near = (flat[edges[0]] - flat[edges[1]]).norm(dim=1) < 10 * single.values["cutoff"]
    edges = edges[:, near]
    data = {
        "positions": flat, "edge_index": edges, "node_attrs": single._species.repeat(6, 1),
        "shifts": torch.zeros(edges.shape[1], 3), "unit_shifts": torch.zeros(edges.shape[1], 3),
        "cell": torch.zeros(18, 3), "batch": torch.arange(6).repeat_interleave(5),
        "ptr": torch.arange(7) * 5,
    }  # fmt: skip
    theirs = module.ENERGY_SCALE * single.network(data, compute_force=False)["energy"].detach()
    torch.testing.assert_close(energy(single, positions), theirs, rtol=1e-5, atol=1e-5)


@needs_mace
def test_mirror_images_and_equal_types_are_the_same(potential):
    positions = some_positions(6).double()
    ours = energy(potential, positions)
    mirrored = positions * torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64)
    torch.testing.assert_close(energy(potential, mirrored), ours, rtol=1e-6, atol=1e-6)
    # Beads 0, 1 and 3 are of one type; 2 is not.
    torch.testing.assert_close(energy(potential, positions[:, [3, 0, 2, 1, 4]]), ours)
    assert (energy(potential, positions[:, [2, 1, 0, 3, 4]]) - ours).abs().max() > 1e-3


@needs_mace
def test_separated_copies_have_twice_the_energy(potential):
    positions = some_positions(4).double()
    doubled = Topology.of_beads(tuple("ABCDEFGHIJ"), MOLECULE.types * 2, MOLECULE.bonds)
    tensors, values = potential.state()
    two = Mace.from_state(tensors, values | doubled.parameters())
    energies, forces = two.energy_and_forces(
        Configuration(torch.cat([positions, positions + 9.0], 1), 300.0)
    )
    ours, ours_forces = potential.energy_and_forces(Configuration(positions, 300.0))
    torch.testing.assert_close(energies, 2 * ours)
    torch.testing.assert_close(forces, torch.cat([ours_forces, ours_forces], 1))


@needs_mace
def test_beads_out_of_reach_feel_nothing(potential):
    positions = torch.arange(15.0, dtype=torch.float64).view(1, 5, 3)
    _, forces = potential.energy_and_forces(Configuration(positions, 300.0))
    assert torch.equal(forces, torch.zeros_like(forces))


@needs_mace
def test_single_and_double_precision_agree(single, potential):
    positions = some_positions(10)
    for ours, theirs in zip(
        single.energy_and_forces(Configuration(positions, 300.0)),
        potential.energy_and_forces(Configuration(positions.double(), 300.0)),
        strict=True,
    ):
        scale = theirs.abs().max().item()
        torch.testing.assert_close(ours.double(), theirs, rtol=0, atol=1e-5 * scale)


@needs_mace
def test_large_batches_are_evaluated_in_parts(potential, monkeypatch):
    positions = some_positions(30).double()
    whole = potential.energy_and_forces(Configuration(positions, 300.0))
    monkeypatch.setattr(module, "MOST_EDGES", 100)
    for ours, theirs in zip(
        potential.energy_and_forces(Configuration(positions, 300.0)), whole, strict=True
    ):
        torch.testing.assert_close(ours, theirs)


@needs_mace
def test_loading_unpickles_nothing_and_leaves_torch_as_safe_as_it_was(
    single, tmp_path, monkeypatch
):
    save(single, tmp_path / "model.safetensors", {})

    def unpickle(*args, **kwargs):
        raise AssertionError("torch.load was called")

    monkeypatch.setattr(torch, "load", unpickle)
    again, _ = load(tmp_path / "model.safetensors")
    positions = some_positions(3)
    assert torch.equal(energy(again, positions), energy(single, positions))
    assert "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD" not in os.environ


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "mace", None)
    with pytest.raises(InputError, match=r"not installed .* envs/requirements-mace\.txt"):
        initial()


@pytest.fixture(scope="module")
def frames() -> Frames:
    """Exact forces of harmonic springs between all beads, at two temperatures."""
    positions = 0.7 * some_positions(300, seed=4)
    n = len(positions)
    temperatures = torch.tensor([300.0, 400.0]).repeat_interleave(n // 2)
    apart = positions[:, :, None] - positions[:, None]
    length = apart.norm(dim=-1, keepdim=True).clamp_min(1e-6)
    # Springs whose force constant falls with temperature.
    stiffness = (2000.0 * 300.0 / temperatures)[:, None, None, None]
    forces = -(stiffness * (length - 0.2) * apart / length).sum(2)
    block = torch.arange(n) * 20 // n
    return Frames(positions, forces, temperatures, block % 5, block, MOLECULE)


@needs_mace
def test_training_learns(frames):
    """The error of held-out forces falls far below their square, and T matters as it should."""
    chosen = settings(temperature="linear", cutoff=1.0)
    result = fit(chosen, frames, {}, 0, 1, lambda line: None)
    assert result.about["validation_loss"] < 0.25 * frames.forces.square().mean()
    some = frames.positions[frames.folds == 0]
    low, high = (
        result.potential.energy_and_forces(Configuration(some, t))[1] for t in (300.0, 400.0)
    )
    # Springs are weaker by 300/400, hence squares by 0.56.
    assert 0.4 < high.square().mean() / low.square().mean() < 0.75
