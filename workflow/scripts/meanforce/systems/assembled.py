"""Builder of systems from a structure of all molecules and force field files of OpenMM."""

from pathlib import Path

import openmm
from openmm import app

from meanforce.errors import InputError
from meanforce.settings.systems.assembled import AssembledSettings
from meanforce.systems import force_field, from_files
from meanforce.systems.coordinates import box_of, plain
from meanforce.systems.described import Described
from meanforce.systems.mixing import refuse_geometric
from meanforce.systems.peptide import read_structure
from meanforce.systems.prepared import Prepared

SHIPPED = Path(app.__file__).parent / "data"
"""Folder of OpenMM with patches of lipid bilayers in water."""

BILAYERS = ("DLPC", "DLPE", "DMPC", "DOPC", "DPPC", "POPC", "POPE")


def build(settings: AssembledSettings, seed: int = 0) -> Prepared:
    """Parametrise and minimise the system.

    Raises:
        InputError: a file is missing or damaged, or the force field does not fit the structure.
    """
    return from_files.prepared(describe(settings))


def describe(settings: AssembledSettings) -> Described:
    """The system of a structure file.

    Raises:
        InputError: the file is missing or damaged, or has no box for the cutoff; or, where it is
            parametrised, the force field does not fit it.
    """
    refuse_geometric(settings.force_field, settings.kind)
    path = structure_file(settings.structure)
    file = read_structure(path)
    topology = file.topology
    box = box_of(topology.getPeriodicBoxVectors())
    box = from_files.box_for(settings, box, settings.structure)

    def system() -> openmm.System:
        field = force_field.load(settings.force_field)
        with force_field.fitting(settings.force_field, settings.structure, topology):
            made = field.createSystem(topology, **from_files.options(settings))
        return from_files.finished(made, topology, settings)

    where = f"'{settings.structure}'"
    return from_files.described(topology, plain(file.positions), box, where, system)


def structure_file(name: str) -> str:
    """Path of the user's file, or of one that OpenMM ships.

    Raises:
        InputError: neither exists.
    """
    if Path(name).is_file():
        return name
    if name in [f"{lipid}.pdb" for lipid in BILAYERS]:
        return str(SHIPPED / name)
    raise InputError(
        f"structure: the file '{name}' does not exist, and it is not one of the bilayers that "
        f"OpenMM ships: {', '.join(f'{lipid}.pdb' for lipid in BILAYERS)}"
    )
