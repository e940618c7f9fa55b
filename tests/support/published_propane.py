"""Liquid propane of Rühle and Junghans from tables alone: targets, beads and starts."""

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import torch

from meanforce.core.molecule_type import MoleculeType
from meanforce.core.topology import Topology
from meanforce.fitting.frames import Frames
from meanforce.fitting.target_tables import TargetTables
from meanforce.settings.job import validated
from meanforce.settings.target_tables import TargetTablesSettings

FOLDER = Path(__file__).parents[2] / "resources/references/propane"
TEMPERATURE, DENSITY, CUTOFF = 200.0, 8.666, 1.22
"""K, molecules in a nm³, nm."""

PAIRS = ("A-A", "A-B", "B-B")
PROPANE = MoleculeType("PRP", ("A1", "B", "A2"), ("A", "B", "A"), ((0, 1), (1, 2)))
MASSES = (15.035, 14.027, 15.035)

FILES = {
    "pairs": {name: str(FOLDER / f"{name}.dist.tgt") for name in PAIRS},
    "bonds": {"A-B": str(FOLDER / "bond.dist.tgt")},
    "angles": {"A-B-A": str(FOLDER / "angle.dist.tgt")},
}
TERMS = {
    "bonds": {"functions": 16}, "angles": {"functions": 16}, "dihedrals": None,
    "pairs": {"cutoff": CUTOFF, "functions": 46},
}  # fmt: skip


def targets(files: dict = FILES) -> TargetTables:
    """The published tables."""
    settings = validated(TargetTablesSettings, files, "targets")
    return TargetTables.read(settings, TEMPERATURE)


def starts(count: int = 200, density: float = DENSITY) -> Frames:
    """Molecules on a lattice at the published density, with the published targets."""
    edge = (count / density) ** (1 / 3)
    side = int(np.ceil(count ** (1 / 3)))
    places = np.array(list(itertools.product(range(side), repeat=3)))
    centres = places[np.linspace(0, len(places) - 1, count).astype(int)] * edge / side
    # Along the diagonal, molecules of a small lattice do not come close.
    along, across = np.array([1, 1, 1]) / 3**0.5, np.array([1, -1, 0]) / 2**0.5
    half = 0.1665 * np.sin(1.8737 / 2), 0.1665 * np.cos(1.8737 / 2)
    shape = np.array([-half[0] * along, half[1] * across, half[0] * along])
    positions = torch.tensor((centres[:, None] + shape).reshape(1, -1, 3), dtype=torch.float32)
    zero = torch.zeros(1, dtype=torch.long)
    return Frames(
        positions, torch.zeros_like(positions), torch.tensor([TEMPERATURE]), zero, zero,
        Topology(((PROPANE, count),)),
        cells=torch.tensor(edge * np.eye(3), dtype=torch.float32)[None],
        masses=np.tile(MASSES, count), targets=(targets(),),
    )  # fmt: skip


def published(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Places (nm) and energies (kJ/mol) of the potential after five published steps."""
    return np.loadtxt(FOLDER / f"{name}.pot.5", usecols=(0, 1)).T


def without_tables(frames: Frames) -> Frames:
    """The same frames, as those of an atomistic run."""
    return dataclasses.replace(frames, targets=())
