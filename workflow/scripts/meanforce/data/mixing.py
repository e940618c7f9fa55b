"""How well chains have mixed: R-hat and round trips of a quantity."""

import numpy as np


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
    order = np.argsort(chains, kind="stable")
    _, counts = np.unique(chains, return_counts=True)
    whole = counts == counts.max()
    rows = np.split(values[order], np.cumsum(counts)[:-1])
    length = counts.max() // 2
    kept = [row[: 2 * length] for row, keep in zip(rows, whole, strict=True) if keep]
    halves = np.array(kept).reshape(len(kept), 2, length)
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
