"""Builder of a molecule from a structure file in a periodic box of explicit water."""

import random

import openmm
from openmm import app, unit

from meanforce.errors import InputError
from meanforce.settings.systems.solvated_peptide import SolvatedPeptideSettings
from meanforce.systems import force_field, water_box
from meanforce.systems.masses import refuse_light_atoms
from meanforce.systems.minimise import minimised
from meanforce.systems.peptide import read_structure
from meanforce.systems.prepared import Prepared


def build(settings: SolvatedPeptideSettings, seed: int) -> Prepared:
    """Solvate, neutralise, parametrise and minimise the molecule.

    Atoms of the structure come first, in its order; then water, then ions.

    Args:
        settings: of the system.
        seed: decides which water molecules ions replace.

    Raises:
        InputError: a file is missing, the force field does not fit the structure, or the box is
            too small.
    """
    structure = read_structure(settings.structure)
    field = force_field.load(settings.force_field)
    positions = structure.getPositions(asNumpy=True).value_in_unit(unit.nanometer)
    edge = water_box.edge(settings, positions)
    with force_field.fitting(settings.force_field, settings.structure, structure.topology):
        # The structure alone first: a residue without a template is then one of its own.
        field.createSystem(structure.topology)
    solvated = solvate(settings, field, structure, edge, seed)
    with force_field.fitting(settings.force_field, settings.structure, solvated.topology):
        system = field.createSystem(
            solvated.topology,
            nonbondedMethod=app.PME,
            nonbondedCutoff=settings.nonbonded_cutoff * unit.nanometer,
            constraints=app.HBonds if settings.constraints == "h_bonds" else None,
            rigidWater=settings.rigid_water,
            hydrogenMass=settings.hydrogen_mass,
        )
    refuse_light_atoms(settings.hydrogen_mass, system, solvated.topology)
    return Prepared(system, solvated.topology, minimised(system, solvated.positions))


def solvate(
    settings: SolvatedPeptideSettings,
    field: app.ForceField,
    structure: app.PDBFile | app.PDBxFile,
    edge: float,
    seed: int,
) -> app.Modeller:
    """Fill a cubic box around the molecule with water and ions.

    Args:
        settings: of the system.
        field: with parameters for the molecule, water and ions.
        structure: of the molecule.
        edge: of the box, nm.
        seed: decides which water molecules ions replace.

    Raises:
        InputError: the force field does not have this water or these ions.
    """
    modeller = app.Modeller(structure.topology, structure.positions)
    # Modeller draws the water molecules that ions replace from Python's own generator.
    before = random.getstate()
    random.seed(seed)
    try:
        modeller.addSolvent(
            field,
            model=settings.water_model,
            boxSize=openmm.Vec3(edge, edge, edge) * unit.nanometer,
            positiveIon=settings.positive_ion,
            negativeIon=settings.negative_ion,
            ionicStrength=settings.ionic_strength * unit.molar,
            neutralize=settings.neutralise,
        )
    except Exception as error:  # it raises plain exceptions of many kinds
        raise InputError(
            f"water_model: '{settings.water_model}' and its ions cannot be added with "
            f"force_field {settings.force_field} ({force_field.sentence(error)})"
        ) from error
    finally:
        random.setstate(before)
    return modeller
