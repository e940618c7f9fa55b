"""Builder of liquids: molecules of one or several types, packed in a periodic box."""

import functools

import numpy as np
import openmm
from openmm import app, unit

from meanforce.errors import InputError
from meanforce.settings.systems.liquid import LiquidSettings
from meanforce.systems import force_field
from meanforce.systems.described import Described
from meanforce.systems.equilibration_checks import GRAMS_PER_CM3
from meanforce.systems.masses import refuse_light_atoms
from meanforce.systems.minimise import minimised
from meanforce.systems.mixing import mixing_of, with_geometric_mixing
from meanforce.systems.molecule_templates import Molecule, molecules_of
from meanforce.systems.packing import packed, require_room
from meanforce.systems.prepared import Prepared

CONSTRAINTS = {"none": None, "h_bonds": app.HBonds, "all_bonds": app.AllBonds}

METHODS = {"pme": app.PME, "reaction_field": app.CutoffPeriodic}


def build(settings: LiquidSettings, seed: int) -> Prepared:
    """Pack, parametrise and minimise the liquid.

    Args:
        settings: of the system.
        seed: decides where molecules are placed.

    Raises:
        InputError: a molecule is not known, the force field does not fit, the cutoff is too large
            for the box, or molecules do not fit into it.
    """
    field = force_field.load(settings.force_field)
    molecules = molecules_of(settings, field)
    edge = box_edge(settings, molecules)
    topology = _topology(molecules, edge)
    system = _parametrised(settings, field, topology)
    positions = packed(molecules, edge, settings.packing_distance, seed)
    return Prepared(system, topology, minimised(system, positions * unit.nanometer))


def describe(settings: LiquidSettings) -> Described:
    """The liquid before its molecules are packed: all of them are at the same place.

    Raises:
        InputError: a molecule is not known, the force field does not fit, or the cutoff is too
            large for the box.
    """
    return _described(settings.model_dump_json())


@functools.lru_cache(maxsize=4)
def _described(text: str) -> Described:
    settings = LiquidSettings.model_validate_json(text, context={"internal": True})
    field = force_field.load(settings.force_field)
    molecules = molecules_of(settings, field)
    edge = box_edge(settings, molecules)
    topology = _topology(molecules, edge)
    positions = np.concatenate([np.tile(one.positions, (one.count, 1)) for one in molecules])

    def system() -> openmm.System:
        return _parametrised(settings, field, topology)

    return Described(topology, positions, True, system, edge * np.eye(3))


def box_edge(settings: LiquidSettings, molecules: list[Molecule]) -> float:
    """Edge of the cubic box that has the density of the settings, nm.

    Raises:
        InputError: the cutoff is more than half of it, or it is too small for the molecules.
    """
    mass = sum(one.count * one.mass for one in molecules)
    edge = (mass * GRAMS_PER_CM3 / settings.density) ** (1.0 / 3.0)
    if 2.0 * settings.nonbonded_cutoff > edge:
        raise InputError(
            f"nonbonded_cutoff: {settings.nonbonded_cutoff:g} nm is more than half of the box, "
            f"which is {edge:.4g} nm wide for {sum(one.count for one in molecules)} molecules at "
            f"{settings.density:g} g/cm³; give more molecules or a shorter cutoff"
        )
    require_room(molecules, edge, settings.packing_distance)
    return edge


def _topology(molecules: list[Molecule], edge: float) -> app.Topology:
    """All molecules, those of a type in one chain."""
    topology = app.Topology()
    for molecule in molecules:
        chain = topology.addChain()
        for _ in range(molecule.count):
            atoms = []
            for residue in molecule.topology.residues():
                added = topology.addResidue(residue.name, chain)
                atoms += [topology.addAtom(a.name, a.element, added) for a in residue.atoms()]
            for one, other in molecule.topology.bonds():
                topology.addBond(atoms[one.index], atoms[other.index])
    topology.setPeriodicBoxVectors(edge * np.eye(3) * unit.nanometer)
    return topology


def _parametrised(
    settings: LiquidSettings, field: app.ForceField, topology: app.Topology
) -> openmm.System:
    switch = settings.switch_distance
    with force_field.fitting(settings.force_field, ", ".join(settings.molecules), topology):
        system = field.createSystem(
            topology,
            nonbondedMethod=METHODS[settings.nonbonded_method],
            nonbondedCutoff=settings.nonbonded_cutoff * unit.nanometer,
            constraints=CONSTRAINTS[settings.constraints],
            rigidWater=settings.rigid_water,
            hydrogenMass=settings.hydrogen_mass,
            switchDistance=None if switch is None else switch * unit.nanometer,
        )
    refuse_light_atoms(settings.hydrogen_mass, system, topology)
    for force in system.getForces():
        if isinstance(force, openmm.NonbondedForce):
            force.setUseDispersionCorrection(settings.dispersion_correction)
            if not _charged(force):
                force.setNonbondedMethod(openmm.NonbondedForce.CutoffPeriodic)
    if mixing_of(settings.force_field, settings.mixing) == "geometric":
        with_geometric_mixing(system, settings.dispersion_correction)
    return system


def _charged(force: openmm.NonbondedForce) -> bool:
    numbers = range(force.getNumParticles())
    return any(force.getParticleParameters(i)[0]._value != 0.0 for i in numbers)
