"""Metrics `pmf_rmse`, `well_difference`, `barrier`: a one-bead model against the exact PMF.

The potential of a single bead is its potential of mean force, so it is compared directly.
"""

import math

import numpy as np
import torch

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.rows import Row, compared
from meanforce.statistics.errors import NONE, Error
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

    features = [features_of(x, curve) for curve in curves]
    result = [_rmse_row(comparison, rmse(mean), curves[:, some])]
    for number, name in enumerate(("well_difference", "barrier")):
        training = comparison.training_error([one[number] for one in features])
        values = features_of(x, mean)[number], features_of(x, exact)[number]
        # Neither the model's potential nor the exact one has any noise.
        result += compared(name, values[0], NONE, training, values[1], NONE, "kT")
    return result


def _rmse_row(comparison: Comparison, value: float, curves: np.ndarray) -> Row:
    """Of an exact model it is 0; the draw of the training data explains the members' spread."""
    level = curves - curves.mean(axis=1, keepdims=True)
    spread = float(np.sqrt(np.mean(comparison.member_spread(level) ** 2)))
    training = Error(spread, max(len(curves) - 1, 0))
    # Of a distance that is all noise, this is about how it scatters.
    return Row(
        "pmf_rmse", value, spread / math.sqrt(2), 0.0, "kT", 0.0, training.dof, 0.0, 0.0,
        training.limit(),
    )  # fmt: skip


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
