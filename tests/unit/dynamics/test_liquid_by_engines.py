"""A Lennard-Jones liquid by all engines: one structure and one virial pressure."""

import numpy as np
import pytest
import torch
from liquid_boxes import ATOM, EACH_ENGINE, box_run, lattice, lennard_jones, spline

from meanforce.core.neighbours import neighbours
from meanforce.core.topology import Topology
from meanforce.dynamics.sample import sample
from meanforce.units import kt

EDGE, SIDE, TEMPERATURE = 2.2, 6, 120.0
BLOCKS = 5
"""Of each of two chains, for errors."""

BINS = np.linspace(0.3, 0.85, 12)


def observed(positions: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Pairs in each bin and the virial part of the pressure of frames of (n, n_beads, 3)."""
    near = neighbours(positions, cell, BINS[-1])
    apart = positions[near.frame, near.second] - positions[near.frame, near.first]
    r = np.linalg.norm(apart + near.offsets(cell), axis=1)
    h = 1e-6
    energy = lennard_jones()
    slope = (energy(r + h) - energy(r - h)) / (2 * h)
    virial = np.bincount(near.frame, -slope * r, len(positions)) / (3 * np.linalg.det(cell))
    place = np.digitize(r, BINS)
    counts = [np.bincount(near.frame[place == k], minlength=len(positions))
              for k in range(1, len(BINS))]  # fmt: skip
    return np.column_stack([*counts, virial])


def run_of(engine: str, length: float, seed: int) -> np.ndarray:
    """Means of observables over blocks, shape (2·BLOCKS, n_observables)."""
    molecule = Topology(((ATOM, SIDE**3),))
    potential = spline(
        molecule, {"pairs": lennard_jones()}, functions=60, ranges={"pairs": (0.28, 0.85)}
    )
    cell = EDGE * np.eye(3)
    run = box_run(
        potential, molecule, lattice(SIDE, EDGE), cell, seed, time_step=0.01, friction=2.0,
        equilibration=5.0, length=length, stride=0.25, engine=engine,
    )  # fmt: skip
    generator = torch.Generator().manual_seed(seed)
    found = sample(potential, run.starts, run.simulation, generator, run.system)
    blocks = []
    for chain in range(2):
        frames = found.positions[:, chain].astype(float)
        for part in np.array_split(frames, BLOCKS):
            blocks.append(observed(part, cell).mean(0))
    return np.array(blocks)


@pytest.fixture(scope="module")
def reference() -> np.ndarray:
    """A run by `torch`."""
    return run_of("torch", 20.0, 1)


@pytest.mark.slow
@pytest.mark.extended
@pytest.mark.parametrize("engine", EACH_ENGINE)
def test_structure_and_pressure_agree_within_errors(engine, reference):
    """Blocks of 4 ps are independent. A limit of 7 standard errors from 20 blocks (18 degrees of
    freedom) for 12 numbers has a false-alarm rate below 5e-5 for each engine.
    """
    found = run_of(engine, 20.0, 2)
    error = np.sqrt((found.var(0, ddof=1) + reference.var(0, ddof=1)) / len(found))
    z = (found.mean(0) - reference.mean(0)) / error
    assert abs(z).max() < 7
    # What the test resolves: two per cent of the first peak, a tenth of the ideal gas' pressure.
    peak = reference.mean(0)[1:4]
    assert (error[1:4] / peak).max() < 0.02
    assert error[-1] < 0.1 * SIDE**3 / EDGE**3 * kt(TEMPERATURE)
