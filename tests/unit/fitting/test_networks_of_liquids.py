"""Networks and many molecules in a box: `mace` learns their forces, `cgnet` refuses."""

import dataclasses
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from meanforce.core.configuration import Configuration
from meanforce.core.molecule_type import MoleculeType
from meanforce.core.neighbours import pair_vectors
from meanforce.core.topology import Topology
from meanforce.errors import InputError
from meanforce.fitting.frames import Frames
from meanforce.fitting.registry import fit
from meanforce.potentials import mace as module
from meanforce.settings.job import validated
from meanforce.settings.potentials.registry import Potential

EDGE, REACH = 1.35, 0.5
ONE, OTHER = MoleculeType("A", ("X",), ("x",)), MoleculeType("B", ("Y",), ("y",))
LIQUID = Topology(((ONE, 14), (OTHER, 13)))


def liquid(n: int = 120) -> Frames:
    """Soft spheres on a shaken lattice that fills the box; half of all pairs cross its sides."""
    rng = np.random.default_rng(1)
    lattice = np.stack(np.meshgrid(*[np.arange(3)] * 3), -1).reshape(-1, 3) * EDGE / 3
    positions = lattice + 0.06 * rng.normal(size=(n, 27, 3))
    cell = EDGE * np.eye(3)
    found = pair_vectors(positions, cell, REACH)
    pull = found.vectors / found.distances * 600.0 * (REACH - found.distances)
    forces = np.zeros((n, 27, 3))
    np.add.at(forces, (found.frame, found.second), pull.T)
    np.add.at(forces, (found.frame, found.first), -pull.T)
    block = torch.arange(n) * 20 // n
    return Frames(
        torch.tensor(positions % EDGE, dtype=torch.float32),
        torch.tensor(forces, dtype=torch.float32), torch.full((n,), 300.0), block % 5, block,
        LIQUID, cells=torch.tensor(cell, dtype=torch.float32).repeat(n, 1, 1),
    )  # fmt: skip


@pytest.mark.skipif(find_spec("mace") is None, reason="needs envs/requirements-mace.txt")
def test_mace_learns_forces_across_the_sides_of_the_box():
    frames = liquid()
    chosen = validated(
        Potential,
        {
            "kind": "mace", "channels": 4, "max_L": 0, "max_ell": 1, "layers": 1,
            "radial_hidden": [16], "correlation": 1, "cutoff": 0.55,
            "training": {"weight_decay": 0.0, "epochs": 8, "batch_size": 8, "learning_rate": 0.03},
        }, "potential",
    )  # fmt: skip
    result = fit(chosen, frames, {}, 0, 1, lambda line: None)
    square = frames.forces[frames.folds == 0].square().mean()
    # Without images the forces on beads at the sides cannot be learned: half of all pairs are lost.
    assert result.about["validation_loss"] < 0.15 * square
    some = frames.select(slice(0, 4))
    turns = torch.randint(-2, 3, some.positions.shape, generator=torch.Generator().manual_seed(1))
    _, forces = result.potential.energy_and_forces(some.configurations)
    moved = dataclasses.replace(some.configurations, positions=some.positions + EDGE * turns)
    _, again = result.potential.energy_and_forces(moved)
    assert (forces - again).abs().max() < 1e-3 * forces.abs().max()
    _, alone = result.potential.energy_and_forces(Configuration(some.positions, 300.0))
    assert (alone - some.forces).square().mean() > 3 * result.about["validation_loss"]


def test_neighbours_of_many_beads_are_counted_in_parts(monkeypatch):
    frames = liquid().configurations
    whole = module._mean_neighbours(frames, 0.5)
    found = pair_vectors(frames.positions.numpy(), frames.cell.numpy(), 0.5)
    assert whole == pytest.approx(2 * len(found.frame) / 27 / len(frames))
    monkeypatch.setattr(module, "MOST_FRAMES", 800)
    assert module._mean_neighbours(frames, 0.5) == whole


def test_cgnet_refuses_before_it_lists_all_pairs():
    """1,500 beads have a million distances, which 200 frames would hold 250 million times."""
    n, beads = 200, 1500
    positions = torch.rand(n, beads, 3, generator=torch.Generator().manual_seed(1)) * 4
    block = torch.arange(n) * 20 // n
    frames = Frames(
        positions, positions, torch.full((n,), 300.0), block % 5, block,
        Topology(((ONE, beads),)),
        cells=4 * torch.eye(3).repeat(n, 1, 1),
    )  # fmt: skip
    settings = {
        "kind": "cgnet",
        "hidden": [8],
        "training": {"weight_decay": 0.0, "epochs": 1, "batch_size": 10},
    }
    with pytest.raises(InputError, match=r"kind 'cgnet': was given .* cell, but its beads"):
        fit(validated(Potential, settings, "p"), frames, {}, 0, 1, lambda line: None)
