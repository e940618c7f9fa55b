"""Builder of systems from files of AMBER."""

import openmm
from openmm import app

from meanforce.settings.systems.amber import AmberSettings
from meanforce.systems import from_files
from meanforce.systems.coordinates import inpcrd, read_coordinates
from meanforce.systems.described import Described
from meanforce.systems.prepared import Prepared

FORMATS = dict.fromkeys((".inpcrd", ".rst7", ".crd", ".restrt", ".rst", ".ncrst", ".nc"), inpcrd)


def build(settings: AmberSettings, seed: int = 0) -> Prepared:
    """Parametrise and minimise the system.

    Raises:
        InputError: a file is missing or damaged, or the files do not fit each other.
    """
    return from_files.prepared(describe(settings))


def describe(settings: AmberSettings) -> Described:
    """The system of a topology with parameters and a structure.

    Raises:
        InputError: a file is missing or damaged, or the files do not fit each other.
    """
    start = read_coordinates(settings.structure, FORMATS)
    box = from_files.box_for(settings, start.box, settings.structure)
    with from_files.reading("topology", settings.topology, "an AMBER topology"):
        file = app.AmberPrmtopFile(settings.topology)

    def system() -> openmm.System:
        file.topology.setPeriodicBoxVectors(box)
        model = settings.implicit_solvent
        with from_files.reading("topology", settings.topology, "an AMBER topology"):
            made = file.createSystem(
                **from_files.options(settings),
                implicitSolvent=None if model is None else from_files.MODELS[model],
            )
        return from_files.finished(made, file.topology, settings)

    where = f"'{settings.topology}' and '{settings.structure}'"
    return from_files.described(file.topology, start.positions, box, where, system, start.names)
