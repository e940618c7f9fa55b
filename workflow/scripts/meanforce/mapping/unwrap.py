"""Molecules that a periodic boundary cuts, made whole."""

import dataclasses
import itertools
from collections.abc import Sequence

import mdtraj
import numpy as np

from meanforce.core.beads import Beads
from meanforce.mapping.graph import Graph, molecules, neighbours

AT_ONCE = 256
"""Most frames processed together: they stay in the CPU's cache."""

CACHE = 2**16
"""Most numbers in these frames."""


@dataclasses.dataclass(frozen=True)
class BondTree:
    """Spanning trees of the molecules that hold beads, cut back to what beads need.

    Attributes:
        atoms: indices of the atoms in it, ascending.
        levels: pairs of arrays (parents, children), from the root outwards; a parent is in place
            before its children are put beside it.
    """

    atoms: np.ndarray
    levels: tuple[tuple[np.ndarray, np.ndarray], ...]


def bond_tree(topology: mdtraj.Topology, beads: Sequence[Sequence[int]]) -> BondTree:
    """How atoms are reached from each other through the bond graph.

    The root is the first bead atom of each molecule. A bead whose atoms no bonds connect joins
    its molecules: the first of its atoms in another one is attached to the bead's first atom.

    Args:
        topology: of the atoms, with bonds.
        beads: atoms of each bead.
    """
    return tree_of_graph(beads, neighbours(topology))


def tree_of(topology: mdtraj.Topology, beads: Beads, also: Sequence[int] = ()) -> BondTree:
    """The trees of all molecules with beads: those of copies are that of the first one, shifted.

    Args:
        topology: of the atoms, with bonds.
        beads: of the mapping.
        also: further atoms that must be in place, of molecules without copies.
    """
    graph = neighbours(topology)
    single = [
        [part.first_atoms[0] + atom for atom in members]
        for part in beads.parts
        if part.count == 1
        for members in part.atoms
    ]
    single += [[atom] for atom in also]
    trees = [tree_of_graph(single, graph)] if single else []
    for part in beads.parts:
        if part.count > 1:
            first = [[part.first_atoms[0] + atom for atom in members] for members in part.atoms]
            shifts = np.array(part.first_atoms) - part.first_atoms[0]
            trees.append(_shifted(tree_of_graph(first, graph), shifts))
    depths = itertools.zip_longest(*(tree.levels for tree in trees))
    return BondTree(
        atoms=np.sort(np.concatenate([tree.atoms for tree in trees])),
        levels=tuple(
            tuple(map(np.concatenate, zip(*filter(None, level), strict=True))) for level in depths
        ),
    )


def _shifted(tree: BondTree, shifts: np.ndarray) -> BondTree:
    """A tree repeated at each shift of its atoms' indices, shape (n_copies,)."""
    return BondTree(
        atoms=np.add.outer(shifts, tree.atoms).ravel(),
        levels=tuple(
            tuple(np.add.outer(shifts, side).ravel() for side in level) for level in tree.levels
        ),
    )


def tree_of_graph(beads: Sequence[Sequence[int]], graph: Graph) -> BondTree:
    """The same as `bond_tree` for a graph of bonded atoms."""
    graph = _joined(beads, graph)
    needed = {atom for members in beads for atom in members}
    depth_of: dict[int, int] = {}
    parent: dict[int, int] = {}
    order = []
    for molecule in molecules([atom for members in beads for atom in members], graph):
        # Breadth first, so that each atom is reached on the shortest path from the root.
        depth_of[molecule[0]] = 0
        for atom in molecule:
            for other in graph[atom]:
                if other not in depth_of:
                    depth_of[other], parent[other] = depth_of[atom] + 1, atom
        order += molecule
    for atom in reversed(order):
        if atom in needed and atom in parent:
            needed.add(parent[atom])
    levels: dict[int, list[tuple[int, int]]] = {}
    for atom in order:
        if atom in needed and atom in parent:
            levels.setdefault(depth_of[atom], []).append((parent[atom], atom))
    return BondTree(
        atoms=np.array(sorted(needed)),
        levels=tuple(tuple(np.array(levels[depth]).T) for depth in sorted(levels)),
    )


def _joined(beads: Sequence[Sequence[int]], graph: Graph) -> list[tuple[int, ...]]:
    """The graph with further edges inside beads whose atoms it does not connect."""
    joined = list(graph)
    number: dict[int, int] = {}
    everything = [atom for members in beads for atom in members]
    for k, molecule in enumerate(molecules(everything, graph)):
        number |= dict.fromkeys(molecule, k)
    for first, *others in beads:
        for other in others:
            if number[other] == number[first]:
                continue
            # Molecules that are joined already are not joined again: in a cycle, this edge could
            # take the place of a bond.
            joined[first] += (other,)
            joined[other] += (first,)
            old = number[other]
            number = {i: number[first] if k == old else k for i, k in number.items()}
    return joined


def make_whole(positions: np.ndarray, tree: BondTree, box: np.ndarray | None) -> np.ndarray:
    """Put every atom of the tree beside the one before it, by whole box vectors.

    Roots keep their places. Bonds must be shorter than half of the box's smallest width; then
    rounding gives the shortest image also in a triclinic box.

    Args:
        positions: nm, shape (n_frames, n_atoms, 3); changed in place.
        tree: of the atoms to be moved; others stay.
        box: periodic box vectors in rows, nm, shape (3, 3), or (n_frames, 3, 3) where they differ;
            None: nothing is changed.

    Returns:
        The positions.
    """
    if box is None or not tree.levels:
        return positions
    inverse = np.linalg.inv(box)
    cut = np.flatnonzero(_may_be_cut(positions, tree, inverse))
    if not len(cut):
        return positions
    rows = _rows(positions)
    for start in range(0, len(cut), rows):
        frames = cut[start : start + rows]
        moved = positions[frames]
        own, back = (box[frames], inverse[frames]) if box.ndim == 3 else (box, inverse)
        for parents, children in tree.levels:
            placed = moved.take(children, axis=1)
            steps = placed - moved.take(parents, axis=1)
            placed -= np.rint(steps @ back) @ own
            moved[:, children] = placed
        positions[frames] = moved
    return positions


def _rows(positions: np.ndarray) -> int:
    """Frames processed together."""
    return max(1, min(AT_ONCE, CACHE // (3 * positions.shape[1])))


def _may_be_cut(positions: np.ndarray, tree: BondTree, inverse: np.ndarray) -> np.ndarray:
    """Frames in which not all bonds are certain to be whole, bool, shape (n_frames,).

    A step is at most √3 times its largest component long, and rounds to no box vector where it
    is shorter than half of the smallest width, which is 1/|column of the inverse|.
    """
    parents, children = np.hstack(tree.levels)
    # Of several boxes the smallest width counts: a frame too many does no harm.
    longest = 0.5 / np.sqrt(3) / np.linalg.norm(inverse, axis=-2).max()
    cut = np.empty(len(positions), dtype=bool)
    rows = _rows(positions)
    for start in range(0, len(positions), rows):
        part = positions[start : start + rows]
        steps = part.take(children, axis=1) - part.take(parents, axis=1)
        largest = np.abs(steps, out=steps).reshape(len(part), -1).max(axis=1)
        cut[start : start + rows] = ~(largest < longest)
    return cut
