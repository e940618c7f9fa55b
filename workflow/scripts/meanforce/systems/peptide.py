"""Builder of a molecule from a structure file, in vacuum or implicit solvent."""

from pathlib import Path

import numpy as np
import openmm
from openmm import app, unit

from meanforce.errors import InputError
from meanforce.settings.systems.peptide import PeptideSettings
from meanforce.settings.systems.solvated_peptide import SolvatedPeptideSettings
from meanforce.systems import force_field
from meanforce.systems.described import Described
from meanforce.systems.minimise import minimised
from meanforce.systems.mixing import refuse_geometric
from meanforce.systems.prepared import Prepared


def read_structure(path: str) -> app.PDBFile | app.PDBxFile:
    """Structure from a PDB or mmCIF file.

    Raises:
        InputError: the file is missing or cannot be read.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError(f"structure: the file '{path}' does not exist")
    try:
        return app.PDBxFile(path) if file.suffix == ".cif" else app.PDBFile(path)
    except Exception as error:  # OpenMM's readers raise many kinds of errors
        raise InputError(f"structure: '{path}' cannot be read as PDB or mmCIF ({error})") from error


def describe(settings: PeptideSettings | SolvatedPeptideSettings) -> Described:
    """The molecule of the structure file.

    Raises:
        InputError: the file is missing or cannot be read, or, where it is parametrised, the force
            field does not fit it.
    """
    structure = read_structure(settings.structure)
    refuse_geometric(settings.force_field, settings.kind)

    def system() -> openmm.System:
        field = force_field.load(settings.force_field)
        with force_field.fitting(settings.force_field, settings.structure):
            return field.createSystem(structure.topology)

    positions = np.array(structure.positions.value_in_unit(unit.nanometer))
    in_a_box = isinstance(settings, SolvatedPeptideSettings)
    return Described(structure.topology, positions, in_a_box, system)


def build(settings: PeptideSettings, seed: int = 0) -> Prepared:
    """Parametrise and minimise the molecule.

    Raises:
        InputError: a file is missing, or the force field does not fit the structure.
    """
    structure = read_structure(settings.structure)
    field = force_field.load(settings.force_field)
    refuse_geometric(settings.force_field, settings.kind)
    cutoff = settings.nonbonded_cutoff
    with force_field.fitting(settings.force_field, settings.structure):
        system = field.createSystem(
            structure.topology,
            nonbondedMethod=app.CutoffNonPeriodic if cutoff else app.NoCutoff,
            nonbondedCutoff=(cutoff or 1.0) * unit.nanometer,
            constraints=app.HBonds if settings.constraints == "h_bonds" else None,
        )
    return Prepared(system, structure.topology, minimised(system, structure.positions))
