"""A system's atoms beyond their topology: charges, start positions and periodic box."""

import dataclasses

import numpy as np
import openmm
from openmm import unit

from meanforce.settings.systems.base import MoleculeSettings
from meanforce.settings.systems.registry import System
from meanforce.systems import force_field, peptide, registry
from meanforce.systems.prepared import Prepared


@dataclasses.dataclass(frozen=True)
class OwnBeads:
    """What atoms that are beads have in place of elements.

    Attributes:
        types: of the beads.
        masses: u, shape (n_beads,).
    """

    types: tuple[str, ...]
    masses: np.ndarray

    def part(self, members: np.ndarray) -> "OwnBeads":
        """Those of some beads, in their order."""
        return OwnBeads(tuple(self.types[i] for i in members), self.masses[members])


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
    box = None
    if prepared.periodic:
        vectors = prepared.system.getDefaultPeriodicBoxVectors()
        box = np.array([vector.value_in_unit(unit.nanometer) for vector in vectors])
    own = None
    if prepared.bead_types is not None:
        numbers = range(prepared.system.getNumParticles())
        masses = [prepared.system.getParticleMass(i).value_in_unit(unit.dalton) for i in numbers]
        own = OwnBeads(prepared.bead_types, np.array(masses))
    return Atoms(_charges(prepared.system), _plain(prepared.positions), box, own)


def input_atoms(settings: System) -> Atoms:
    """Atoms as the config describes them, before any job has run; without added water.

    Raises:
        InputError: a file is missing, or the force field does not fit the structure.
    """
    if not isinstance(settings, MoleculeSettings):
        return atoms_of(registry.build(settings, 0))
    structure = peptide.read_structure(settings.structure)
    field = force_field.load(settings.force_field)
    with force_field.fitting(settings.force_field, settings.structure):
        system = field.createSystem(structure.topology)
    return Atoms(_charges(system), _plain(structure.positions))


def _plain(positions: unit.Quantity) -> np.ndarray:
    return np.array(positions.value_in_unit(unit.nanometer))


def _charges(system: openmm.System) -> np.ndarray | None:
    for force in system.getForces():
        if isinstance(force, openmm.NonbondedForce):
            numbers = range(force.getNumParticles())
            charges = [force.getParticleParameters(i)[0] for i in numbers]
            return np.array([charge.value_in_unit(unit.elementary_charge) for charge in charges])
    return None
