"""Noise floor of the Jensen–Shannon divergence where many bins hold few frames, or none.

A bootstrap cannot draw the bins that a sample missed, and finds a fifth to a quarter too little
(60×60 bins of capped alanine, 10,000 to 500,000 frames). So each bin's count is taken as Poisson's,
with what the frames there are worth. With n independent frames in a bin that is expected to have
λ of N, the divergence from the truth has the mean Σ φ(λ)/N,

    φ(λ) = ½ Σ_n P(n; λ) [n ln(2n/(n + λ)) + λ ln(2λ/(n + λ))],

which is λ ln 2 for λ → 0 and 1/8 for many frames: (K − 1)/(8N) over K bins.
"""

import functools

import numpy as np
from scipy.ndimage import uniform_filter
from scipy.special import gammaln, xlogy

FEWEST, MOST = 1e-3, 300.0
"""Expected counts between which φ is tabulated: below it is φ ∝ λ, above 1/8."""

NEIGHBOURS = 3
"""Bins each way, over which densities and variances are averaged."""


def jensen_shannon_floor(units: np.ndarray, periodic: tuple[bool, ...]) -> float:
    """Mean divergence of a sample from the distribution that it comes from.

    The variance over units says what frames are worth, by bin: 1/N = var(p)/p, both averaged over
    neighbouring bins. Floors of two samples add up where bins are full; where they are empty, the
    sum is up to a seventh more than what two such samples differ by.

    Args:
        units: histograms of independent units, shape (n_units, *bins), 1 in sum over all; a
            single one is exact.
        periodic: whether each axis closes.
    """
    n = len(units)
    if n < 2:
        return 0.0
    mode = ["wrap" if closes else "constant" for closes in periodic]
    variance = n * units.var(axis=0, ddof=1)
    density, variance = (
        uniform_filter(values, NEIGHBOURS, mode=mode) for values in (units.sum(axis=0), variance)
    )
    # Averages of zeros may differ from zero by rounding.
    some = (density > 1e-14) & (variance > 1e-14 * density)
    worth = density[some] / variance[some]
    return float((_divergence(density[some] * worth) / worth).sum())


def _divergence(expected: np.ndarray) -> np.ndarray:
    """φ(λ)."""
    grid, values = _table()
    inside = np.clip(expected, FEWEST, MOST)
    return np.interp(np.log(inside), grid, values) * np.minimum(expected / FEWEST, 1.0)


@functools.cache
def _table() -> tuple[np.ndarray, np.ndarray]:
    """ln λ and φ(λ)."""
    rate = np.geomspace(FEWEST, MOST, 300)[:, None]
    count = np.arange(2 * int(MOST))[None]
    probability = np.exp(xlogy(count, rate) - rate - gammaln(count + 1))
    terms = xlogy(count, 2 * count / (count + rate)) + xlogy(rate, 2 * rate / (count + rate))
    return np.log(rate[:, 0]), 0.5 * (probability * terms).sum(axis=1)
