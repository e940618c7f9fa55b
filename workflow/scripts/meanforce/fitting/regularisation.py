"""Penalties on the coefficients of curves, and the choice of their strengths.

The smoothness penalty is the sum of squared second differences of a curve's coefficients, as in
P-splines; Eilers, Marx, Stat. Sci. 11, 89 (1996). It determines curves in bins without frames. Both
penalties are relative to the largest eigenvalue of a curve's part of the normal matrix, so that one
number serves curves of different units.
"""

import dataclasses

import numpy as np
import pandas as pd
from scipy.linalg import eigh

from meanforce.potentials.curves import EnergyCurve
from meanforce.potentials.linear import LinearPotential


@dataclasses.dataclass(frozen=True)
class Penalties:
    """Unit penalties of one normal matrix.

    Attributes:
        ridge: diagonal, shape (K,).
        smoothness: (place of the first coefficient, matrix) of each curve and temperature form.
    """

    ridge: np.ndarray
    smoothness: list[tuple[int, np.ndarray]]

    @classmethod
    def of(cls, potential: LinearPotential, matrix: np.ndarray) -> "Penalties":
        """Penalties in proportion to a normal matrix, shape (K, K)."""
        ridge, smoothness, first = np.zeros(len(matrix)), [], 0
        while first < len(matrix):
            for curve in potential.curves:
                own = slice(first, first + curve.functions)
                last = curve.functions - 1
                scale = eigh(matrix[own, own], eigvals_only=True, subset_by_index=[last, last])[0]
                ridge[own] = scale
                difference = second_difference(curve)
                smoothness.append((first, scale * difference.T @ difference))
                first = own.stop
        return cls(ridge, smoothness)

    def add_to(self, matrix: np.ndarray, ridge: float, smoothness: float) -> np.ndarray:
        """A normal matrix with penalties of these strengths, a new array."""
        result = matrix.copy()
        result[np.diag_indices_from(result)] += ridge * self.ridge
        for first, own in self.smoothness:
            place = slice(first, first + len(own))
            result[place, place] += smoothness * own
        return result


def second_difference(curve: EnergyCurve) -> np.ndarray:
    """Matrix that takes coefficients to second differences, around the circle if it is one."""
    n = curve.functions
    matrix = -2.0 * np.eye(n) + np.eye(n, k=1) + np.eye(n, k=-1)
    if curve.periodic:
        matrix[0, -1] = matrix[-1, 0] = 1.0
        return matrix
    if curve.cutoff:
        # Beyond the cutoff the coefficients continue as zeros.
        return matrix[1:]
    return matrix[1:-1]


@dataclasses.dataclass(frozen=True)
class Choice:
    """Strengths that cross-validation prefers, and the losses behind the choice."""

    ridge: float
    smoothness: float
    loss: float
    table: pd.DataFrame


def choose(evaluate, ridges: list[float], strengths: list[float]) -> Choice:
    """Best smoothness at the weakest ridge, then the best ridge with it.

    Args:
        evaluate: block-validated loss as a function of ridge and smoothness.
        ridges: to choose from.
        strengths: of smoothness, to choose from.
    """
    weakest = min(ridges)
    rows = [(weakest, s, evaluate(weakest, s)) for s in strengths]
    best = min(rows, key=lambda row: row[2])[1]
    rows += [(r, best, evaluate(r, best)) for r in ridges if r != weakest]
    ridge, smoothness, loss = min(rows, key=lambda row: row[2])
    table = pd.DataFrame(rows, columns=["ridge", "smoothness", "validation"])
    return Choice(ridge, smoothness, loss, table)
