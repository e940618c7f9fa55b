"""Builder of systems from files of CHARMM or NAMD."""

import numpy as np
import openmm
from openmm import app, unit

from meanforce.errors import InputError
from meanforce.settings.systems.charmm import CharmmSettings
from meanforce.systems import from_files
from meanforce.systems.coordinates import crd, read_coordinates, rst
from meanforce.systems.described import Described
from meanforce.systems.prepared import Prepared

FORMATS = {".crd": crd, ".cor": crd, ".rst": rst}


def build(settings: CharmmSettings, seed: int = 0) -> Prepared:
    """Parametrise and minimise the system.

    Raises:
        InputError: a file is missing or damaged, or parameters are.
    """
    return from_files.prepared(describe(settings))


def describe(settings: CharmmSettings) -> Described:
    """The system of a protein structure file, parameters and a structure.

    Raises:
        InputError: a file is missing or damaged, or the files do not fit each other.
    """
    start = read_coordinates(settings.structure, FORMATS)
    box = start.box if settings.box is None else np.diag(settings.box)
    box = from_files.box_for(settings, box, settings.structure)
    with from_files.reading("topology", settings.topology, "a CHARMM psf file"):
        file = app.CharmmPsfFile(settings.topology)
        topology = file.topology
    _refuse_repartitioned(file, settings.topology)
    for path in settings.parameters:
        from_files.checked_file("parameters", path)

    def system() -> openmm.System:
        try:
            parameters = app.CharmmParameterSet(*settings.parameters)
        except Exception as error:  # OpenMM's reader raises many kinds of errors
            raise InputError(
                f"parameters: {settings.parameters} cannot be read as CHARMM parameters "
                f"({from_files.said(error)})"
            ) from error
        if box is not None:
            file.box_vectors = box * unit.nanometer
        model = settings.implicit_solvent
        with from_files.reading("topology", settings.topology, "a psf file with these parameters"):
            made = file.createSystem(
                parameters,
                **from_files.options(settings),
                implicitSolvent=None if model is None else from_files.MODELS[model],
            )
        return from_files.finished(made, topology, settings)

    where = f"'{settings.topology}' and '{settings.structure}'"
    return from_files.described(topology, start.positions, box, where, system, start.names)


def _refuse_repartitioned(file: app.CharmmPsfFile, path: str) -> None:
    """Refuse masses that moved to hydrogens, because elements are found by the masses."""
    heaviest, lightest_other = 1.5, 5.0
    for atom in file.atom_list:
        mass = atom.mass.value_in_unit(unit.dalton) if unit.is_quantity(atom.mass) else atom.mass
        if heaviest < mass < lightest_other:
            raise InputError(
                f"topology: the atom {atom.residue.resname}{atom.residue.idx}-{atom.name} in "
                f"'{path}' has {mass:.4g} u, as after hydrogen mass repartitioning, but elements "
                "are found by masses (deuterium and helium are not supported); give the psf file "
                "before it, and 'hydrogen_mass'"
            )
