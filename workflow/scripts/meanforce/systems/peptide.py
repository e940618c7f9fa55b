"""Builder of a molecule from a structure file, in vacuum or implicit solvent."""

import functools
from pathlib import Path

import numpy as np
import openmm
from openmm import app, unit

from meanforce.errors import InputError
from meanforce.settings.systems.peptide import PeptideSettings
from meanforce.settings.systems.solvated_peptide import SolvatedPeptideSettings
from meanforce.systems import force_field, water_box
from meanforce.systems.bond_lengths import check_bond_lengths
from meanforce.systems.described import Described
from meanforce.systems.from_files import reading
from meanforce.systems.masses import refuse_light_atoms
from meanforce.systems.minimise import minimised
from meanforce.systems.mixing import refuse_geometric
from meanforce.systems.prepared import Prepared
from meanforce.systems.solvent_checks import check_implicit, check_water, net_charge
from meanforce.systems.structure_notices import structure_notices
from meanforce.systems.water import is_water


def read_structure(path: str) -> app.PDBFile | app.PDBxFile:
    """Structure from a PDB or mmCIF file.

    Raises:
        InputError: the file is missing or cannot be read.
    """
    with reading("structure", path, "PDB or mmCIF"):
        return app.PDBxFile(path) if Path(path).suffix == ".cif" else app.PDBFile(path)


def describe(settings: PeptideSettings | SolvatedPeptideSettings) -> Described:
    """The molecule of the structure file.

    Raises:
        InputError: the file is missing or cannot be read, has bonds of impossible lengths, water
            where there is no box, or a box that is too small; or, where it is parametrised, the
            force field does not fit it.
    """
    structure = read_structure(settings.structure)
    refuse_geometric(settings.force_field, settings.kind)
    in_a_box = isinstance(settings, SolvatedPeptideSettings)
    if not in_a_box:
        refuse_water(settings, structure.topology)
    system = functools.partial(_in_a_box if in_a_box else _alone, settings, structure.topology)
    positions = np.array(structure.positions.value_in_unit(unit.nanometer))
    check_bond_lengths(structure.topology, positions)
    if in_a_box:
        water_box.edge(settings, positions)
    notices = structure_notices(settings.structure, structure, positions)
    return Described(structure.topology, positions, in_a_box, system, notices=notices)


def build(settings: PeptideSettings, seed: int = 0) -> Prepared:
    """Parametrise and minimise the molecule.

    Raises:
        InputError: a file is missing, the force field does not fit the structure, or the structure
            has water.
    """
    structure = read_structure(settings.structure)
    refuse_geometric(settings.force_field, settings.kind)
    refuse_water(settings, structure.topology)
    system = _alone(settings, structure.topology)
    return Prepared(system, structure.topology, minimised(system, structure.positions))


def _alone(settings: PeptideSettings, topology: app.Topology) -> openmm.System:
    cutoff = settings.nonbonded_cutoff
    field = force_field.load(settings.force_field)
    with force_field.fitting(settings.force_field, settings.structure, topology):
        system = field.createSystem(
            topology,
            nonbondedMethod=app.CutoffNonPeriodic if cutoff else app.NoCutoff,
            nonbondedCutoff=(cutoff or 1.0) * unit.nanometer,
            constraints=app.HBonds if settings.constraints == "h_bonds" else None,
            hydrogenMass=settings.hydrogen_mass,
        )
    refuse_light_atoms(settings.hydrogen_mass, system, topology)
    check_implicit(system, settings.force_field, in_a_box=False)
    return system


def _in_a_box(settings: SolvatedPeptideSettings, topology: app.Topology) -> openmm.System:
    """The molecule of a system in water, before water is added."""
    field = force_field.load(settings.force_field)
    with force_field.fitting(settings.force_field, settings.structure, topology):
        system = field.createSystem(
            topology,
            constraints=app.HBonds if settings.constraints == "h_bonds" else None,
            rigidWater=settings.rigid_water,
            hydrogenMass=settings.hydrogen_mass,
        )
    refuse_light_atoms(settings.hydrogen_mass, system, topology)
    check_implicit(system, settings.force_field, in_a_box=True)
    check_water(field, settings, net_charge(system))
    return system


def refuse_water(settings: PeptideSettings, topology: app.Topology) -> None:
    """Refuse water beside the molecule, such as that of a crystal: without a box it evaporates.

    Raises:
        InputError: names the first water molecules.
    """
    residues = list(topology.residues())
    found = [residue for residue in residues if is_water(residue)]
    if found and len(found) < len(residues):
        names = ", ".join(f"{residue.name}{residue.id}" for residue in found[:3])
        more = ", …" if len(found) > 3 else ""
        what, them = ("a water molecule", "it")
        if len(found) > 1:
            what, them = f"{len(found)} water molecules", "them"
        raise InputError(
            f"structure: '{settings.structure}' has {what} ({names}{more}), which would evaporate "
            f"without a periodic box; remove {them} from the file, or use the kind "
            "'solvated_peptide', which adds water of its own"
        )
