"""First and second moments of quantities of frames, such as sums of the basis functions.

Sums of the basis functions are the derivatives of the energy in the coefficients:
U = Σ_k c_k Φ_k(R) + walls, with Φ_k = Σ_q φ_k(q) over the coordinates q of a curve. Where a curve
continues linearly beyond its range, so does Φ_k, so that dU/dc_k = Φ_k holds everywhere.
"""

import dataclasses
from collections.abc import Iterable
from typing import Protocol

import numpy as np
import torch

from meanforce.fitting.iterative.coordinates import Values
from meanforce.fitting.iterative.unit_sums import UnitSums
from meanforce.potentials.linear import LinearPotential


@dataclasses.dataclass(frozen=True)
class Moments(UnitSums):
    """First moments of Φ by independent units, and second moments.

    Attributes:
        sums: weighted, shape (n_units, K).
        squares: Σ w Φ Φᵀ, shape (K, K).
        weights: sum of the weights of the frames of each unit, shape (n_units,).
        effective: effective number of frames by their weights, over the sum of these.
    """

    sums: np.ndarray
    squares: np.ndarray
    weights: np.ndarray
    effective: float = 1.0

    @property
    def covariance(self) -> np.ndarray:
        """Cov Φ between frames, shape (K, K)."""
        return self.squares / self.weights.sum() - np.outer(self.mean, self.mean)

    @property
    def frames(self) -> float:
        """Number of independent frames of equal weight that these are worth.

        The variance of the mean, from the units, is that of one frame over this number, summed
        over all functions; correlated frames of equal weight are worth no more than they are.
        """
        number = float(self.weights.sum() * self.effective)
        of_mean = (self.residuals**2).sum()
        return min(number, float(np.trace(self.covariance) / max(of_mean, 1e-300)))


class Features(Protocol):
    """Quantities of frames of which moments are summed.

    Attributes:
        size: K, their number.
    """

    size: int

    def of(self, coordinates: Iterable[Values], n_frames: int) -> np.ndarray:
        """Quantities of each frame, shape (n_frames, K).

        Args:
            coordinates: of all frames.
            n_frames: number of frames.
        """


class BasisSums:
    """Evaluates Φ.

    Args:
        potential: in double precision; its coefficients do not matter.

    Attributes:
        size: K, the number of functions of all curves.
    """

    def __init__(self, potential: LinearPotential) -> None:
        self._potential = potential
        self.size = potential.of_curves.size
        self._bases = [potential.of_curve(number) for number in range(len(potential.curves))]
        self._first = potential.of_curves.index[:, 0].tolist()

    def of(self, coordinates: Iterable[Values], n_frames: int) -> np.ndarray:
        """Φ of each frame, shape (n_frames, K)."""
        result = np.zeros(n_frames * self.size)
        for part in coordinates:
            q = torch.from_numpy(np.asarray(part.values, dtype=np.float64))
            inside = q.clamp(*self._potential.curves[part.curve].range)
            near = self._bases[part.curve].near(inside, self._potential.pieces)
            places, values, slopes = (tensor.numpy() for tensor in near)
            values = values + slopes * (q - inside).numpy()
            places = places + (part.frames * self.size + self._first[part.curve])
            result += np.bincount(places.ravel(), values.ravel(), len(result))
        return result.reshape(n_frames, self.size)
