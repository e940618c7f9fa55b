"""A system's atoms beyond their topology: charges, start positions and periodic box."""

import dataclasses

import numpy as np

from meanforce.settings.systems.registry import System
from meanforce.systems.described import Described, OwnBeads
from meanforce.systems.facts import charges_of
from meanforce.systems.prepared import Prepared
from meanforce.systems.registry import describe


@dataclasses.dataclass(frozen=True)
class Atoms:
    """Atoms of a system, beyond their topology.

    Attributes:
        charges: e, shape (n_atoms,); None where the force field has none.
        positions: of the start structure, nm, shape (n_atoms, 3).
        box: periodic box vectors, nm, shape (3, 3); None without.
        own_beads: types and masses of atoms that are beads themselves; None for atoms.
    """

    charges: np.ndarray | None
    positions: np.ndarray
    box: np.ndarray | None = None
    own_beads: OwnBeads | None = None


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
    """Atoms of a system that is described.

    Raises:
        InputError: parameters are missing.
    """
    charges = charges_of(described.parametrised())
    return Atoms(charges, described.positions, described.box, described.own_beads)
