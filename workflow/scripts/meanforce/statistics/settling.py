"""Whether a quantity of a run has settled: the change from its first to its second half."""

import numpy as np

from meanforce.statistics.errors import THREE_SIGMA, quantile

PARTS = 5
"""Blocks of each half of a chain."""


def change_of_halves(values: np.ndarray) -> tuple[float, float]:
    """Change of the mean from the first to the second half, and the largest that noise explains.

    The second half of each chain is cut into blocks, whose means give the error of both halves:
    those of the first half would count the change itself as noise. The limit is the quantile of
    Student's t that is passed in 0.27 % of settled runs, if blocks are independent. In a run so
    short that they are not, a change is found too often.

    Args:
        values: shape (n_frames, n_chains).

    Returns:
        change and limit, in the unit of the values; the limit is NaN for too few frames.
    """
    size = len(values) // (2 * PARTS)
    if size < 1 or not values.shape[1]:
        return float("nan"), float("nan")
    kept = values[len(values) - 2 * PARTS * size :]
    means = kept.reshape(2, PARTS, size, -1).mean(axis=2).reshape(2, -1)
    change = float(means[1].mean() - means[0].mean())
    count = means.shape[1]
    error = float(np.sqrt(2.0 * means[1].var(ddof=1) / count))
    return change, quantile(count - 1, THREE_SIGMA) * error
