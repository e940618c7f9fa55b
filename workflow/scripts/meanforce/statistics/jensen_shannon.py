"""The Jensen–Shannon divergence of two finite samples, also where bins hold few frames or none.

Near each other, D ≈ Σ_k (p_k − q_k)²/(8 c_k), c = (p + q)/2. In a bin that is expected to hold λ_a
and λ_b independent frames of the two sides, the mean divergence is ρ(λ_a, λ_b) times what this
gives, summed over Poisson's distribution: ρ → 1 for many frames, and ρ → 0 for few, as a bin that
only one of the two visited adds ½ p ln 2 and not more.
"""

import functools

import numpy as np
from scipy.interpolate import RegularGridInterpolator
from scipy.ndimage import uniform_filter
from scipy.special import gammaln, xlogy

from meanforce.statistics.distances import Distance, Noise, quadratic
from meanforce.statistics.resampling import residuals

FEWEST, MOST = 1e-3, 40.0
"""Expected counts between which ρ is tabulated; beyond it hardly changes."""

POINTS, COUNTS = 24, 110
"""Points of the table each way, and counts that are summed over."""

NEIGHBOURS = 3
"""Bins each way, over which densities and variances are averaged."""


class JensenShannon(Distance):
    """Natural logarithm, in [0, ln 2]; Lin, IEEE Trans. Inf. Theory 37, 145 (1991).

    Args:
        periodic: whether each axis of the histograms closes.
    """

    def __init__(self, periodic: tuple[bool, ...]) -> None:
        self._mode = ["wrap" if closes else "constant" for closes in periodic]

    def value(self, p: np.ndarray, q: np.ndarray) -> float:
        mean = 0.5 * (p + q)

        def relative_entropy(a: np.ndarray) -> float:
            some = a > 0
            return float((a[some] * np.log(a[some] / mean[some])).sum())

        return 0.5 * (relative_entropy(p) + relative_entropy(q))

    def noise(self, model: np.ndarray, reference: np.ndarray) -> Noise:
        shape = model.shape[1:]
        p, q = (side.sum(axis=0).ravel() for side in (model, reference))
        parts = [residuals(side.reshape(len(side), -1)) for side in (model, reference)]
        mean = 0.5 * (p + q)
        density = self._smooth(mean, shape)
        counts = []
        for part in parts:
            variance = self._smooth((part**2).sum(axis=0), shape)
            # Averages of zeros may differ from zero by rounding; an exact side has endless frames.
            known = variance > 1e-14 * density
            worth = np.divide(density**2, variance, out=np.full_like(density, MOST), where=known)
            counts.append(np.log(np.clip(worth, FEWEST, MOST)))
        some = mean > 0
        scale = np.zeros_like(mean)
        share = _share()(np.stack(counts, axis=1)[some])
        scale[some] = np.sqrt(share / (8 * mean[some]))
        return quadratic((p - q) * scale, parts[0] * scale, parts[1] * scale)

    def _smooth(self, values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        return uniform_filter(values.reshape(shape), NEIGHBOURS, mode=self._mode).ravel()


@functools.cache
def _share() -> RegularGridInterpolator:
    """ρ of ln λ_a and ln λ_b."""
    rate, count = np.geomspace(FEWEST, MOST, POINTS), np.arange(COUNTS)
    chance = np.exp(xlogy(count, rate[:, None]) - rate[:, None] - gammaln(count + 1))
    table = np.empty((POINTS, POINTS))
    for i, a in enumerate(rate):
        for j, b in enumerate(rate):
            x, y = count[:, None] / a, count[None, :] / b
            total = np.maximum(x + y, 1e-300)
            terms = 0.5 * (xlogy(x, 2 * x / total) + xlogy(y, 2 * y / total))
            table[i, j] = chance[i] @ terms @ chance[j] / ((1 / a + 1 / b) / 8)
    return RegularGridInterpolator((np.log(rate), np.log(rate)), table)
