"""Stereo centres: where the beads of a molecule differ from those of its mirror image."""

import itertools
from collections.abc import Sequence

import mdtraj
import numpy as np

from meanforce.mapping.graph import Graph, equivalence, molecules

FLAT = 0.2
"""Least |volume| of three unit vectors that counts as chiral; at a tetrahedral centre
it is 0.77."""

Centre = tuple[int, int, int, int, int]
"""Bead indices (center, a, b, c), a < b < c, and the sign, 1 or -1, of (a−o)·[(b−o)×(c−o)], the
volume that beads a, b and c span from the centre o."""


def stereo_centers(
    beads: Sequence[Sequence[int]],
    topology: mdtraj.Topology,
    graph: Graph,
    positions: np.ndarray,
) -> tuple[Centre, ...]:
    """Stereo centres among beads.

    A bead is a stereo centre if one of its atoms has four different branches of the molecule, at
    least three of them leading to different other beads. Equal branches, such as the methyl groups
    of valine, do not make a centre, and neither do flat groups.

    Args:
        beads: atoms of each bead.
        topology: of the molecule.
        graph: of the molecule.
        positions: of beads in the start structure, nm, shape (n_beads, 3).
    """
    owner = {atom: bead for bead, members in enumerate(beads) for atom in members}
    same: dict[int, int] = {}
    for molecule in molecules(list(owner), graph):
        same |= equivalence(topology, graph, molecule)
    centers = []
    for atom, bead in owner.items():
        branches = graph[atom]
        if len(branches) != 4 or len({same[i] for i in branches}) < 4:
            continue
        reached = {_first_bead(branch, atom, owner, graph) for branch in branches}
        for a, b, c in itertools.combinations(sorted(reached - {None, bead}), 3):
            sides = positions[[a, b, c]] - positions[bead]
            volume = np.linalg.det(sides / np.linalg.norm(sides, axis=1, keepdims=True))
            if abs(volume) > FLAT:
                centers.append((bead, a, b, c, 1 if volume > 0 else -1))
                break  # three of four branches suffice
    return tuple(sorted(centers))


def same_in_all(centers: Sequence[Centre], positions: np.ndarray) -> tuple[Centre, ...]:
    """Stereo centres that have the same sign in all molecules of a type, unlike in a racemate.

    Args:
        centers: of one molecule.
        positions: of the beads of all molecules, each made whole, nm, shape (n, n_beads, 3).
    """
    kept = []
    for bead, a, b, c, sign in centers:
        sides = positions[:, [a, b, c]] - positions[:, [bead]]
        if (np.linalg.det(sides) * sign > 0).all():
            kept.append((bead, a, b, c, sign))
    return tuple(kept)


def _first_bead(branch: int, center: int, owner: dict[int, int], graph: Graph) -> int | None:
    """The nearest bead on a branch of the molecule, or None where it ends without one."""
    seen, front = {center, branch}, [branch]
    while front:
        found = [owner[i] for i in front if i in owner]
        if found:
            return min(found)
        front = sorted({j for i in front for j in graph[i]} - seen)
        seen.update(front)
    return None
