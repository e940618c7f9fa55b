"""Datasets of beads on a line."""

import numpy as np
from comparisons import BEAD

from meanforce.core.topology import Topology
from meanforce.data.h5md import FrameBlock, H5mdWriter

REPEATS = 60


MANY = Topology.of_beads(tuple(f"B{i}" for i in range(REPEATS)), ("B",) * REPEATS, ())
"""As many beads, each an experiment of its own."""


def write(path, x, log_weight=None, times=None, chain=0):
    """A dataset of beads at x, of shape (n,) or (n, REPEATS)."""
    x = x[:, None] if x.ndim == 1 else x
    n, beads = x.shape
    positions = np.zeros((n, beads, 3))
    positions[:, :, 0] = x
    parameters = (BEAD if beads == 1 else MANY).parameters() | {"temperature": 300.0}
    with H5mdWriter(path, np.ones(beads), parameters, with_forces=False) as writer:
        writer.append(
            FrameBlock(
                position=positions,
                time=np.arange(n, dtype=float) if times is None else times,
                bias_energy=np.zeros(n),
                log_weight=np.zeros(n) if log_weight is None else log_weight,
                chain=np.broadcast_to(chain, n),
            )
        )
    return path
