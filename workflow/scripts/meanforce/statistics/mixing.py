"""How well chains have mixed: nested R-hat, drift, effective samples, round trips of a quantity.

Many short chains are pooled, and what matters is whether the pool still depends on where the chains
started. Nested R-hat and drift together show this. The first compares chains that started in
different places; the second detects what all chains do alike, as when all started on one side of a
barrier. Both refer to the ensemble that is simulated, bias included: it is stationary exactly when
the reweighted one is, and a flattening bias keeps rare basins populated.
"""

import numpy as np

FEWEST_SUPERCHAINS, MOST_SUPERCHAINS, SUPERCHAIN_SIZE = 4, 16, 12
"""Number of groups: as many groups of this size as possible, within these bounds; no group of
one."""


def superchains(starts: np.ndarray) -> np.ndarray:
    """Group chains by where they started.

    More groups find a place where few chains are stuck, fewer leave less noise. For autoregressive
    chains (correlation time 10 ps, 100 to 400 chains of 50 to 280 ps) 16 and 8 groups have about
    the same noise. For chains in two basins that no chain leaves, with 2 of 100 in one of them,
    nested R-hat is 1.07 with 16 groups and 1.03 with 8.

    Args:
        starts: of a quantity, shape (n_chains,); angles in (−π, π] are grouped in sectors.

    Returns:
        group of each chain, shape (n_chains,), of as equal sizes as can be.
    """
    n = len(starts)
    groups = min(max(FEWEST_SUPERCHAINS, n // SUPERCHAIN_SIZE), MOST_SUPERCHAINS, n // 2)
    rank = np.empty(n, dtype=int)
    rank[np.argsort(starts, kind="stable")] = np.arange(n)
    return rank * groups // n


def nested_r_hat(values: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """Nested R-hat of a quantity, without its noise, and its standard error.

    Margossian, Hoffman, Sountsov, Riou-Durand, Vehtari, Gelman, Bayesian Analysis (2024),
    arXiv:2110.13017: with K superchains of M chains that started at the same place,

        nR̂ = √(1 + B/W),   B = Σ_k (θ̄_k − θ̄)²/(K − 1),   W = Σ_k (B̃_k + W̃_k)/K,

    where B̃_k is the variance of the means of the chains of superchain k and W̃_k the mean of the
    variances within them. B contains the variance of the chains' expectations given their start,
    which is 0 once they have forgotten it, and the noise of θ̄_k, B̃_k/M. As M is a few tens at
    most here, the noise is subtracted: B − Σ_k B̃_k/(M K) estimates the first alone without bias,
    and so the value scatters about 1, above and below, for converged chains of whatever length.
    With superchains of chains that started near each other, not at one point, it is a little too
    small.

    The error is a jackknife over superchains.

    Args:
        values: shape (n_frames, n_chains).
        groups: superchain of each chain, 0 to K − 1, shape (n_chains,).

    Returns:
        NaN where there are too few chains or frames, or nothing varies.
    """
    sizes = np.bincount(groups)
    if len(sizes) < 2 or sizes.min() < 2 or len(values) < 2:
        return float("nan"), float("nan")
    chains = values.mean(axis=0)
    means = np.bincount(groups, chains) / sizes
    between = np.bincount(groups, (chains - means[groups]) ** 2) / (sizes - 1)
    within = between + np.bincount(groups, values.var(axis=0, ddof=1)) / sizes
    if not within.mean() > 0:
        return float("nan"), float("nan")

    def ratio(kept: np.ndarray) -> float:
        spread = means[kept].var(ddof=1) - (between / sizes)[kept].mean()
        return float(np.sqrt(max(1 + spread / within[kept].mean(), 0.0)))

    every = np.arange(len(sizes))
    if len(sizes) < 3:
        return ratio(every), float("nan")
    without = [ratio(every != group) for group in every]
    return ratio(every), float(np.sqrt((len(sizes) - 1) * np.var(without)))


def drift(values: np.ndarray) -> float:
    """Change of the mean over all chains from the first to the second half, in standard errors.

    Chains are independent of each other, so that their own changes give its error. Changes below
    three are the noise that error bars cover.

    Args:
        values: shape (n_frames, n_chains).

    Returns:
        with its sign; NaN where there are too few chains or frames, or nothing varies.
    """
    half = len(values) // 2
    if half < 1 or values.shape[1] < 2:
        return float("nan")
    changes = values[half : 2 * half].mean(axis=0) - values[:half].mean(axis=0)
    error = changes.std(ddof=1) / np.sqrt(len(changes))
    return float(changes.mean() / error) if error > 0 else float("nan")


def effective_samples(
    values: np.ndarray, weights: np.ndarray, chains: np.ndarray
) -> tuple[float, float]:
    """Number of independent samples with the same error of the weighted mean; and its error.

    n = Var(θ)/Var(θ̄), the variance of the mean from contributions of the chains, which are
    independent however long their correlation times are: z_c = Σ_t w (θ − θ̄) over the frames of c.
    Without weights this is chains × length/(2τ), with τ the integrated correlation time.
    The error is that of Σ z_c².

    Args:
        values: shape (n_frames,).
        weights: shape (n_frames,).
        chains: chain of each frame, shape (n_frames,).
    """
    weights = weights / weights.sum()
    away = values - weights @ values
    _, chain = np.unique(chains, return_inverse=True)
    squares = np.bincount(chain, weights * away) ** 2
    n = len(squares)
    if n < 2 or not squares.sum() > 0:
        return float("nan"), float("nan")
    number = float(weights @ away**2 / (squares.sum() * n / (n - 1)))
    return number, number * float(squares.std(ddof=1) / (np.sqrt(n) * squares.mean()))


def whole_chains(values: np.ndarray, chains: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values of the chains that lost no frames, and the numbers of these chains.

    Args:
        values: shape (n_frames_of_all,), in order of time within each chain.
        chains: chain of each frame, shape (n_frames_of_all,).

    Returns:
        shapes (n_frames, n_whole) and (n_whole,).
    """
    order = np.argsort(chains, kind="stable")
    numbers, counts = np.unique(chains, return_counts=True)
    whole = counts == counts.max()
    kept = np.repeat(whole, counts)
    return values[order][kept].reshape(whole.sum(), -1).T, numbers[whole]


def r_hat(values: np.ndarray, chains: np.ndarray) -> float:
    """Split R-hat of a quantity in the ensemble that was simulated (bias included).

    Gelman et al., Bayesian Data Analysis, 3rd ed., section 11.4. Chains that lost frames are
    left out.

    Args:
        values: shape (n_frames,), in order of time within each chain.
        chains: chain of each frame, shape (n_frames,).
    """
    return _ratio(*_halves(values, chains))


def r_hat_error(values: np.ndarray, chains: np.ndarray) -> float:
    """Standard error of `r_hat` by the jackknife over chains; NaN with fewer than three."""
    length, means, variances = _halves(values, chains)
    n = len(means)
    if n < 3:
        return float("nan")
    without = [
        _ratio(length, np.delete(means, chain, axis=0), np.delete(variances, chain, axis=0))
        for chain in range(n)
    ]
    return float(np.sqrt((n - 1) * np.var(without)))


def _halves(values: np.ndarray, chains: np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:
    """Length, means and variances of the halves of whole chains, both of shape (n_chains, 2)."""
    rows = whole_chains(values, chains)[0].T
    length = rows.shape[1] // 2
    halves = rows[:, : 2 * length].reshape(len(rows), 2, length)
    return length, halves.mean(axis=2), halves.var(axis=2, ddof=1)


def _ratio(length: int, means: np.ndarray, variances: np.ndarray) -> float:
    within, between = variances.mean(), length * means.var(ddof=1)
    if within == 0:
        return float("nan")
    return float(np.sqrt(((length - 1) / length * within + between / length) / within))


def round_trips(values: np.ndarray) -> np.ndarray:
    """How often each chain went between the lowest and the highest quarter of values, and back.

    Args:
        values: shape (n_frames, n_chains), in order of time.

    Returns:
        shape (n_chains,); halves are passages one way.
    """
    low, high = np.quantile(values, [0.25, 0.75])
    ends = np.where(values <= low, -1, np.where(values >= high, 1, 0))
    last, passages = np.zeros(values.shape[1], dtype=int), np.zeros(values.shape[1], dtype=int)
    for row in ends:
        passages += row * last < 0
        last = np.where(row, row, last)
    return passages / 2
