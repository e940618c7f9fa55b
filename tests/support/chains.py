"""Frames of a chain of four beads with exact forces, and how a network is trained on them."""

import numpy as np
import torch

from meanforce.core.coordinates import CoordinateList
from meanforce.core.topology import Topology
from meanforce.data.h5md import FrameBlock, H5mdWriter
from meanforce.fitting.frames import Frames
from meanforce.potentials.geometry import InternalCoordinates

CHAIN = Topology.of_beads(tuple("ABCD"), tuple("ABCD"), ((0, 1), (1, 2), (2, 3)))


def chain_frames(n: int, seed: int, temperature: float = 300.0) -> Frames:
    """A four-bead chain with exact forces of harmonic bonds and a torsion, plus no noise."""

    generator = torch.Generator().manual_seed(seed)
    base = torch.tensor([[0.0, 0.14, 0], [0, 0, 0], [0.15, 0, 0], [0.15, -0.1, 0.1]])
    positions = base + 0.01 * torch.randn(n, 4, 3, generator=generator)
    listed = CoordinateList(distances=((0, 1), (1, 2), (2, 3)), dihedrals=((0, 1, 2, 3),))
    internal = InternalCoordinates(listed, 4)
    values, vectors = internal.evaluate(positions)
    slope = torch.cat([2000.0 * (values[:, :3] - 0.15), -6.0 * torch.sin(values[:, 3:])], dim=1)
    block = torch.arange(n) * 20 // n
    return Frames(
        positions, -internal.pull_back(slope, vectors).contiguous(),
        torch.full((n,), temperature), block % 5, block, CHAIN,
    )  # fmt: skip


CGNET = {
    "kind": "cgnet", "hidden": [32, 32], "temperature": "none",
    "training": {"weight_decay": 0.0, "epochs": 25, "batch_size": 64, "learning_rate": 5e-3},
}  # fmt: skip


def write_dataset(path, n: int, names=("A", "B")) -> None:
    parameters = {"bead_names": list(names), "bonds": [], "temperature": 300.0}
    with H5mdWriter(path, np.ones(len(names)), parameters, with_forces=True) as writer:
        zeros = np.zeros((n, len(names), 3))
        flat = np.zeros(n)
        writer.append(FrameBlock(zeros, np.arange(n), flat, flat, flat.astype(int), force=zeros))
