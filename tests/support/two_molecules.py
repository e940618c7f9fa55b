"""Two molecules in a periodic box, and datasets of them."""

from pathlib import Path

import numpy as np

from meanforce.core.topology import Topology
from meanforce.data.h5md import FrameBlock, H5mdWriter
from meanforce.settings.collective_variables import CollectiveVariableSettings

NAMES = tuple("ABCD")
ONE = Topology.of_beads(NAMES, NAMES, ((0, 1), (1, 2), (2, 3)))
TWO = Topology.of_beads(NAMES, NAMES, ((0, 1), (2, 3)))
BOX = np.array([[9.0, 0.0, 0.0], [2.0, 8.0, 0.0], [-1.0, 1.5, 8.5]])
"""nm; twice as wide as the frames, which would be the same without the box."""

BETWEEN = CollectiveVariableSettings(kind="distance", mapping="m", beads=["A", "C"])
"""A distance between the molecules."""


def frames(n: int, seed: int = 1) -> np.ndarray:
    """Molecules beside each other, nm, shape (n, 4, 3)."""
    return np.random.default_rng(seed).normal(0.0, 0.5, (n, 4, 3))


def apart(positions: np.ndarray, seed: int = 2) -> np.ndarray:
    """The same frames with the second molecule, in one piece, in other images of the box."""
    turns = np.random.default_rng(seed).integers(-2, 3, (len(positions), 1, 3))
    moved = positions.copy()
    moved[:, 2:] += turns @ BOX
    return moved


def write(
    path: Path,
    positions: np.ndarray,
    molecule: Topology = TWO,
    box: np.ndarray | None = BOX,
    temperature: float = 300.0,
) -> Path:
    """A dataset without bias, of one frame a picosecond; returns its path."""
    n = len(positions)
    parameters = molecule.parameters() | {"temperature": temperature}
    with H5mdWriter(path, np.full(4, 12.0), parameters, True, box) as writer:
        flat, times = np.zeros(n), np.arange(float(n))
        writer.append(FrameBlock(positions, times, flat, flat, flat.astype(int), 0 * positions))
    return path
