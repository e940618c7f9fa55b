"""Number of independent frames that frames are worth, by bin, also in bins with few or none."""

import numpy as np
from scipy.ndimage import uniform_filter

NEIGHBOURS = 3
"""Bins on each side over which bins are averaged."""


class Worth:
    """Averages over neighbouring bins of a histogram.

    Args:
        shape: of the histogram.
        periodic: whether each axis closes.
    """

    def __init__(self, shape: tuple[int, ...], periodic: tuple[bool, ...]) -> None:
        self._shape = shape
        self._mode = ["wrap" if closes else "constant" for closes in periodic]

    def smooth(self, values: np.ndarray) -> np.ndarray:
        """Mean over neighbouring bins, shape (n_bins,)."""
        smoothed = uniform_filter(values.reshape(self._shape), NEIGHBOURS, mode=self._mode)
        return smoothed.ravel()

    def of_a_frame(self, residuals: np.ndarray, whole: np.ndarray) -> np.ndarray:
        """What one independent frame adds to a bin: 1/N = var(p)/p, of neighbours where empty.

        Args:
            residuals: see `resampling.residuals`, shape (n_units, n_bins).
            whole: p, shape (n_bins,).
        """
        there = whole > 0
        own = np.divide((residuals**2).sum(axis=0), whole, out=np.zeros_like(whole), where=there)
        around = self.smooth(own), self.smooth(there.astype(float))
        near = np.divide(*around, out=np.zeros_like(own), where=around[1] > 0.5 / NEIGHBOURS**2)
        return np.where(there, own, near)
