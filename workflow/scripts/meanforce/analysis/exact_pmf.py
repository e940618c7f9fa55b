"""Metrics `pmf_rmse`, `well_difference`, `barrier`: a one-bead model against the exact PMF.

The potential of a single bead is its potential of mean force, so it is compared directly.
"""

import math

import numpy as np
import torch

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.rows import Row, compared
from meanforce.systems.muller_brown_surface import pmf
from meanforce.units import kt

POINTS = 2000


def exact_distribution(edges: np.ndarray, temperature: float) -> np.ndarray:
    """Exact populations of bins in x, shape (n_bins,), by quadrature."""
    fine = np.linspace(edges[0], edges[-1], 20 * (len(edges) - 1) + 1)
    middle = 0.5 * (fine[1:] + fine[:-1])
    weights = np.exp(-pmf(middle, temperature) / kt(temperature))
    populations = weights.reshape(len(edges) - 1, 20).sum(axis=1)
    return populations / populations.sum()


def rows(comparison: Comparison) -> list[Row]:
    """PMF error, well difference and barrier in kT, with errors from the ensemble."""
    if comparison.exact is None:
        return []
    x, exact, curves = profiles(comparison)
    some = exact < comparison.validation.cutoff / kt(comparison.temperature)
    mean = curves.mean(axis=0)

    def rmse(curve: np.ndarray) -> float:
        difference = (curve - exact)[some]
        return float(np.sqrt(np.mean((difference - difference.mean()) ** 2)))

    wells = [features_of(x, curve) for curve in curves]
    well, barrier = features_of(x, mean)
    exact_well, exact_barrier = features_of(x, exact)
    well_error, barrier_error = _spread(comparison, wells)
    return [
        Row("pmf_rmse", rmse(mean), _spread(comparison, [rmse(c) for c in curves]), 0.0, "kT"),
        *compared("well_difference", well, well_error, exact_well, 0.0, "kT"),
        *compared("barrier", barrier, barrier_error, exact_barrier, 0.0, "kT"),
    ]


def _spread(comparison: Comparison, values: list) -> np.ndarray:
    """Standard error over members; NaN where a single member knows none."""
    spread = comparison.member_spread(values)
    return spread if len(values) > 1 else np.full_like(spread, math.nan)


def profiles(comparison: Comparison) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points x (nm), exact PMF (kT) and the members' potentials (kT), minima at 0.

    Returns:
        shapes (n,), (n,), (n_members, n).
    """
    edges = comparison.axes.edges[0]
    x = np.linspace(edges[0], edges[-1], POINTS)
    positions = torch.zeros(POINTS, 1, 3, dtype=comparison.ensemble.dtype)
    positions[:, 0, 0] = torch.from_numpy(x)
    thermal = kt(comparison.temperature)
    curves = []
    with torch.no_grad():
        for member in comparison.ensemble.members:
            energy, _ = member.energy_and_forces(positions, comparison.temperature)
            curves.append(energy.double().numpy() / thermal)
    exact = pmf(x, comparison.temperature) / thermal
    some = exact < comparison.validation.cutoff / thermal
    curves = np.array([curve - curve[some].min() for curve in curves])
    return x, exact, curves


def features_of(x: np.ndarray, curve: np.ndarray) -> tuple[float, float]:
    """Second well minus first, and barrier above the first well.

    The barrier is the highest point between x = 26 and 38 nm; the wells are the lowest points
    on either side of it.
    """
    between = (x > 26) & (x < 38)
    top = int(np.flatnonzero(between)[np.argmax(curve[between])])
    first, second = curve[(x > 15) & (x < x[top])].min(), curve[(x > x[top]) & (x < 50)].min()
    return float(second - first), float(curve[top] - first)
