"""Distance of two free-energy surfaces, and how much of one a sample covers."""

import math

import numpy as np
from scipy import stats

from meanforce.statistics.distances import Distance, Noise, quadratic, rooted
from meanforce.statistics.resampling import residuals

SPARSE = 0.5
"""Relative variance of a bin up to which the logarithm of its population is expanded."""


def free_energy(p: np.ndarray, thermal: float) -> np.ndarray:
    """−kT ln p, minimum 0, +inf where p is 0; in the unit of `thermal`."""
    with np.errstate(divide="ignore"):
        values = -thermal * np.log(p)
    return values - values.min()


class FreeEnergyRmse(Distance):
    """Root mean square difference of F = −kT ln p over the bins where the reference's is low.

    The constant that makes the mean difference vanish is taken off. The model's free energy counts
    up to the same cutoff, and bins that it never visits count at the cutoff: a basin that is
    missing is an error, and not a part of the surface that is left out.

    In a bin of λ independent frames ⟨ln² (n/λ)⟩ = 1/λ + 3/(2λ²) + …; two terms count in the noise.

    Args:
        thermal: kT, in the unit of the result.
        cutoff: free energy of the reference, above its minimum, up to which bins are compared.
    """

    def __init__(self, thermal: float, cutoff: float) -> None:
        self._thermal, self._cutoff = thermal, cutoff

    def value(self, p: np.ndarray, q: np.ndarray) -> float:
        difference, _ = self._difference(p.ravel(), q.ravel())
        return float(np.sqrt(np.mean(difference**2))) if len(difference) else math.nan

    def noise(self, model: np.ndarray, reference: np.ndarray) -> Noise:
        model, reference = (side.reshape(len(side), -1) for side in (model, reference))
        p, q = model.sum(axis=0), reference.sum(axis=0)
        difference, low = self._difference(p, q)
        scale = 1 / math.sqrt(max(1, len(difference)))
        parts = [
            self._residuals(units, whole, low, cut)
            for units, whole, cut in ((model, p, True), (reference, q, False))
        ]
        square = float(np.mean(difference**2)) if len(difference) else math.nan
        return rooted(quadratic(scale * difference, *(scale * part for part in parts)), square)

    def _residuals(
        self, units: np.ndarray, whole: np.ndarray, low: np.ndarray, cut: bool
    ) -> np.ndarray:
        """Of F in the bins that are compared, shape (n_units, n_bins).

        Args:
            units, whole: histograms by units and their sum.
            low: which bins are compared.
            cut: whether F counts up to the cutoff only.
        """
        populated = whole[low]
        moving = np.divide(1.0, populated, out=np.zeros_like(populated), where=populated > 0)
        part = residuals(units)[:, low] * moving
        variance = np.minimum((part**2).sum(axis=0), SPARSE)
        room = self._cutoff - free_energy(whole, self._thermal)[low]
        spread = self._thermal * np.sqrt(variance)
        z = np.clip(np.divide(room, spread, out=np.full_like(spread, 9.0), where=spread > 0), 0, 9)
        beyond = stats.norm.sf(z)
        # Small counts, which make ⟨ln²⟩ larger, are those that lie beyond the cutoff.
        factor = 1 + 1.5 * variance * (1 - 2 * beyond)
        if cut:
            # ⟨min(x, z)²⟩ of a standard normal x.
            factor = factor * (1 - beyond - z * stats.norm.pdf(z) + z**2 * beyond) * (room > 0)
        part = -self._thermal * part * np.sqrt(factor)
        return part - part.mean(axis=1, keepdims=True)

    def _difference(self, p: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """F_p − F_q, mean 0, in the bins that are compared; and which these are, bool."""
        low = free_energy(q, self._thermal) < self._cutoff
        ours = np.minimum(free_energy(p, self._thermal)[low], self._cutoff)
        difference = ours - free_energy(q, self._thermal)[low]
        # A model that is never there has no level: all of these bins count as missing.
        return difference - difference.mean() if p[low].any() else difference, low


def coverage(p: np.ndarray, q: np.ndarray, thermal: float, cutoff: float) -> float:
    """Fraction of the bins in which the reference's free energy is low that p visits at all."""
    low = free_energy(q, thermal) < cutoff
    return float((p[low] > 0).mean())
