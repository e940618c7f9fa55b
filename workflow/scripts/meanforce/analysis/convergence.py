"""Metrics `stability` and `rhat_<variable>`: can the CG run be believed at all?"""

import numpy as np

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.rows import Row


def rows(comparison: Comparison) -> list[Row]:
    """Fraction of chains that stayed intact, and R-hat of each collective variable."""
    n = len(np.unique(comparison.model.chains)) / max(comparison.model.stable, 1e-9)
    stable = comparison.model.stable
    error = float(np.sqrt(stable * (1 - stable) / n))
    result = [Row("stability", stable, error, 1.0)]
    for number, name in enumerate(comparison.validation.surface):
        values = comparison.model.variables[:, number]
        if comparison.axes.periodic[number]:
            ratio = max(
                r_hat(function(values), comparison.model.chains) for function in (np.sin, np.cos)
            )
        else:
            ratio = r_hat(values, comparison.model.chains)
        result.append(Row(f"rhat_{name}", ratio, noise_floor=1.0))
    return result


def r_hat(values: np.ndarray, chains: np.ndarray) -> float:
    """Split R-hat of a quantity in the ensemble that was simulated (bias included).

    Gelman et al., Bayesian Data Analysis, 3rd ed., section 11.4. Chains that lost frames are
    left out.

    Args:
        values: shape (n_frames,), in order of time within each chain.
        chains: chain of each frame, shape (n_frames,).
    """
    order = np.argsort(chains, kind="stable")
    _, counts = np.unique(chains, return_counts=True)
    whole = counts == counts.max()
    rows = np.split(values[order], np.cumsum(counts)[:-1])
    length = counts.max() // 2
    halves = np.array(
        [
            part
            for row, keep in zip(rows, whole, strict=True)
            if keep
            for part in (row[:length], row[length : 2 * length])
        ]
    )
    within = halves.var(axis=1, ddof=1).mean()
    between = length * halves.mean(axis=1).var(ddof=1)
    if within == 0:
        return float("nan")
    return float(np.sqrt(((length - 1) / length * within + between / length) / within))
