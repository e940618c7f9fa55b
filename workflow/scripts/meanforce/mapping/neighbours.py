"""Frames whose beads lie alike, up to rotation and translation."""

import numpy as np
from scipy.spatial import cKDTree

MOST_DISTANCES = 500
"""So many pair distances tell frames of large molecules apart well enough."""


def shape_features(positions: np.ndarray, forces: np.ndarray) -> np.ndarray:
    """Numbers in which near frames are alike, shape (n_frames, n_features).

    Pair distances and, for the mirror image, triple products; for a single bead its position
    along the components that carry force.

    Args:
        positions: nm, shape (n_frames, n_beads, 3).
        forces: of any unit, shape (n_frames, n_beads, 3).
    """
    n_beads = positions.shape[1]
    if n_beads == 1:
        carries = (forces != 0).any(axis=0)
        return positions[:, carries].reshape(len(positions), -1).astype(float)
    first, second = np.triu_indices(n_beads, 1)
    every = -(-len(first) // MOST_DISTANCES)
    first, second = first[::every], second[::every]
    distances = np.linalg.norm(positions[:, first] - positions[:, second], axis=2)
    steps = np.diff(positions, axis=1)
    triple = np.einsum("nid,nid->ni", np.cross(steps[:, :-2], steps[:, 1:-1]), steps[:, 2:])
    return np.concatenate([distances, np.sign(triple) * np.abs(triple) ** (1 / 3)], axis=1)


def nearest_in_other_half(features: np.ndarray, blocks: int) -> np.ndarray:
    """For each frame the nearest one of the other half, shape (n_frames,).

    Contiguous blocks are dealt to the halves in turn, so that neighbours in time, whose fast
    motion is alike too, are no pairs.

    Args:
        features: shape (n_frames, n_features).
        blocks: number of blocks.
    """
    half = np.arange(len(features)) * blocks // len(features) % 2
    found = np.empty(len(features), dtype=int)
    for here in (0, 1):
        there = np.flatnonzero(half != here)
        tree = cKDTree(features[there])
        found[half == here] = there[tree.query(features[half == here])[1]]
    return found


def turned_onto(positions: np.ndarray, other: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Vectors of other frames, rotated as these have to be to lie on the frames.

    Args:
        positions: of the frames, shape (n, n_beads, 3).
        other: positions of the others, shape (n, n_beads, 3).
        vectors: of the others, shape (n, n_beads, 3).
    """
    if positions.shape[1] == 1:
        return vectors
    return np.einsum("nij,nbj->nbi", superposition(other, positions), vectors)


def superposition(mobile: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Rotations, shape (n, 3, 3), that lay mobile frames onto target frames.

    Kabsch, Acta Cryst. A 32, 922 (1976).
    """
    a = mobile - mobile.mean(axis=1, keepdims=True)
    b = target - target.mean(axis=1, keepdims=True)
    u, _, vt = np.linalg.svd(np.einsum("nbi,nbj->nij", b, a))
    sign = np.sign(np.linalg.det(u @ vt))
    u[:, :, -1] *= sign[:, None]
    return u @ vt
