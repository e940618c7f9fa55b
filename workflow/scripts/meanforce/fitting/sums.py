"""What normal equations need of some frames."""

import dataclasses
from typing import Self

import numpy as np


@dataclasses.dataclass
class Sums:
    """Over frames of one fold and one temperature; K coefficients.

    Attributes:
        matrix: AᵀWA, shape (K, K).
        vector: AᵀWf, shape (K,).
        square: fᵀWf.
        count: sum of the weights.
        activation: Σ φ_k over coordinates and frames, shape (K,).
    """

    matrix: np.ndarray
    vector: np.ndarray
    square: float = 0.0
    count: float = 0.0
    activation: np.ndarray | float = 0.0

    def __add__(self, other: Self) -> Self:
        return type(self)(*(getattr(self, f.name) + getattr(other, f.name) for f in FIELDS))


FIELDS = dataclasses.fields(Sums)
