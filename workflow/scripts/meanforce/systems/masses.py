"""Masses of atoms: those that are physical, and those of hydrogens that were made heavier."""

import numpy as np
import openmm
from openmm import app, unit
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from meanforce.errors import InputError
from meanforce.systems.atom_names import label

LIGHTEST = 1.0
"""Mass that every atom must keep, u."""

ROUNDED = 0.5
"""Most that the masses of an atom and its hydrogens may differ from those of their elements, u:
force fields round them; an atom that stands for a hydrogen more differs by 1 u."""


def particle_masses(system: openmm.System) -> np.ndarray:
    """Masses of a system's particles as it is simulated, u, shape (n_atoms,)."""
    numbers = range(system.getNumParticles())
    return np.array([system.getParticleMass(i).value_in_unit(unit.dalton) for i in numbers])


def physical_masses(system: openmm.System, topology: app.Topology) -> np.ndarray:
    """Masses of atoms without those that were moved onto hydrogens, u, shape (n_atoms,).

    Longer time steps are possible where hydrogens take mass from the atoms that they are bonded to
    (Hopkins et al., J. Chem. Theory Comput. 11, 1864 (2015)), which keeps the sum over these atoms.
    So where an atom and its hydrogens together have the mass of their elements, each has that of
    its own element. Elsewhere they have the masses of the system: united atoms, isotopes, beads.

    Args:
        system: with the masses.
        topology: of its atoms.
    """
    elements = np.array(
        [
            0.0 if atom.element is None else atom.element.mass.value_in_unit(unit.dalton)
            for atom in topology.atoms()
        ]
    )
    simulated = particle_masses(system)
    # Atoms without mass are held in place, and sites without element have none.
    simulated = np.where(simulated > 0.0, simulated, elements)
    group = _with_hydrogens(topology)
    excess = np.bincount(group, weights=simulated - elements)
    return np.where(np.abs(excess[group]) < ROUNDED, elements, simulated)


def _with_hydrogens(topology: app.Topology) -> np.ndarray:
    """Number of the group of each atom: one atom and the hydrogens that are bonded to it."""
    size = topology.getNumAtoms()
    pairs = np.array(
        [
            (one.index, other.index)
            for one, other in topology.bonds()
            if app.element.hydrogen in (one.element, other.element)
        ],
        dtype=int,
    ).reshape(-1, 2)
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (size, size))
    return connected_components(graph, directed=False)[1]


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
    masses = particle_masses(system)
    for atom in topology.atoms():
        mass = masses[atom.index]
        # Sites of water models that carry no mass have no element.
        if atom.element is not None and mass < LIGHTEST:
            raise InputError(
                f"hydrogen_mass: {hydrogen_mass:g} u leaves {mass:.3g} u for the atom "
                f"{label(atom)}; give less (4 u is usual)"
            )
