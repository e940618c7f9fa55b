"""Frames whose beads lie most alike."""

from collections.abc import Callable

import numpy as np
from scipy.spatial import cKDTree

FARTHEST = 600
"""Most near frames that are searched for ones that count."""


def nearest(
    asked: np.ndarray,
    others: np.ndarray,
    number: int,
    excluded: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest of some frames to each query frame.

    Args:
        asked: features of the query frames, shape (n_asked, n_features).
        others: features of those to choose from, shape (n_others, n_features).
        number: how many for each.
        excluded: given indices (m,) of query frames and (m, k) of others, which of the latter do
            not count, shape (m, k).

    Returns:
        indices of the query frames that have enough near ones, shape (n,), and indices of these
        near frames, shape (n, number), nearest first.
    """
    tree = cKDTree(others)
    left = np.arange(len(asked))
    answered, neighbours = [left[:0]], [np.empty((0, number), dtype=int)]
    wanted = number if excluded is None else 2 * number + 2
    # Where frames are close in time, all of the nearest may be excluded: search further.
    while len(left) and wanted <= FARTHEST:
        k = min(wanted, len(others))
        found = tree.query(asked[left], k=k)[1].reshape(len(left), k)
        out = np.zeros(found.shape, bool) if excluded is None else excluded(left, found)
        enough = (~out).sum(axis=1) >= number
        # Those that count, nearest first.
        order = np.argsort(out, axis=1, kind="stable")[:, :number]
        answered.append(left[enough])
        neighbours.append(np.take_along_axis(found, order, axis=1)[enough])
        left, wanted = left[~enough], 8 * wanted
    return np.concatenate(answered), np.concatenate(neighbours)
