"""One molecule of each type of a liquid: from a structure file, or from a residue template."""

import dataclasses
import difflib

import numpy as np
import openmm
from openmm import app, unit
from scipy.optimize import minimize
from scipy.sparse.csgraph import shortest_path

from meanforce.errors import InputError
from meanforce.settings.systems.liquid import LiquidSettings
from meanforce.systems import force_field
from meanforce.systems.masses import particle_masses
from meanforce.systems.peptide import read_structure
from meanforce.systems.structure_file import as_written

SPACING = (0.0, 0.12, 0.21)
"""Rough distances of atoms that are bonded, or share a neighbour, nm."""

PER_BOND = 0.09
"""Rough distance for each further bond between two atoms, nm."""

STARTS = 5
"""Random starts of coordinates from a residue template; the best is taken."""


@dataclasses.dataclass(frozen=True)
class Molecule:
    """One molecule of a type.

    Attributes:
        name: of the type.
        count: molecules of this type in the liquid.
        topology: of one molecule.
        positions: nm, shape (n_atoms, 3).
        mass: u.
    """

    name: str
    count: int
    topology: app.Topology
    positions: np.ndarray
    mass: float


def molecules_of(settings: LiquidSettings, field: app.ForceField) -> list[Molecule]:
    """One molecule of each type, in the order of the settings.

    Raises:
        InputError: names the molecule type that has no template, or that a file does not fit.
    """
    return [_molecule(settings, name, field) for name in settings.molecules]


def _molecule(settings: LiquidSettings, name: str, field: app.ForceField) -> Molecule:
    chosen = settings.molecules[name]
    if chosen.structure is None:
        topology, where = _from_template(settings, name, field), name
    else:
        try:
            structure = read_structure(chosen.structure)
        except InputError as error:
            raise InputError(f"molecules.{name}.{error}") from None
        topology = _named(structure.topology, name, chosen.structure)
        where = chosen.structure
    with force_field.fitting(settings.force_field, where, topology):
        # Without constraints, so that its geometry can be minimised.
        system = field.createSystem(topology, rigidWater=False, removeCMMotion=False)
    mass = sum(particle_masses(system).tolist())
    if chosen.structure is None:
        positions = _embedded(topology, system)
    else:
        positions = np.array(structure.positions.value_in_unit(unit.nanometer))
    written = as_written(topology, positions * unit.nanometer)
    return Molecule(name, chosen.count, written, positions, mass)


def _from_template(settings: LiquidSettings, name: str, field: app.ForceField) -> app.Topology:
    """Topology of a residue template; OpenMM has no public access to templates."""
    templates = field._templates
    if name not in templates:
        near = difflib.get_close_matches(name, templates, n=3) or sorted(templates)[:10]
        raise InputError(
            f"molecules.{name}: force_field {settings.force_field} has no residue template "
            f"'{name}', and no 'structure' is given; templates: {', '.join(near)}"
        )
    template = templates[name]
    if template.externalBonds:
        raise InputError(
            f"molecules.{name}: the residue template '{name}' is a part of a molecule, bonded to "
            "other residues; give a 'structure' of the whole molecule"
        )
    topology = app.Topology()
    residue = topology.addResidue(name, topology.addChain())
    atoms = [topology.addAtom(atom.name, atom.element, residue) for atom in template.atoms]
    for i, j in template.bonds:
        topology.addBond(atoms[i], atoms[j])
    return topology


def _named(topology: app.Topology, name: str, path: str) -> app.Topology:
    """The topology of a structure file, with its only residue called by the molecule type's name.

    Raises:
        InputError: the residues have other names, or the file has several molecules.
    """
    residues = list(topology.residues())
    if len(residues) == 1:
        residues[0].name = name
    joined = "-".join(residue.name for residue in residues)
    if joined != name:
        raise InputError(
            f"molecules.{name}: the molecule in '{path}' has the residues {joined}; allowed is "
            "this name"
        )
    if parts := _number_of_parts(topology):
        raise InputError(
            f"molecules.{name}.structure: '{path}' has {parts} molecules that no bond connects; "
            "give one molecule with all its bonds (CONECT records in a PDB file)"
        )
    return topology


def _bond_counts(topology: app.Topology) -> np.ndarray:
    """Number of bonds between each two atoms, shape (n_atoms, n_atoms); infinite without a path."""
    size = topology.getNumAtoms()
    graph = np.zeros((size, size))
    for one, other in topology.bonds():
        graph[one.index, other.index] = 1.0
    return shortest_path(graph, directed=False, unweighted=True)


def _number_of_parts(topology: app.Topology) -> int:
    """Number of parts that no bond connects; 0 if it is one molecule."""
    reached = np.isfinite(_bond_counts(topology))
    # Sites without mass, such as M of four-site water, have no bonds.
    real = [atom.index for atom in topology.atoms() if atom.element is not None]
    parts = len(np.unique(reached[np.ix_(real, real)], axis=0))
    return parts if parts > 1 else 0


def _embedded(topology: app.Topology, system: openmm.System) -> np.ndarray:
    """Coordinates of a molecule whose bonds alone are given, always the same ones.

    Distances in space grow with the number of bonds between atoms (least squares from random
    starts); then the energy is minimised.

    Args:
        topology: of one molecule.
        system: of the molecule alone.

    Returns:
        nm, shape (n_atoms, 3).
    """
    size = topology.getNumAtoms()
    bonds = np.where(np.isfinite(_bond_counts(topology)), _bond_counts(topology), 1.0)
    near = np.array([*SPACING, *(SPACING[-1] + PER_BOND * n for n in range(1, size))])
    i, j = np.triu_indices(size, 1)
    apart = bonds[i, j].astype(int)
    wanted, weight = near[apart], 1.0 / apart**2

    def misfit(flat: np.ndarray) -> tuple[float, np.ndarray]:
        x = flat.reshape(size, 3)
        steps = x[i] - x[j]
        lengths = np.sqrt((steps**2).sum(axis=1) + 1e-12)
        excess = lengths - wanted
        slopes = (2.0 * weight * excess / lengths)[:, None] * steps
        gradient = np.zeros_like(x)
        np.add.at(gradient, i, slopes)
        np.add.at(gradient, j, -slopes)
        return float((weight * excess**2).sum()), gradient.ravel()

    generator = np.random.default_rng(0)
    starts = [generator.normal(0.0, 0.05 * size, 3 * size) for _ in range(STARTS)]
    found = [minimize(misfit, start, jac=True, method="L-BFGS-B") for start in starts]
    best = min(found, key=lambda one: one.fun).x.reshape(size, 3)
    context = openmm.Context(
        system,
        openmm.VerletIntegrator(0.001),
        openmm.Platform.getPlatformByName("Reference"),
    )
    context.setPositions(best)
    context.computeVirtualSites()
    openmm.LocalEnergyMinimizer.minimize(context)
    positions = context.getState(positions=True).getPositions(asNumpy=True)
    return np.array(positions.value_in_unit(unit.nanometer))
