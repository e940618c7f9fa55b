"""Masses of atoms whose hydrogens were made heavier."""

import openmm
from openmm import app, unit

from meanforce.errors import InputError

LIGHTEST = 1.0
"""Mass that every atom must keep, u."""


def refuse_light_atoms(
    hydrogen_mass: float | None, system: openmm.System, topology: app.Topology
) -> None:
    """Refuse a hydrogen mass that leaves some atom lighter than hydrogen.

    Args:
        hydrogen_mass: that was given, u; None: masses are those of the force field.
        system: with the masses.
        topology: of its atoms.

    Raises:
        InputError: names the atom.
    """
    if hydrogen_mass is None:
        return
    for atom in topology.atoms():
        mass = system.getParticleMass(atom.index).value_in_unit(unit.dalton)
        # Sites of water models that carry no mass have no element.
        if atom.element is not None and mass < LIGHTEST:
            raise InputError(
                f"hydrogen_mass: {hydrogen_mass:g} u leaves {mass:.3g} u for the atom "
                f"{atom.residue.name}{atom.residue.id}-{atom.name}; give less (4 u is usual)"
            )
