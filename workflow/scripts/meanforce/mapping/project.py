"""Maps applied to frames of atoms, at the speed of memory."""

import numpy as np

BLOCK = 256
"""Frames multiplied at once: so few that their double-precision copy stays in the CPU's cache."""


def project(matrix: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Σ_i m_bi x_i of every frame, summed in double precision and rounded once.

    Beads of one atom are taken as they are. All else is one product of (n, 3·atoms) and
    (3·atoms, 3·beads), the map repeated along x, y and z, which is several times as fast as a small
    product for each frame. Atoms that the map leaves out (the solvent, mostly) are not touched.

    Args:
        matrix: M or B, shape (n_beads, n_atoms).
        frames: positions or forces, float32, shape (n, n_atoms, 3).

    Returns:
        float32, shape (n, n_beads, 3).
    """
    used = np.flatnonzero((matrix != 0).any(axis=0))
    if ((matrix != 0).sum(axis=1) == 1).all() and (matrix.max(axis=1) == 1).all():
        return frames.take(matrix.argmax(axis=1), axis=1)
    repeated = np.kron(matrix[:, used].T, np.eye(3))
    mapped = np.empty((len(frames), len(matrix), 3), dtype=np.float32)
    flat = mapped.reshape(len(frames), 3 * len(matrix))
    for start in range(0, len(frames), BLOCK):
        part = slice(start, start + BLOCK)
        chosen = frames[part] if len(used) == matrix.shape[1] else frames[part].take(used, axis=1)
        flat[part] = chosen.reshape(len(chosen), -1).astype(np.float64) @ repeated
    return mapped
