"""Integrated autocorrelation times, with the window of Sokal, and with blocks below it.

Sokal, Monte Carlo Methods in Statistical Mechanics: Foundations and New Algorithms (1997),
section 3: g = 1 + 2 Σ ρ(t), summed up to the first t that is at least five times τ = g/2.

Fast fluctuations, or vibrations between the samples, close the window before slow fluctuations of
small variance are summed. So where means of blocks scatter by more than s √(g/n) allows by chance,
g is that of the blocks (Flyvbjerg, Petersen, J. Chem. Phys. 91, 461 (1989)).
"""

import dataclasses

import numpy as np
from scipy.special import chdtri

WINDOW = 5.0

BLOCKS = 32
"""Parts of all series together, whose means show slow fluctuations below fast ones."""

CHANCE = 1e-4
"""Probability that means of so many parts of independent samples seem to be correlated."""


@dataclasses.dataclass(frozen=True)
class Correlation:
    """How far apart samples must be to be independent.

    Attributes:
        inefficiency: g: number of samples that are worth one independent sample; at least 1,
            although anticorrelated samples average out faster.
        error: its standard error, g √(2 (2t + 1)/n) for a window of t; Madras, Sokal,
            J. Stat. Phys. 50, 109 (1988). Of b block means g √(2/(b − 1)).
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
    noise = [item - mean for item in columns]
    longest = max(map(len, noise))
    sums, counts = np.zeros(longest), np.zeros(longest)
    for item in noise:
        n = len(item)
        for column in item.T:
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
    slow = _of_blocks(noise, inefficiency, float(sums[0]) / number)
    return slow or Correlation(inefficiency, float(error), True)


def _of_blocks(noise: list[np.ndarray], window: float, square: float) -> Correlation | None:
    """Correlation by the scatter of block means; None where chance explains it.

    Args:
        noise: deviations from the mean, each series in order of time, shape (n, n_components).
        window: statistical inefficiency by the window.
        square: mean square of the noise, summed over its components.
    """
    # Of series that are shorter than that, each is a block.
    length = min(sum(map(len, noise)) // BLOCKS, int(np.median([len(item) for item in noise])))
    if not length:
        return None
    whole = [item[: len(item) // length * length] for item in noise]
    n_components = noise[0].shape[1]
    means = np.concatenate([item.reshape(-1, length, n_components).mean(axis=1) for item in whole])
    if len(means) < BLOCKS // 2:
        return None
    free = len(means) - 1
    found = length * float((means**2).sum()) / free / square
    # Components may be the same quantity, so that only one of them counts for what chance does.
    if found <= window * chdtri(free, CHANCE) / free:
        return None
    return Correlation(found, found * float(np.sqrt(2 / free)), True)
