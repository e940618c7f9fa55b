"""Maps applied to frames of atoms."""

import numpy as np
from scipy.sparse import csr_array

BLOCK = 256
"""Most frames multiplied at once: their double-precision copy stays in the CPU's cache."""

CACHE = 2**16
"""Most numbers in that copy, of sparse maps, whose frames are large."""

DENSE = 2**18
"""Elements of a matrix (3·atoms, 3·beads) up to which it is multiplied as a dense one."""

FILLED = 1 / 8
"""Share of non-zero elements above which a larger matrix is multiplied as a dense one, too."""


def project(matrix: csr_array, frames: np.ndarray) -> np.ndarray:
    """Σ_i m_bi x_i of every frame, summed in double precision and rounded once.

    Beads of one atom are taken as they are. Small maps are one product of (n, 3·atoms) and
    (3·atoms, 3·beads), the map repeated along x, y and z, which is several times as fast as a small
    product for each frame. Those of many molecules are sparse, and time and memory are linear in
    the number of molecules. Atoms that the map leaves out (the solvent, mostly) are not touched.

    Args:
        matrix: M or B, shape (n_beads, n_atoms).
        frames: positions or forces, float32, shape (n, n_atoms, 3).

    Returns:
        float32, shape (n, n_beads, 3).
    """
    if (np.diff(matrix.indptr) == 1).all() and (matrix.data == 1).all():
        return frames.take(matrix.indices, axis=1)
    used, inside = np.unique(matrix.indices, return_inverse=True)
    small = csr_array((matrix.data, inside, matrix.indptr), shape=(matrix.shape[0], len(used)))
    mapped = np.empty((len(frames), len(matrix.indptr) - 1, 3), dtype=np.float32)
    size = small.shape[0] * small.shape[1]
    dense = 9 * size <= DENSE or small.nnz >= FILLED * size
    repeated = np.kron(small.toarray().T, np.eye(3)) if dense else None
    rows = BLOCK if dense else max(1, min(BLOCK, CACHE // (3 * len(used))))
    for start in range(0, len(frames), rows):
        part = slice(start, start + rows)
        chosen = frames[part] if len(used) == matrix.shape[1] else frames[part].take(used, axis=1)
        if dense:
            product = chosen.reshape(len(chosen), -1).astype(np.float64) @ repeated
            mapped[part] = product.reshape(len(chosen), -1, 3)
        else:
            mapped[part] = exactly(small, chosen)
    return mapped


def exactly(matrix: csr_array, frames: np.ndarray) -> np.ndarray:
    """Σ_i m_bi x_i of every frame in double precision, shape (n, n_beads, 3)."""
    n_frames, n_atoms, _ = frames.shape
    by_atom = np.ascontiguousarray(frames.transpose(1, 0, 2), dtype=np.float64)
    product = matrix @ by_atom.reshape(n_atoms, -1)
    return product.reshape(-1, n_frames, 3).transpose(1, 0, 2)
