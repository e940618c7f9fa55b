"""Molecules that bonds hold together: whole in a periodic box, and by their centres of mass."""

import dataclasses
import functools

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

from meanforce.core.cell import reciprocal, turns
from meanforce.core.graph import adjacency, molecules
from meanforce.core.topology import Topology


@dataclasses.dataclass(frozen=True, eq=False)
class Molecules:
    """The molecules that bonds hold together.

    Attributes:
        owner: molecule of each bead, shape (n_beads,).
        parts: beads of each molecule, ascending.
        kinds: kind of each molecule, shape (n_molecules,): those with the same types of beads and
            the same bonds, in the same order, are of one kind.
        levels: pairs of arrays (parents, children) of beads; a child is bonded to its parent, and
            the parents of a level are children of earlier ones.
    """

    owner: np.ndarray
    parts: tuple[np.ndarray, ...]
    kinds: np.ndarray
    levels: tuple[tuple[np.ndarray, np.ndarray], ...]

    @classmethod
    @functools.lru_cache(maxsize=4)
    def of(cls, beads: Topology) -> "Molecules":
        """The molecules of some beads."""
        parts = molecules(beads)
        owner = np.empty(beads.size, dtype=int)
        for number, part in enumerate(parts):
            owner[part] = number
        place = np.empty(beads.size, dtype=int)
        for part in parts:
            place[part] = np.arange(len(part))
        bonds: list[list[tuple[int, int]]] = [[] for _ in parts]
        for first, second in beads.bond_array:
            bonds[owner[first]].append((int(place[first]), int(place[second])))
        known: dict[tuple, int] = {}
        kinds = [
            known.setdefault((tuple(beads.types[i] for i in part), tuple(sorted(own))), len(known))
            for part, own in zip(parts, bonds, strict=True)
        ]
        graph, depth = adjacency(beads).tocsr(), np.zeros(beads.size, dtype=int)
        parent = np.full(beads.size, -1)
        for part in parts:
            if len(part) == 1:
                continue
            own = graph[part][:, part]
            order, before = breadth_first_order(own, 0, directed=False)
            for bead in order[1:]:
                parent[part[bead]] = part[before[bead]]
                depth[part[bead]] = depth[part[before[bead]]] + 1
        levels = []
        for number in range(1, int(depth.max(initial=0)) + 1):
            children = np.flatnonzero(depth == number)
            levels.append((parent[children], children))
        return cls(owner, tuple(parts), np.array(kinds, dtype=int), tuple(levels))

    @property
    def count(self) -> int:
        """Number of molecules."""
        return len(self.kinds)

    def whole(self, positions: np.ndarray, box: np.ndarray | None) -> np.ndarray:
        """Positions with each molecule in one piece: every bead beside the one it is bonded to.

        Args:
            positions: nm, shape (n, n_beads, 3).
            box: nm, shape (3, 3) or (n, 3, 3); None without a box.

        Returns:
            nm, float64, shape (n, n_beads, 3).
        """
        positions = positions.astype(float)
        if box is not None:
            for parents, children in self.levels:
                steps = positions[:, children] - positions[:, parents]
                positions[:, children] -= turns(steps, box) @ box
        return positions

    def centres(self, whole: np.ndarray, masses: np.ndarray) -> np.ndarray:
        """Centres of mass, nm, shape (n, n_molecules, 3).

        Args:
            whole: positions of whole molecules, nm, shape (n, n_beads, 3).
            masses: of the beads, u, shape (n_beads,).
        """
        shares = masses / np.bincount(self.owner, weights=masses)[self.owner]
        beads = np.arange(len(self.owner))
        mean = csr_array((shares, (self.owner, beads)), (self.count, len(beads)))
        n = len(whole)
        flat = np.moveaxis(whole, 1, 0).reshape(len(beads), 3 * n)
        return np.moveaxis((mean @ flat).reshape(self.count, n, 3), 0, 1)

    def moved_to(
        self, positions: np.ndarray, masses: np.ndarray, box: np.ndarray, other: np.ndarray
    ) -> np.ndarray:
        """Positions in another box: centres of mass keep their fractional coordinates.

        Args:
            positions: nm, shape (n, n_beads, 3).
            masses: of the beads, u, shape (n_beads,).
            box: that they are in, nm, shape (3, 3).
            other: nm, shape (3, 3).

        Returns:
            nm, in the type of the positions.
        """
        whole = self.whole(positions, box)
        centres = self.centres(whole, masses)
        moved = centres @ reciprocal(box).T @ other
        return (whole + (moved - centres)[:, self.owner]).astype(positions.dtype)
