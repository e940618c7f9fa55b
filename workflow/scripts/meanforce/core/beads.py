"""Configuration maps R = M r, written once for each molecule type."""

import dataclasses
import difflib
import functools
import itertools
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_array

from meanforce.core.graph import molecules
from meanforce.core.molecule_type import MoleculeType
from meanforce.core.topology import Topology
from meanforce.errors import InputError

LISTED = 60
"""Most bead names in a message."""


@dataclasses.dataclass(frozen=True)
class MoleculeBeads:
    """Beads of one molecule type, and where its copies are among the atoms.

    Attributes:
        molecule: names, types, bonds and stereo centres of the beads.
        atoms: of each bead, ascending, counted from the first atom of the copy.
        weights: of these atoms in the bead's position; each tuple sums to 1.
        masses: of the beads, u.
        residues: name and index of the residue of each bead's first atom, counted from the first
            residue of the copy.
        first_atoms: index of the first atom of each copy.
        first_residues: index of the first residue of each copy.
    """

    molecule: MoleculeType
    atoms: tuple[tuple[int, ...], ...]
    weights: tuple[tuple[float, ...], ...]
    masses: tuple[float, ...]
    residues: tuple[tuple[str, int], ...] = ()
    first_atoms: tuple[int, ...] = (0,)
    first_residues: tuple[int, ...] = (0,)

    @property
    def count(self) -> int:
        """Number of copies."""
        return len(self.first_atoms)

    @classmethod
    def of(cls, parameters: dict[str, Any]) -> Self:
        """The inverse of `parameters`."""
        return cls(
            molecule=MoleculeType.of(parameters),
            atoms=tuple(map(tuple, parameters["atoms"])),
            weights=tuple(map(tuple, parameters["weights"])),
            masses=tuple(parameters["masses"]),
            residues=tuple((name, index) for name, index in parameters["residues"]),
            first_atoms=_numbers(parameters["first_atoms"]),
            first_residues=_numbers(parameters["first_residues"]),
        )

    def parameters(self) -> dict[str, Any]:
        """Plain values; where copies are as runs [first, count, step]."""
        return self.molecule.parameters() | {
            "atoms": [list(members) for members in self.atoms],
            "weights": [list(row) for row in self.weights],
            "masses": list(self.masses),
            "residues": [list(residue) for residue in self.residues],
            "first_atoms": _runs(self.first_atoms),
            "first_residues": _runs(self.first_residues),
        }


@dataclasses.dataclass(frozen=True)
class Beads:
    """Beads of one mapping, molecule type after molecule type, copy after copy.

    Attributes:
        parts: beads of each molecule type.
    """

    parts: tuple[MoleculeBeads, ...]

    @classmethod
    def of_beads(
        cls,
        names: Sequence[str],
        atoms: Sequence[Sequence[int]],
        weights: Sequence[Sequence[float]],
        bonds: Sequence[tuple[int, int]],
        masses: Sequence[float] | np.ndarray,
        types: Sequence[str] = (),
        residues: Sequence[tuple[str, int]] = (),
        stereo: Sequence[tuple[int, int, int, int, int]] = (),
    ) -> Self:
        """Beads without molecule types, see `Topology.of_beads`; arguments as the properties."""
        topology = Topology.of_beads(names, types or names, bonds, stereo)
        masses = np.asarray(masses, dtype=float).tolist()
        return cls(
            tuple(
                MoleculeBeads(
                    molecule=kind,
                    atoms=tuple(map(tuple, atoms[own])),
                    weights=tuple(map(tuple, weights[own])),
                    masses=tuple(masses[own]),
                    residues=tuple(residues[own]),
                )
                for (kind, _), own in zip(topology.composition, topology.molecules, strict=True)
            )
        )

    @classmethod
    def of(cls, parameters: dict[str, Any]) -> Self:
        """The inverse of `parameters`."""
        return cls(tuple(map(MoleculeBeads.of, parameters["molecule_types"])))

    def parameters(self) -> dict[str, Any]:
        """Plain values for a JSON file: each molecule type once, and where its copies are."""
        return {"molecule_types": [part.parameters() for part in self.parts]}

    def dataset_parameters(self) -> dict[str, Any]:
        """Plain values that a dataset of these beads records; residues only without copies."""
        values = self.topology.parameters()
        if "molecule_types" in values:
            return values
        return values | {"bead_residues": [list(residue) for residue in self.residues]}

    @functools.cached_property
    def topology(self) -> Topology:
        """Molecule types times counts."""
        return Topology(tuple((part.molecule, part.count) for part in self.parts))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the beads, all different, see `Topology`."""
        return self.topology.names

    @property
    def types(self) -> tuple[str, ...]:
        """Types of the beads; the same for chemically equal beads of different residues."""
        return self.topology.types

    @property
    def bonds(self) -> tuple[tuple[int, int], ...]:
        """Pairs of bead indices joined by the molecule's graph, first < second."""
        return self.topology.bonds

    @property
    def stereo(self) -> tuple[tuple[int, int, int, int, int], ...]:
        """Stereo centres; none without a start structure."""
        return self.topology.stereo

    @functools.cached_property
    def atoms(self) -> tuple[tuple[int, ...], ...]:
        """Atom indices of each bead, ascending."""
        return tuple(
            tuple(first + atom for atom in members)
            for part in self.parts
            for first in part.first_atoms
            for members in part.atoms
        )

    @functools.cached_property
    def weights(self) -> tuple[tuple[float, ...], ...]:
        """Weights of these atoms in the bead's position; each tuple sums to 1."""
        return tuple(
            itertools.chain.from_iterable(part.weights * part.count for part in self.parts)
        )

    @functools.cached_property
    def masses(self) -> np.ndarray:
        """u, shape (n_beads,)."""
        return np.concatenate([np.tile(part.masses, part.count) for part in self.parts])

    @property
    def residues(self) -> tuple[tuple[str, int], ...]:
        """Name and index (from 0, in the topology) of the residue of each bead's first atom."""
        return tuple(
            (name, first + index)
            for part in self.parts
            for first in part.first_residues
            for name, index in part.residues
        )

    @property
    def n_molecules(self) -> int:
        """Number of connected components of the beads' graph."""
        return len(molecules(self.topology))

    def matrix(self, n_atoms: int) -> csr_array:
        """M, sparse, shape (n_beads, n_atoms)."""
        rows, columns, values, row = [], [], [], 0
        for part in self.parts:
            own = [bead for bead, members in enumerate(part.atoms) for _ in members]
            places = np.array([atom for members in part.atoms for atom in members])
            size = part.molecule.size
            rows.append(row + np.add.outer(size * np.arange(part.count), own).ravel())
            columns.append(np.add.outer(part.first_atoms, places).ravel())
            weights = [weight for given in part.weights for weight in given]
            values.append(np.tile(weights, part.count))
            row += size * part.count
        entries = (np.concatenate(rows).astype(int), np.concatenate(columns).astype(int))
        matrix = csr_array((np.concatenate(values), entries), shape=(row, n_atoms))
        matrix.eliminate_zeros()
        return matrix

    @property
    def listed(self) -> str:
        """Names of the beads, for messages; only the first of many."""
        more = len(self.names) - LISTED
        return ", ".join(self.names[:LISTED]) + (f" and {more} more" if more > 0 else "")

    def index(self, name: str, where: str) -> int:
        """Position of a bead by its name.

        Raises:
            InputError: the mapping has no bead of this name.
        """
        if name not in self.names:
            near = difflib.get_close_matches(name, self.names, n=3)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise InputError(f"{where}: there is no bead '{name}'; known: {self.listed}{hint}")
        return self.names.index(name)


def _runs(numbers: tuple[int, ...]) -> list[list[int]]:
    """Runs [first, count, step] of numbers at equal steps."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][1] == 1:
            runs[-1][1:] = [2, number - runs[-1][0]]
        elif runs and number == runs[-1][0] + runs[-1][1] * runs[-1][2]:
            runs[-1][1] += 1
        else:
            runs.append([number, 1, 1])
    return runs


def _numbers(runs: list[list[int]]) -> tuple[int, ...]:
    return tuple(first + step * k for first, count, step in runs for k in range(count))
