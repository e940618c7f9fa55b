"""A system's atoms beyond their topology: charges, start positions and periodic box."""

import dataclasses

import numpy as np
import openmm
from openmm import unit

from meanforce.settings.systems.registry import System
from meanforce.systems import force_field, peptide, registry
from meanforce.systems.prepared import Prepared


@dataclasses.dataclass(frozen=True)
class Atoms:
    """Atoms of a system, beyond their topology.

    Attributes:
        charges: e, shape (n_atoms,); None where the force field has none.
        positions: of the start structure, nm, shape (n_atoms, 3).
        box: periodic box vectors, nm, shape (3, 3); None without.
    """

    charges: np.ndarray | None
    positions: np.ndarray
    box: np.ndarray | None = None


def atoms_of(prepared: Prepared) -> Atoms:
    """Atoms of a prepared system."""
    box = None
    if prepared.system.usesPeriodicBoundaryConditions():
        vectors = prepared.system.getDefaultPeriodicBoxVectors()
        box = np.array([vector.value_in_unit(unit.nanometer) for vector in vectors])
    return Atoms(_charges(prepared.system), _plain(prepared.positions), box)


def input_atoms(settings: System) -> Atoms:
    """Atoms as the config describes them, before any job has run; without added water.

    Raises:
        InputError: a file is missing, or the force field does not fit the structure.
    """
    if not settings.input_files:
        return atoms_of(registry.described(settings))
    structure = peptide.read_structure(settings.structure)
    field = force_field.load(settings.force_field)
    with force_field.fitting(settings.force_field, settings.structure):
        system = field.createSystem(structure.topology)
    return Atoms(_charges(system), _plain(structure.positions))


def is_periodic(settings: System) -> bool:
    """Whether a system is in a periodic box.

    Raises:
        InputError: the system cannot be built from its settings.
    """
    if settings.periodic is not None:
        return settings.periodic
    return registry.described(settings).system.usesPeriodicBoundaryConditions()


def _plain(positions: unit.Quantity) -> np.ndarray:
    return np.array(positions.value_in_unit(unit.nanometer))


def _charges(system: openmm.System) -> np.ndarray | None:
    for force in system.getForces():
        if isinstance(force, openmm.NonbondedForce):
            numbers = range(force.getNumParticles())
            charges = [force.getParticleParameters(i)[0] for i in numbers]
            return np.array([charge.value_in_unit(unit.elementary_charge) for charge in charges])
    return None
