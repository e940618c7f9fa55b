"""Frames of beads without their rotation: internal features, and forces in frames of the beads."""

import numpy as np

PAIRS = 300
"""Pairs of beads whose distances are features: the closest ones of a large molecule."""

COLLINEAR = 0.3
"""Sine below which three beads are too close to a line to define a frame."""


def features(positions: np.ndarray, carries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features that distinguish two conformations.

    Pair distances and, for the mirror image, triple products of successive steps; of a single
    bead, its position along the components that carry force.

    Args:
        positions: nm, shape (n, n_beads, 3).
        carries: components that carry force, bool, shape (n_beads, 3).

    Returns:
        lengths in nm, shape (n, n_lengths), and volumes in nm³, shape (n, n_volumes).
    """
    positions = positions.astype(np.float64)
    n, n_beads, _ = positions.shape
    if n_beads == 1:
        return positions[:, carries].reshape(n, -1), np.zeros((n, 0))
    first, second = np.triu_indices(n_beads, 1)
    if len(first) > PAIRS:
        near = np.argsort(_mean_distances(positions)[first, second], kind="stable")[:PAIRS]
        first, second = first[near], second[near]
    distances = np.linalg.norm(positions[:, first] - positions[:, second], axis=2)
    steps = np.diff(positions, axis=1)
    triple = np.einsum("nid,nid->ni", np.cross(steps[:, :-2], steps[:, 1:-1]), steps[:, 2:])
    return distances, triple


def invariant_features(positions: np.ndarray, carries: np.ndarray) -> np.ndarray:
    """`features` all in nm, shape (n, n_features): distances between them compare conformations."""
    lengths, volumes = features(positions, carries)
    return np.concatenate([lengths, np.cbrt(volumes)], axis=1)


def in_own_frames(positions: np.ndarray, forces: np.ndarray) -> np.ndarray:
    """Forces on each bead in axes that turn with it and two beads near it.

    The first axis points to the nearest bead, the second lies in the plane of both. The mean
    force is then a function of the internal features alone. A single bead keeps its axes.

    Args:
        positions: nm, shape (n, n_beads, 3).
        forces: shape (n, n_beads, 3).

    Returns:
        float64, shape (n, n_beads, 3); lengths are kept.
    """
    n_beads = positions.shape[1]
    if n_beads == 1:
        return forces.astype(np.float64)
    positions = positions.astype(np.float64)
    mean, turned = _mean_distances(positions), np.empty(forces.shape)
    for bead in range(n_beads):
        near = [other for other in np.argsort(mean[bead], kind="stable") if other != bead]
        first = positions[:, near[0]] - positions[:, bead]
        others = [positions[:, other] - positions[:, bead] for other in near[1:]]
        # Two beads have no plane: perpendicular to their axis, no direction is special.
        axes = _axes(first, _spanning(first, others) if others else np.roll(first, 1, axis=1))
        turned[:, bead] = np.einsum("nab,nb->na", axes, forces[:, bead])
    return turned


def _mean_distances(positions: np.ndarray) -> np.ndarray:
    some = positions[:: max(1, len(positions) // 500)]
    # One frame after another: the distances of all would need 12 GB for a thousand beads.
    return sum(np.linalg.norm(one[:, None] - one, axis=2) for one in some) / len(some)


def _spanning(first: np.ndarray, others: list[np.ndarray]) -> np.ndarray:
    """The nearest of the others that is not in line with the first; else the best one."""
    sines = []
    for other in others:
        area = np.linalg.norm(np.cross(first, other), axis=1)
        length = np.linalg.norm(first, axis=1) * np.linalg.norm(other, axis=1)
        sines.append(float(np.quantile(area / length, 0.05)))
        if sines[-1] > COLLINEAR:
            return other
    return others[int(np.argmax(sines))]


def _axes(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Right-handed axes, shape (n, 3, 3): rows along the first, in the plane, across it."""
    along = first / np.linalg.norm(first, axis=1, keepdims=True)
    second = second - (second * along).sum(axis=1, keepdims=True) * along
    second = second / np.linalg.norm(second, axis=1, keepdims=True)
    return np.stack([along, second, np.cross(along, second)], axis=1)
