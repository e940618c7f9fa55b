"""Molecules of an atomistic topology: which are of one type, and where they are."""

import collections
import dataclasses
import difflib

import mdtraj
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from meanforce.errors import InputError

LISTED = 20
"""Most molecule types in a message."""


@dataclasses.dataclass(frozen=True)
class Copies:
    """All molecules of one type.

    Attributes:
        topology: of one of them, with residues numbered from 1.
        first_atoms: index of the first atom of each.
        first_residues: index of the first residue of each.
    """

    topology: mdtraj.Topology
    first_atoms: tuple[int, ...]
    first_residues: tuple[int, ...]


class Molecules:
    """Molecules by name: atoms that bonds connect, or that are of one residue.

    A molecule has the name of its residue, such as HOH, or the different names of its residues in
    order, such as ACE-ALA-NME.

    Args:
        topology: of the atoms, with bonds.
    """

    def __init__(self, topology: mdtraj.Topology) -> None:
        self._topology = topology
        self._atoms = list(topology.atoms)
        self._bonds = np.array(
            [sorted((one.index, other.index)) for one, other in topology.bonds], dtype=int
        ).reshape(-1, 2)
        self._owner = self._components()
        order = np.argsort(self._owner, kind="stable")
        ends = np.flatnonzero(np.diff(self._owner[order])) + 1
        self._named: dict[str, list[np.ndarray]] = collections.defaultdict(list)
        for members in np.split(order, ends) if len(order) else []:
            self._named[self._name(members)].append(members)

    def _components(self) -> np.ndarray:
        """Number of each atom's molecule, in order of their first atoms, shape (n_atoms,)."""
        residues = np.array([atom.residue.index for atom in self._atoms], dtype=int)
        _, first, inverse = np.unique(residues, return_index=True, return_inverse=True)
        within = np.column_stack([first[inverse], np.arange(len(residues))])
        pairs = np.concatenate([self._bonds, within])
        size = len(self._atoms)
        graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (size, size))
        return connected_components(graph, directed=False)[1]

    def _name(self, members: np.ndarray) -> str:
        names = dict.fromkeys(self._atoms[i].residue.name for i in members)
        return "-".join(names)

    def counts(self) -> dict[str, int]:
        """How many molecules of each name there are."""
        return {name: len(found) for name, found in self._named.items()}

    def sizes(self) -> np.ndarray:
        """Number of atoms of each atom's molecule, shape (n_atoms,)."""
        return np.bincount(self._owner)[self._owner]

    def copies(self, name: str, where: str) -> Copies:
        """All molecules of one name.

        Args:
            name: of the molecule type.
            where: config key, for messages.

        Raises:
            InputError: there are none, they are not alike, or atoms of other molecules are among
                theirs.
        """
        if name not in self._named:
            near = difflib.get_close_matches(name, self._named, n=2)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            counts = list(self.counts().items())
            known = ", ".join(f"{one} ({count})" for one, count in counts[:LISTED])
            raise InputError(
                f"{where}: there is no molecule type '{name}'; there are (with their number of "
                f"molecules): {known}{', …' if len(counts) > LISTED else ''}{hint}"
            )
        found = self._named[name]
        firsts = [int(members[0]) for members in found]
        for members in found:
            if members[-1] - members[0] + 1 != len(members):
                raise InputError(
                    f"{where}: atoms of other molecules are between those of the molecule that "
                    f"begins with {self._atoms[members[0]]}; put atoms of a molecule one after "
                    "the other in the structure file"
                )
        wanted, *others = self._described(found)
        for number, other in enumerate(others, 1):
            if other != wanted:
                raise InputError(
                    f"{where}: the molecules that begin with {self._atoms[firsts[0]]} and "
                    f"{self._atoms[firsts[number]]} are both called '{name}', but have "
                    "different atoms or bonds; give their residues different names"
                )
        topology = self._topology.subset(found[0].tolist())
        for number, residue in enumerate(topology.residues, 1):
            residue.resSeq = number
        residues = tuple(self._atoms[first].residue.index for first in firsts)
        return Copies(topology, tuple(firsts), residues)

    def _described(self, found: list[np.ndarray]) -> list[tuple]:
        """Properties that molecules must share: atoms, residues and bonds, counted from the
        first."""
        bonds: dict[int, list[tuple[int, int]]] = collections.defaultdict(list)
        first_of = {int(self._owner[members[0]]): int(members[0]) for members in found}
        for owner, (i, j) in zip(
            self._owner[self._bonds[:, 0]].tolist(), self._bonds.tolist(), strict=True
        ):
            if owner in first_of:
                bonds[owner].append((i - first_of[owner], j - first_of[owner]))
        described = []
        for owner, first in first_of.items():
            members = found[len(described)]
            start = self._atoms[first].residue.index
            atoms = [self._atoms[i] for i in members]
            described.append(
                (
                    [
                        (a.name, a.element.symbol, a.residue.name, a.residue.index - start)
                        for a in atoms
                    ],
                    sorted(bonds[owner]),
                )
            )
        return described
