"""Builder of systems from files of GROMACS."""

import tempfile
from pathlib import Path

import openmm
from openmm import app

from meanforce.errors import InputError
from meanforce.settings.systems.gromacs import GromacsSettings
from meanforce.systems import from_files
from meanforce.systems.coordinates import gro, read_coordinates
from meanforce.systems.described import Described
from meanforce.systems.gromacs_includes import preprocess
from meanforce.systems.prepared import Prepared


def build(settings: GromacsSettings, seed: int = 0) -> Prepared:
    """Parametrise and minimise the system.

    Raises:
        InputError: a file is missing or damaged, or parameters are.
    """
    return from_files.prepared(describe(settings))


def describe(settings: GromacsSettings) -> Described:
    """The system of a topology and a structure.

    Raises:
        InputError: a file is missing or damaged, or the files do not fit each other.
    """
    start = read_coordinates(settings.structure, {".gro": gro})
    box = from_files.box_for(settings, start.box, settings.structure)
    file = _read(settings)
    where = f"'{settings.topology}' and '{settings.structure}'"
    numbers = start.residue_numbers
    if numbers is not None and len(numbers) == file.topology.getNumAtoms():
        for residue in file.topology.residues():
            residue.id = str(numbers[next(residue.atoms()).index])

    def system() -> openmm.System:
        file.topology.setPeriodicBoxVectors(box)
        with from_files.reading("topology", settings.topology, "a topology with all parameters"):
            made = file.createSystem(**from_files.options(settings))
        return from_files.finished(made, file.topology, settings)

    return from_files.described(file.topology, start.positions, box, where, system, start.names)


def included_files(settings: GromacsSettings) -> list[str]:
    """The topology and all files that it includes.

    Raises:
        InputError: one of them cannot be found or read.
    """
    from_files.checked_file("topology", settings.topology)
    return preprocess(settings.topology, settings.include, list(settings.defines)).files


def _read(settings: GromacsSettings) -> app.GromacsTopFile:
    from_files.checked_file("topology", settings.topology)
    for folder in settings.include:
        if not Path(folder).is_dir():
            raise InputError(f"include: the folder '{folder}' does not exist")
    whole = preprocess(settings.topology, settings.include, list(settings.defines))
    with (
        tempfile.TemporaryDirectory() as folder,
        from_files.reading("topology", settings.topology, "a GROMACS topology"),
    ):
        path = Path(folder) / "topology.top"
        path.write_text(whole.text, encoding="utf-8", errors="surrogateescape")
        return app.GromacsTopFile(str(path), includeDir=folder, defines=dict(settings.defines))
