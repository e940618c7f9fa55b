"""Best superposition of references on structures, by unit quaternions.

Horn, J. Opt. Soc. Am. A 4, 629 (1987): the rotation R that maximises Σ_i x_i·R y_i is that of the
quaternion q that belongs to the largest eigenvalue of a symmetric 4×4 matrix N, which is linear in
S_ab = Σ_i y_ia x_ib; then Σ_i x_i·R y_i = qᵀ N q.
"""

import numpy as np

from meanforce.core.bead_functions.arrays import Array, Arrays


def _table() -> np.ndarray:
    """T with N_pq = Σ_ab T_pqab S_ab, shape (4, 4, 3, 3)."""
    table = np.zeros((4, 4, 3, 3))
    for a in range(3):
        b, c = (a + 1) % 3, (a + 2) % 3
        table[0, 0, a, a] = table[a + 1, a + 1, a, a] = 1.0
        table[b + 1, b + 1, a, a] = table[c + 1, c + 1, a, a] = -1.0
        for p, q in ((0, a + 1), (a + 1, 0)):
            table[p, q, b, c], table[p, q, c, b] = 1.0, -1.0
        for p, q in ((a + 1, b + 1), (b + 1, a + 1)):
            table[p, q, a, b] = table[p, q, b, a] = 1.0
    return table


TABLE = _table()


class Superposition:
    """Structures and references, both about their centres, superposed on each other.

    Args:
        references: positions, nm, shape (n_references, n_beads, 3).
        arrays: the library to compute with.

    Attributes:
        references: about their centres.
    """

    def __init__(self, references: np.ndarray, arrays: Arrays) -> None:
        references = np.asarray(references, dtype=float)
        centred = references - references.mean(1, keepdims=True)
        self._arrays, self.references = arrays, arrays.make(centred)
        self._squares = arrays.make((centred**2).sum((1, 2)))
        self._flat = arrays.make(TABLE.reshape(16, 9))

    def rotations(self, centred: Array) -> tuple[Array, Array]:
        """Rotations of the references onto structures, and mean square deviations.

        Args:
            centred: structures about their centres, nm, shape (n, n_beads, 3).

        Returns:
            R, shape (n, n_references, 3, 3), so that R y is near x; and mean square deviations
            in nm², shape (n, n_references).
        """
        n, count, beads = len(centred), len(self.references), centred.shape[1]
        # S for all references at once: (n, 1, 3, beads) times (references, beads, 3), transposed.
        products = centred.swapaxes(1, 2)[:, None] @ self.references[None]
        products = products.swapaxes(2, 3).reshape(n, count, 9)
        matrices = (products @ self._flat.T).reshape(n, count, 4, 4)
        eigenvalues, vectors = self._arrays.library.linalg.eigh(matrices)
        quaternion = vectors[..., 3]
        outer = quaternion[..., :, None] * quaternion[..., None, :]
        transposed = (outer.reshape(n, count, 16) @ self._flat).reshape(n, count, 3, 3)
        squares = (centred**2).sum(2).sum(1)[:, None] + self._squares
        deviations = (squares - 2.0 * eigenvalues[..., 3]) / beads
        return transposed.swapaxes(2, 3), deviations


def about_centre(positions: Array) -> Array:
    """Positions about the mean of all beads of a frame; shapes (n, n_beads, 3)."""
    return positions - positions.mean(1)[:, None]
