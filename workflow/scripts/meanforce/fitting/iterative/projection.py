"""From values in the bins of a histogram to coefficients of a curve.

Weighted least squares, with the weights that the counts give: the variance of ln(n/E) is 1/n. So
a bin without counts determines nothing, and there the penalty alone does: neighbouring
coefficients (or their differences) are as different as `SPREAD` a priori.
"""

from typing import Literal

import numpy as np
import torch

from meanforce.fitting.iterative.histograms import Bins
from meanforce.potentials.linear import LinearPotential

SPREAD = {1: 0.3, 2: 2.0}
"""Standard deviation a priori, in kT, of first differences of an update's coefficients, and of
second differences of a whole curve's. An update is continued by a constant where there are no data
(Reith, Pütz, Müller-Plathe carry the last value outward); a curve by a line."""

WEAKEST = 1e-6
"""Weight of the coefficients themselves: an additive constant of a curve is not determined."""


def project(
    potential: LinearPotential,
    number: int,
    bins: Bins,
    values: np.ndarray,
    weights: np.ndarray,
    order: Literal[1, 2],
) -> np.ndarray:
    """Coefficients of a curve whose values in the bins are the given ones.

    A curve of pairs ends at zero at its cutoff, so that its values may be off by a constant, which
    is fitted and left out.

    Args:
        potential: in double precision; gives the basis.
        number: of the curve.
        bins: of the curve.
        values: in the bins, shape (n_bins,), in kT.
        weights: inverse variances, shape (n_bins,).
        order: of the differences that are small a priori.

    Returns:
        shape (functions,), in kT.
    """
    curve = potential.curves[number]
    matrix = potential.basis_of(torch.from_numpy(bins.places), number)[0].numpy()
    if curve.cutoff is not None:
        matrix = np.column_stack([matrix, np.ones(len(matrix))])
    normal = matrix.T @ (weights[:, None] * matrix)
    rows = differences(curve.functions, order, curve.periodic) / SPREAD[order]
    normal[: curve.functions, : curve.functions] += rows.T @ rows
    normal += WEAKEST * np.eye(len(normal))
    return np.linalg.solve(normal, matrix.T @ (weights * values))[: curve.functions]


def differences(count: int, order: int, periodic: bool) -> np.ndarray:
    """Differences of neighbouring coefficients, on a circle or not, shape (n, count)."""
    rows = np.eye(count)
    for _ in range(order):
        rows = np.roll(rows, -1, axis=0) - rows
    return rows if periodic else rows[: count - order]
