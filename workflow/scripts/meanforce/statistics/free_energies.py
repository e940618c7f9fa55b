"""Distance of two free-energy surfaces, and how much of one a sample covers."""

import math

import numpy as np

from meanforce.statistics.distances import Distance, Noise, quadratic, rooted
from meanforce.statistics.resampling import residuals


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
        capped = free_energy(p, self._thermal)[low] >= self._cutoff
        parts = []
        for units, whole, fixed in ((model, p, capped), (reference, q, np.zeros_like(capped))):
            moving = np.where(fixed, 0.0, 1 / np.where(fixed, 1.0, whole[low]))
            part = -self._thermal * residuals(units)[:, low] * moving
            parts.append(scale * (part - part.mean(axis=1, keepdims=True)))
        square = float(np.mean(difference**2)) if len(difference) else math.nan
        return rooted(quadratic(scale * difference, *parts), square)

    def _difference(self, p: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """F_p − F_q, mean 0, in the bins that are compared; and which these are, bool."""
        low = free_energy(q, self._thermal) < self._cutoff
        ours = np.minimum(free_energy(p, self._thermal)[low], self._cutoff)
        difference = ours - free_energy(q, self._thermal)[low]
        return difference - difference.mean() if len(difference) else difference, low


def coverage(p: np.ndarray, q: np.ndarray, thermal: float, cutoff: float) -> float:
    """Fraction of the bins in which the reference's free energy is low that p visits at all."""
    low = free_energy(q, thermal) < cutoff
    return float((p[low] > 0).mean())
