"""A system's atoms beyond their topology: charges, masses, start positions and periodic box."""

import dataclasses
from typing import Self

import numpy as np

from meanforce.settings.systems.registry import System
from meanforce.systems.described import Described
from meanforce.systems.facts import charges_of
from meanforce.systems.masses import physical_masses
from meanforce.systems.prepared import Prepared
from meanforce.systems.registry import describe


@dataclasses.dataclass(frozen=True)
class Atoms:
    """Atoms of a system, beyond their topology.

    Attributes:
        charges: e, shape (n_atoms,); None where the force field has none.
        positions: of the start structure, nm, shape (n_atoms, 3).
        box: periodic box vectors, nm, shape (3, 3); None without.
        masses: u, shape (n_atoms,); None for those of the elements.
        bead_types: types of atoms that are beads themselves; None for atoms.
    """

    charges: np.ndarray | None
    positions: np.ndarray
    box: np.ndarray | None = None
    masses: np.ndarray | None = None
    bead_types: tuple[str, ...] | None = None

    def part(self, members: np.ndarray) -> Self:
        """Some of the atoms, in the order of their numbers."""
        types = self.bead_types
        return dataclasses.replace(
            self,
            charges=None if self.charges is None else self.charges[members],
            positions=self.positions[members],
            masses=None if self.masses is None else self.masses[members],
            bead_types=None if types is None else tuple(types[i] for i in members),
        )


def atoms_of(prepared: Prepared) -> Atoms:
    """Atoms of a prepared system."""
    return described_atoms(Described.of(prepared))


def input_atoms(settings: System) -> Atoms:
    """Atoms as the config describes them, before any job has run; without added water.

    Raises:
        InputError: a file is missing, or files do not fit each other.
    """
    return described_atoms(describe(settings))


def described_atoms(described: Described) -> Atoms:
    """Atoms of a system that is described, with their physical masses.

    Raises:
        InputError: parameters are missing.
    """
    system = described.parametrised()
    return Atoms(
        charges=charges_of(system),
        positions=described.positions,
        box=described.box,
        masses=physical_masses(system, described.topology),
        bead_types=described.bead_types,
    )
