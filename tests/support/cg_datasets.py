"""Datasets of random frames of beads."""

from pathlib import Path

import numpy as np

from meanforce.core.topology import Topology
from meanforce.data.h5md import EACH, FrameBlock, H5mdWriter

CHAIN = Topology.of_beads(
    ("ALA2-N", "ALA2-CA", "ALA2-C", "NME3-N"),
    ("ALA-N(C:CO)", "ALA-CA", "ALA-CA", "NME-N"),
    ((0, 1), (1, 2), (2, 3)),
)
MASSES = np.array([15.015, 13.019, 12.011, 15.015])
BOX = np.array([[3.0, 0.0, 0.0], [0.5, 2.5, 0.0], [-0.4, 0.3, 2.0]])


def dataset(
    path: Path,
    n: int = 25,
    seed: int = 1,
    box: np.ndarray | None = None,
    topology: Topology = CHAIN,
    masses: np.ndarray = MASSES,
    logs: np.ndarray | None = None,
    changed: FrameBlock | None = None,
    **values,
) -> FrameBlock:
    """Write frames at 310 K, and return them; the box grows from frame to frame.

    Args:
        path: of the H5MD file.
        n: number of frames.
        seed: of the random numbers.
        box: of the first frame, nm, shape (3, 3).
        topology: of the beads.
        masses: of the beads, u.
        logs: log-weights of the frames, shape (n,).
        changed: frames to write instead of random ones.
        values: further parameters of the file.
    """
    logs = np.zeros(n) if logs is None else logs
    rng = np.random.default_rng(seed)
    parameters = topology.parameters() | {"temperature": 310.0, "force_map": "aggregate"} | values
    frames = FrameBlock(
        position=rng.normal(1.0, 0.4, (n, topology.size, 3)).astype(np.float32),
        force=rng.normal(0.0, 900.0, (n, topology.size, 3)).astype(np.float32),
        time=0.2 * np.arange(n) + 5.0,
        bias_energy=logs * 2.5,
        log_weight=logs,
        chain=np.zeros(n, int),
        boxes=None if box is None else box * (1.0 + 0.01 * np.arange(n)[:, None, None]),
    )
    frames = changed or frames
    with H5mdWriter(path, masses, parameters, True, None if box is None else EACH) as writer:
        writer.append(frames)
    return frames
