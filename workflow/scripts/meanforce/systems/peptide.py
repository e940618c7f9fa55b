"""Builder of a molecule from a structure file, in vacuum or implicit solvent."""

from pathlib import Path

import openmm
from openmm import app, unit

from meanforce.errors import InputError
from meanforce.settings.systems.peptide import PeptideSettings
from meanforce.systems import force_field
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


def build(settings: PeptideSettings, seed: int = 0) -> Prepared:
    """Parametrise and minimise the molecule.

    Raises:
        InputError: a file is missing, or the force field does not fit the structure.
    """
    structure = read_structure(settings.structure)
    field = force_field.load(settings.force_field)
    cutoff = settings.nonbonded_cutoff
    with force_field.fitting(settings.force_field, settings.structure):
        system = field.createSystem(
            structure.topology,
            nonbondedMethod=app.CutoffNonPeriodic if cutoff else app.NoCutoff,
            nonbondedCutoff=(cutoff or 1.0) * unit.nanometer,
            constraints=app.HBonds if settings.constraints == "h_bonds" else None,
        )
    return Prepared(system, structure.topology, _minimise(system, structure.positions))


def _minimise(system: openmm.System, positions: unit.Quantity) -> unit.Quantity:
    # The Reference platform is deterministic, so the same input gives the same start.
    context = openmm.Context(
        system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference")
    )
    context.setPositions(positions)
    openmm.LocalEnergyMinimizer.minimize(context)
    return context.getState(positions=True).getPositions()
