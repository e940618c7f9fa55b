"""The bootstrap over independent units."""

import numpy as np

DRAWS = 200
"""Bootstrap samples behind each standard error."""


def resampled(units: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Bootstrap over units: sums of units drawn with replacement, normalised over histograms.

    n − 1 of n units are drawn, so that the variance of a mean is right and not (n − 1)/n of it,
    which matters where units are few replicas; Rao, Wu, J. Am. Stat. Assoc. 83, 231 (1988).

    Sums that a draw makes negative count as 0: what a time block changes in the weights of all
    frames of umbrella sampling is part of its own sums, to first order, and may be negative.

    Args:
        units: shape (n_units, ...), additive; sums over all units are not negative.
        draws: number of bootstrap samples.
        rng: source of random numbers.

    Returns:
        shape (draws, ...).
    """
    total = np.maximum(np.tensordot(_times(len(units), draws, rng), units, axes=1), 0.0)
    return total / total.reshape(draws, -1).sum(axis=1).reshape(-1, *[1] * (units.ndim - 1))


def resampled_means(sums: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Bootstrap over units of means that may have any sign; see `resampled`.

    Args:
        sums: sums of values, and of weights in the last column, shape (n_units, n_values + 1).
        draws: number of bootstrap samples.
        rng: source of random numbers.

    Returns:
        shape (draws, n_values).
    """
    total = _times(len(sums), draws, rng) @ sums
    return total[:, :-1] / total[:, -1:]


def _times(n: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """How often each of n units is drawn in each bootstrap sample, shape (draws, n)."""
    return rng.multinomial(max(n - 1, 1), np.full(n, 1.0 / n), size=draws)


def residuals(units: np.ndarray) -> np.ndarray:
    """Contribution of each unit to the noise of the normalised sum of all units.

    For p = Σ u_i/Σ |u_i|, to first order in the weight of unit i: e_i = u_i − p |u_i|, in units of
    |p| = 1, with the factor √(n/(n − 1)), so that Σ_i e_i e_iᵀ is an unbiased estimate of the
    covariance of p.

    Args:
        units: shape (n_units, n), additive, 1 in sum over all; one unit is exact.

    Returns:
        shape (n_units, n); zero for a single unit.
    """
    n = len(units)
    if n < 2:
        return np.zeros_like(units)
    parts = units - units.sum(axis=1, keepdims=True) * units.sum(axis=0)
    return parts * np.sqrt(n / (n - 1))
