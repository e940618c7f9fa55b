"""The molecule's graph: which beads are bonded, and which are of the same type."""

from collections.abc import Sequence
from typing import Any

import mdtraj

Graph = list[tuple[int, ...]]
"""Bonded atoms of each atom, in ascending order."""


def neighbours(topology: mdtraj.Topology) -> Graph:
    """Graph of a topology's bonds."""
    graph: list[set[int]] = [set() for _ in range(topology.n_atoms)]
    for first, second in topology.bonds:
        graph[first.index].add(second.index)
        graph[second.index].add(first.index)
    return [tuple(sorted(bonded)) for bonded in graph]


def bead_bonds(beads: Sequence[Sequence[int]], graph: Graph) -> tuple[tuple[int, int], ...]:
    """Bonds between beads, by contraction of the graph.

    Atoms of no bead count to the nearest bead along bonds (among equally near ones to the first).
    Two beads are bonded where an atom that counts to one is bonded to an atom that counts to the
    other. So the beads of a connected molecule are connected, also where atoms between them make
    no bead, as between the CA of neighbouring residues.

    Args:
        beads: atoms of each bead.
        graph: of the molecule.

    Returns:
        Pairs of bead indices, the smaller one first, in ascending order.
    """
    owner = {atom: bead for bead, members in enumerate(beads) for atom in members}
    front = list(owner)
    while front:
        reached: dict[int, int] = {}
        for atom in front:
            for other in graph[atom]:
                if other not in owner:
                    reached[other] = min(owner[atom], reached.get(other, len(beads)))
        owner |= reached
        front = list(reached)
    pairs = {(owner[a], owner[b]) for a in owner for b in graph[a] if owner[a] < owner[b]}
    return tuple(sorted(pairs))


def bead_type(atoms: Sequence[int], topology: mdtraj.Topology, graph: Graph) -> str:
    """Type of a bead: the same for beads of the same atoms in the same surroundings.

    It names each atom, its residue, and the elements of its neighbours and of their further
    neighbours, such as ``ALA-O(C:CN)``, the oxygen of alanine that is bonded to a carbon that is
    bonded to a carbon and a nitrogen. So alanines within a chain share their types, and terminal
    or differently protonated residues have their own. Other beads do not matter, so that types
    are comparable between molecules.
    """

    def symbol(index: int) -> str:
        return topology.atom(index).element.symbol

    def branch(first: int, origin: int) -> str:
        further = "".join(sorted(symbol(i) for i in graph[first] if i != origin))
        return f"{symbol(first)}:{further}" if further else symbol(first)

    def label(index: int) -> str:
        atom = topology.atom(index)
        around = ",".join(sorted(branch(i, index) for i in graph[index]))
        return f"{atom.residue.name}-{atom.name}" + (f"({around})" if around else "")

    return "+".join(sorted(label(atom) for atom in atoms))


def equivalence(topology: mdtraj.Topology, graph: Graph, atoms: Sequence[int]) -> dict[int, int]:
    """Numbers of atoms, the same for atoms that are equivalent in the graph.

    Colour refinement: Weisfeiler, Leman, Nauchno-Tekh. Inf. 2, 12 (1968); for atoms, Morgan,
    J. Chem. Doc. 5, 107 (1965).

    Args:
        topology: of the molecule.
        graph: of the molecule.
        atoms: those to number; with each atom all that it is bonded to.
    """
    colours: dict[int, Any] = {i: topology.atom(i).element.symbol for i in atoms}
    n_colours = 0
    while True:
        number = {colour: k for k, colour in enumerate(sorted(set(colours.values())))}
        numbered = {i: number[colours[i]] for i in atoms}
        if len(number) == n_colours:
            return numbered
        n_colours = len(number)
        colours = {i: (numbered[i], tuple(sorted(numbered[j] for j in graph[i]))) for i in atoms}


def molecules(atoms: Sequence[int], graph: Graph) -> list[list[int]]:
    """The molecules that hold some atoms: all atoms of each, from the first given one outwards."""
    found: list[list[int]] = []
    seen: set[int] = set()
    for atom in atoms:
        if atom in seen:
            continue
        seen.add(atom)
        molecule = [atom]
        for member in molecule:  # it grows during the loop
            new = [i for i in graph[member] if i not in seen]
            seen.update(new)
            molecule += new
        found.append(molecule)
    return found
