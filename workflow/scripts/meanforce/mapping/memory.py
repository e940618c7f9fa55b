"""Autocorrelation times of the conformations in a dataset."""

import math

import numpy as np

from meanforce.core.invariants import invariant_features
from meanforce.mapping.irreducible import FRAMES
from meanforce.statistics.autocorrelation import Correlation, correlation

SLOW = 3
"""Number of principal components of the features that stand for conformations."""


def stride_of(walkers: np.ndarray) -> int:
    """Stride that leaves enough frames, and skips no walker where walkers take turns.

    Args:
        walkers: number of each frame's walker, shape (n,).
    """
    step = max(1, -(-len(walkers) // FRAMES))
    while math.gcd(step, len(np.unique(walkers))) > 1:
        step += 1
    return step


def conformations(positions: np.ndarray, carries: np.ndarray, walkers: np.ndarray) -> Correlation:
    """Correlation of the slowest of the features' leading principal components, in frames.

    Args:
        positions: nm, in order of time for each walker, shape (n, n_beads, 3).
        carries: components that carry force, bool, shape (n_beads, 3).
        walkers: number of each frame's walker, shape (n,).
    """
    described = invariant_features(positions, carries)
    described -= described.mean(axis=0)
    _, vectors = np.linalg.eigh(described.T @ described)
    leading = (described @ vectors[:, ::-1][:, :SLOW]).T
    every = [walkers == walker for walker in np.unique(walkers)]
    found = [correlation([row[own] for own in every]) for row in leading]
    return max(found, key=lambda one: one.inefficiency)
