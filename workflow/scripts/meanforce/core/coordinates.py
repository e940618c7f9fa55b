"""Which internal coordinates of which beads."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class CoordinateList:
    """Which coordinates of which beads (indices); values come in this order.

    Attributes:
        axes: (bead, 0 | 1 | 2): a Cartesian coordinate, nm.
        distances: (bead, bead), nm.
        angles: (bead, bead, bead), in [0, π].
        dihedrals: (bead, bead, bead, bead), in [−π, π], IUPAC sign.
    """

    axes: tuple[tuple[int, int], ...] = ()
    distances: tuple[tuple[int, int], ...] = ()
    angles: tuple[tuple[int, int, int], ...] = ()
    dihedrals: tuple[tuple[int, int, int, int], ...] = ()

    @property
    def size(self) -> int:
        """Number of coordinates."""
        return len(self.axes) + len(self.distances) + len(self.angles) + len(self.dihedrals)
