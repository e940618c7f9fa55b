"""Umbrella sampling of a double well, as the datasets of a campaign: one window per job."""

import math
from pathlib import Path

import numpy as np
from comparisons import X
from reference_files import write
from scipy.signal import lfilter
from scipy.special import ndtr

from meanforce.analysis.protocol import Protocol
from meanforce.analysis.samples import Sample
from meanforce.sampling.mbar import Windows, solve
from meanforce.statistics.resampling import resampled
from meanforce.units import kt

TEMPERATURE = 300.0

KT = kt(TEMPERATURE)

GRID = np.linspace(-2.5, 2.5, 4000)

ENERGY = KT * (4 * (GRID**2 - 1) ** 2 + 0.5 * GRID)

RIGHT = float(np.exp(-ENERGY / KT)[GRID > 0].sum() / np.exp(-ENERGY / KT).sum())
"""Exact population of x > 0."""

WINDOWS = Windows(np.linspace(-1.6, 1.6, 9)[:, None], np.array([60 * KT]), [False])

PROTOCOL = Protocol(9, held=True, windows=WINDOWS, window_variables=(X["x"],), temperature=300.0)


def draws(frames: int, rng: np.random.Generator, memory: float = 0.0) -> np.ndarray:
    """Frames of each window, shape (n_windows, frames).

    Args:
        frames: of each window.
        rng: source of random numbers.
        memory: correlation of neighbours of the normal deviates from which frames are made.
    """
    normal = rng.standard_normal((len(WINDOWS.centers), frames))
    normal[:, 1:] *= math.sqrt(1 - memory**2)
    normal = lfilter([1.0], [1.0, -memory], normal, axis=1)
    densities = np.exp(-ENERGY / KT - 30 * (GRID - WINDOWS.centers) ** 2).cumsum(axis=1)
    # Points of the grid: places between them would be off by half a spacing on average, which in
    # stiff windows is a force.
    return np.array(
        [GRID[np.searchsorted(p / p[-1], u)] for u, p in zip(ndtr(normal), densities, strict=True)]
    )


def write_replicas(folder: Path, replicas: list[np.ndarray]) -> list[Path]:
    """Datasets of some replicas, each with the weights that its own windows give.

    Args:
        folder: is made where it is missing.
        replicas: positions, each of shape (n_windows, frames).
    """
    folder.mkdir(exist_ok=True)
    paths = []
    for replica, x in enumerate(replicas):
        owner = np.repeat(np.arange(len(x)), x.shape[1])
        logs = solve(WINDOWS, x.reshape(-1, 1), owner, TEMPERATURE).log_weights.reshape(x.shape)
        paths += [
            write(folder / f"{replica}-{window}.h5", *pair, chain=window)
            for window, pair in enumerate(zip(x, logs, strict=True))
        ]
    return paths


def right_side(sample: Sample, rng: np.random.Generator) -> tuple[float, float]:
    """Population of x > 0 and its standard error."""
    right = sample.variables[:, 0] > 0
    units = np.stack([sample.sums(right), sample.sums(~right)], axis=1)
    return units[:, 0].sum() / units.sum(), resampled(units, 400, rng)[:, 0].std(ddof=1)
