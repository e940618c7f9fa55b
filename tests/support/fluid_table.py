"""A Lennard-Jones fluid as its g(r) alone, for inversions by our code and by others."""

import dataclasses
from pathlib import Path

import numpy as np
import torch
from inversions import CUTOFF, TEMPERATURE, fluid, settings
from liquid_boxes import lattice

from meanforce.core.neighbours import pair_vectors
from meanforce.fitting.frames import Frames
from meanforce.fitting.target_tables import TargetTables
from meanforce.settings.job import validated
from meanforce.settings.target_tables import TargetTablesSettings

STEP = 0.01
"""nm between rows."""

RUN = {"time_step": 0.008, "friction": 2.0, "equilibration": 1.6, "length": 8.0, "stride": 0.16}


def distribution(
    frames: Frames, first: float = 0.25, step: float = STEP
) -> tuple[np.ndarray, np.ndarray]:
    """Places (nm) up to the cutoff, and mean g(r) of their rows, of frames of one type of beads."""
    places = first + step * np.arange(round((CUTOFF - first) / step) + 1)
    edges = np.append(places - step / 2, places[-1] + step / 2)
    r = pair_vectors(frames.positions.numpy(), frames.cells.numpy(), edges[-1]).distances
    n, volume = frames.molecule.size, float(torch.linalg.det(frames.cells[0]))
    ideal = n * n / 2 / volume * 4 / 3 * np.pi * np.diff(edges**3)
    return places, np.histogram(r, edges)[0] / len(frames) / ideal


def start(path: Path, places: np.ndarray, g: np.ndarray) -> Frames:
    """A lattice as the only frame, and a table, which is written, as its target."""
    np.savetxt(path, np.column_stack([places, g]), fmt="%.8f")
    files = validated(TargetTablesSettings, {"pairs": {"P-P": str(path)}}, "targets")
    frames = fluid().select(slice(0, 1))
    edge = float(frames.cells[0, 0, 0])
    positions = torch.tensor(lattice(4, edge), dtype=torch.float32)[None]
    return dataclasses.replace(
        frames, positions=positions, forces=torch.zeros_like(positions),
        targets=(TargetTables.read(files, TEMPERATURE),),
    )  # fmt: skip


def inversion(**fitting):
    """Settings of our inversion."""
    return settings({"pairs": {"cutoff": CUTOFF, "functions": 20}}, run=RUN, **fitting)
