"""Builder of systems from OpenMM's own files."""

import re
from pathlib import Path

import openmm

from meanforce.errors import InputError
from meanforce.settings.systems.openmm import OpenmmSettings
from meanforce.systems import from_files
from meanforce.systems.complete_topology import pairs_of_constraints
from meanforce.systems.coordinates import box_of, plain
from meanforce.systems.described import Described
from meanforce.systems.element_masses import refuse_other_atoms
from meanforce.systems.peptide import read_structure
from meanforce.systems.prepared import Prepared, deserialised

CODE = ("PythonForce", "TorchForce")
"""Forces from which OpenMM or its plug-ins run code."""

REFERENCE = re.compile(r"&#(?:x([0-9a-fA-F]+)|([0-9]+));")
"""A character given by its number."""

ENSEMBLE = ("Barostat", "AndersenThermostat", "DrudeForce")
"""Parts of the names of forces that change the ensemble, or need an integrator of their own."""


def build(settings: OpenmmSettings, seed: int = 0) -> Prepared:
    """Minimise the system.

    Raises:
        InputError: a file is missing or damaged, or the files do not fit each other.
    """
    return from_files.prepared(describe(settings))


def describe(settings: OpenmmSettings) -> Described:
    """The system of a serialised system and a structure.

    Raises:
        InputError: a file is missing or damaged, or the files do not fit each other.
    """
    structure = read_structure(settings.structure)
    system = _read("system", settings.system, "System")
    _refuse_forces(system, settings.system)
    positions = plain(structure.positions)
    vectors = system.getDefaultPeriodicBoxVectors()
    if settings.state is not None:
        state = _read("state", settings.state, "State")
        with from_files.reading("state", settings.state, "a state with positions"):
            positions, vectors = plain(state.getPositions()), state.getPeriodicBoxVectors()
    periodic = system.usesPeriodicBoundaryConditions()
    if periodic:
        system.setDefaultPeriodicBoxVectors(*vectors)
    elif settings.equilibration is not None:
        raise InputError(
            f"equilibration: needs a periodic box, but no force in '{settings.system}' uses one; "
            "leave it out"
        )
    if system.getNumParticles() != structure.topology.getNumAtoms():
        raise InputError(
            f"structure: '{settings.structure}' has {structure.topology.getNumAtoms()} atoms, but "
            f"the system in '{settings.system}' has {system.getNumParticles()}"
        )
    _refuse_fixed_bonds(system, settings.system)
    refuse_other_atoms(
        structure.topology, system, f"'{settings.system}' and '{settings.structure}'"
    )
    box = box_of(vectors) if periodic else None
    where = f"'{settings.system}' and '{settings.state or settings.structure}'"
    return from_files.described(structure.topology, positions, box, where, lambda: system)


def _refuse_forces(system: openmm.System, path: str) -> None:
    for force in system.getForces():
        name = type(force).__name__
        if any(part in name for part in ENSEMBLE):
            raise InputError(
                f"system: '{path}' has a {name}, with which campaigns cannot be sampled (they run "
                "Langevin dynamics at constant volume; a periodic system is brought to its density "
                "by 'equilibration'); remove it from the system"
            )


def _refuse_fixed_bonds(system: openmm.System, path: str) -> None:
    """Refuse constraints of atoms without a mass, with which OpenMM simulates nothing."""
    for i, j in pairs_of_constraints(system):
        for atom in (i, j):
            if not system.getParticleMass(atom)._value:
                raise InputError(
                    f"system: atom {atom + 1} in '{path}' has the mass 0 and a constraint (with "
                    f"atom {i + j - atom + 1}), so that it cannot be simulated; remove the "
                    "constraint, or give the atom its mass"
                )


def _read(key: str, path: str, root: str) -> openmm.System | openmm.State:
    from_files.checked_file(key, path)
    with from_files.reading(key, path, f"a serialised {root} of OpenMM"):
        text = Path(path).read_text(encoding="utf-8")
        _refuse_code(text, f"{key}: '{path}'")
        return deserialised(text, root)


def _refuse_code(text: str, where: str) -> None:
    """Refuse forces that hold code before OpenMM reads them, which would run it.

    OpenMM replaces numbers of characters in names of forces, so that they could hide a name. It
    writes such numbers only of control characters and of characters beyond ASCII.
    """
    for name in CODE:
        if name in text:
            raise InputError(f"{where} has a {name}, which could run code; remove it")
    others = REFERENCE.sub(lambda found: "&#" if _printable(found) else "", text)
    if "&#" in others:
        raise InputError(
            f"{where} has letters written as numbers (&#…;), which could hide a force that runs "
            "code; write them as they are"
        )


def _printable(found: re.Match) -> bool:
    number = int(found[1], 16) if found[1] else int(found[2])
    return 32 <= number < 127 or number > 0xFFFF
