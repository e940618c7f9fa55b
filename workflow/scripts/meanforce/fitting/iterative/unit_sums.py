"""Means over frames whose sums are known by independent units, and what each unit adds."""

import numpy as np


def mean_and_variance(
    values: np.ndarray, weights: np.ndarray, units: np.ndarray
) -> tuple[float, float]:
    """Weighted mean of values of frames, and its variance.

    Args:
        values: shape (n,).
        weights: of the frames, shape (n,).
        units: independent unit of each frame, shape (n,).
    """
    mean = float(weights @ values / weights.sum())
    _, places = np.unique(units, return_inverse=True)
    sums = np.bincount(places, weights * (values - mean)) / weights.sum()
    n = len(sums)
    return mean, float((sums**2).sum() * n / max(1, n - 1))


class UnitSums:
    """Base of weighted sums over the frames of independent units (time blocks, parts of chains).

    Attributes:
        sums: weighted, shape (n_units, K).
        weights: sum of the weights of the frames of each unit, shape (n_units,).
    """

    sums: np.ndarray
    weights: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """Mean of a frame, shape (K,)."""
        return self.sums.sum(axis=0) / self.weights.sum()

    @property
    def residuals(self) -> np.ndarray:
        """What each unit adds to the error of `mean`, shape of `sums`: their squares add up."""
        n = len(self.weights)
        bare = self.sums - self.weights[:, None] * self.mean
        return bare / self.weights.sum() * np.sqrt(n / max(1, n - 1))
