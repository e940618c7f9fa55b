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
    return from_files.described(topology, start.positions, box, where, system)
