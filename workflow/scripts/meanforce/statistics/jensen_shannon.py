"""The Jensen–Shannon divergence of two finite samples, also where bins hold few frames or none.

Near each other, D ≈ Σ_k (p_k − q_k)²/(8 c_k), c = (p + q)/2. In a bin that is expected to hold λ_a
and λ_b independent frames of the two sides, the mean divergence is ρ(λ_a, λ_b) times what this
gives, summed over Poisson's distribution: ρ → 1 for many frames, and ρ → 0 for few, as a bin that
only one of the two visited adds ½ p ln 2 and not more.
"""

import functools

import numpy as np
from scipy.interpolate import RegularGridInterpolator
from scipy.special import gammaln, xlogy

from meanforce.statistics.distances import Distance, Noise, quadratic
from meanforce.statistics.resampling import residuals
from meanforce.statistics.worth import Worth

FEWEST, MOST = 1e-3, 40.0
"""Expected counts between which ρ is tabulated; beyond it hardly changes."""

POINTS, COUNTS = 24, 110
"""Points of the table each way, and counts that are summed over."""


class JensenShannon(Distance):
    """Natural logarithm, in [0, ln 2]; Lin, IEEE Trans. Inf. Theory 37, 145 (1991).

    Args:
        periodic: whether each axis of the histograms closes.
    """

    def __init__(self, periodic: tuple[bool, ...]) -> None:
        self._periodic = periodic

    def value(self, p: np.ndarray, q: np.ndarray) -> float:
        mean = 0.5 * (p + q)

        def relative_entropy(a: np.ndarray) -> float:
            some = a > 0
            return float((a[some] * np.log(a[some] / mean[some])).sum())

        return 0.5 * (relative_entropy(p) + relative_entropy(q))

    def noise(self, model: np.ndarray, reference: np.ndarray) -> Noise:
        units = [side.reshape(len(side), -1) for side in (model, reference)]
        p, q = (side.sum(axis=0) for side in units)
        parts = [residuals(side) for side in units]
        worth = Worth(model.shape[1:], self._periodic)
        weights = [worth.of_a_frame(*side) for side in zip(parts, (p, q), strict=True)]
        density = worth.smooth(0.5 * (p + q))
        counts = [
            np.divide(density, one, out=np.full_like(density, MOST), where=one > 0)
            for one in weights
        ]
        counts = [np.log(np.clip(count, FEWEST, MOST)) for count in counts]
        # Averages of zeros may differ from zero by rounding.
        share = np.where(density > 1e-14, _share()(np.stack(counts, axis=1)), 0.0)
        scaled = [part * _root(share, 8 * side) for part, side in zip(parts, (p, q), strict=True)]
        floors = tuple(float(share @ one) / 8 for one in weights)
        return quadratic((p - q) * _root(share, 4 * (p + q)), *scaled, floors)


def _root(values: np.ndarray, over: np.ndarray) -> np.ndarray:
    """√(values/over), 0 where nothing is."""
    return np.sqrt(np.divide(values, over, out=np.zeros_like(values), where=over > 0))


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
