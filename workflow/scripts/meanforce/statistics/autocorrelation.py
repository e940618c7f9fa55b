"""Integrated autocorrelation times, with the window of Sokal.

Sokal, Monte Carlo Methods in Statistical Mechanics: Foundations and New Algorithms (1997),
section 3: g = 1 + 2 Σ ρ(t), summed up to the first t that is at least five times τ = g/2.
"""

import dataclasses

import numpy as np

WINDOW = 5.0


@dataclasses.dataclass(frozen=True)
class Correlation:
    """How far apart samples must be to be independent.

    Attributes:
        inefficiency: g: number of samples that are worth one independent sample; at least 1,
            although anticorrelated samples average out faster.
        error: its standard error, g √(2 (2t + 1)/n) for a window of t; Madras, Sokal,
            J. Stat. Phys. 50, 109 (1988).
        resolved: whether the series are long enough for the window to close.
    """

    inefficiency: float
    error: float
    resolved: bool


def correlation(series: list[np.ndarray]) -> Correlation:
    """Statistical inefficiency of a quantity from series that are independent of each other.

    Deviations are from the mean of all series, so that series stuck in different places do not
    pass for short-lived fluctuations. Components of a quantity are weighed by their variance.

    Args:
        series: each in order of time, shape (n,) or (n, n_components).
    """
    columns = [np.asarray(item, dtype=np.float64).reshape(len(item), -1) for item in series]
    number = sum(len(item) for item in columns)
    mean = sum(item.sum(axis=0) for item in columns) / number
    longest = max(len(item) for item in columns)
    sums, counts = np.zeros(longest), np.zeros(longest)
    for item in columns:
        n = len(item)
        for column in (item - mean).T:
            # Twice as long, so that the end does not correlate with the beginning.
            spectrum = np.fft.rfft(column, 2 * n)
            sums[:n] += np.fft.irfft(np.abs(spectrum) ** 2)[:n]
        counts[:n] += n - np.arange(n)
    if sums[0] <= 0:
        return Correlation(1.0, 0.0, True)
    ratios = sums / counts / (sums[0] / counts[0])
    # g is summed from t = 1 on.
    growing = 1 + 2 * np.cumsum(ratios[1:])
    closed = np.flatnonzero(np.arange(1, longest) >= WINDOW * growing / 2)
    if not len(closed):
        return Correlation(float(number), float("nan"), False)
    inefficiency = max(float(growing[closed[0]]), 1.0)
    error = inefficiency * np.sqrt(2 * (2 * (closed[0] + 1) + 1) / number)
    return Correlation(inefficiency, float(error), True)
