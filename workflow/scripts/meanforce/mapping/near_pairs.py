"""What bonds and angles of beads explain of the forces on them, while a force map is fitted.

The least noisy map minimises mean squares of forces, in which the mean force counts as well. Stiff
bonds and angles make it twenty times as large as the noise, so that coefficients fitted to few
frames would be drawn by it. Vectors between near beads, constant and linear in their distance, are
therefore fitted together with the map, and are left out of it afterwards. As they depend on R
alone, they hold nothing of the noise.
"""

import numpy as np

from meanforce.core.topology import Topology

SIZE = 1000.0
"""kJ/mol/nm; makes unit vectors of the size of forces."""

NARROW = 1e-4
"""nm; distances that vary less are as good as constant."""


class NearPairs:
    """Pairs of beads that are one or two bonds apart.

    Args:
        topology: of the beads.
    """

    def __init__(self, topology: Topology) -> None:
        ends = {(angle[0], angle[2]) for angle in topology.angles}
        pairs = sorted({tuple(sorted(pair)) for pair in (*topology.bonds, *ends)})
        self._pairs = np.array(pairs, dtype=int).reshape(-1, 2)
        self._mean = self._spread = np.zeros(0)

    @property
    def count(self) -> int:
        """Number of vectors."""
        return 2 * len(self._pairs)

    def vectors(self, positions: np.ndarray) -> np.ndarray:
        """e and e (r − r̄)/s of all pairs, with mean r̄ and spread s of the first frames.

        Args:
            positions: of the beads, nm, shape (n, n_beads, 3).

        Returns:
            kJ/mol/nm, float32, shape (n, count, 3).
        """
        positions = positions.astype(np.float64)
        apart = positions[:, self._pairs[:, 1]] - positions[:, self._pairs[:, 0]]
        distances = np.linalg.norm(apart, axis=2)
        if len(self._mean) != len(self._pairs):
            self._mean = distances.mean(axis=0)
            self._spread = np.maximum(distances.std(axis=0), NARROW)
        unit = apart / np.maximum(distances, NARROW)[:, :, None]
        linear = unit * ((distances - self._mean) / self._spread)[:, :, None]
        return (SIZE * np.concatenate([unit, linear], axis=1)).astype(np.float32)
