"""What builders of systems from files of other programs share: checks, options, the start."""

import contextlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import mdtraj
import numpy as np
import openmm
from openmm import app, unit

from meanforce.core.cell import nearest_images, smallest_width
from meanforce.errors import InputError
from meanforce.settings.systems.files import IN_A_BOX, ParametrisedSettings
from meanforce.systems.atom_names import label
from meanforce.systems.atom_order import refuse_other_order
from meanforce.systems.described import Described
from meanforce.systems.force_field import sentence
from meanforce.systems.masses import refuse_light_atoms
from meanforce.systems.minimise import minimised
from meanforce.systems.prepared import Prepared
from meanforce.systems.structure_file import as_written, bonds_of

LONGEST_BOND = {True: 0.2, False: 0.3}
"""In a start structure, nm: with a hydrogen, and between other elements."""

METHODS = {
    "none": app.NoCutoff,
    "cutoff": app.CutoffNonPeriodic,
    "reaction_field": app.CutoffPeriodic,
    "pme": app.PME,
    "lj_pme": app.LJPME,
}

MODELS = {"hct": app.HCT, "obc1": app.OBC1, "obc2": app.OBC2, "gbn": app.GBn, "gbn2": app.GBn2}
"""Of implicit solvent."""


def prepared(described: Described) -> Prepared:
    """Parametrise and minimise a system.

    Raises:
        InputError: parameters are missing, or the system cannot be simulated.
    """
    system = described.parametrised()
    positions = minimised(system, described.positions * unit.nanometer)
    return Prepared(system, described.topology, positions)


def described(
    topology: app.Topology,
    positions: np.ndarray,
    box: np.ndarray | None,
    where: str,
    system: Callable[[], openmm.System],
    names: Sequence[str] | None = None,
) -> Described:
    """A system from files, after the checks that all kinds need.

    Args:
        topology: of the atoms; its box is replaced.
        positions: nm, shape (n_positions, 3); molecules that the box cuts are made whole.
        box: periodic box vectors, nm, shape (3, 3); None without.
        where: the files, for messages.
        system: parametrises it.
        names: of the atoms in the structure file; None if it has none.

    Raises:
        InputError: positions are missing or damaged, or do not belong to the topology.
    """
    if len(positions) != topology.getNumAtoms():
        raise InputError(
            f"structure: {where} do not fit each other: the structure has {len(positions)} atoms, "
            f"but the topology has {topology.getNumAtoms()}"
        )
    refuse_other_order(topology, names, where)
    if not np.isfinite(positions).all():
        raise InputError(f"structure: a position in {where} is not a finite number")
    topology.setPeriodicBoxVectors(None if box is None else box * unit.nanometer)
    topology = as_written(topology, positions * unit.nanometer)
    positions = _whole(topology, positions, box)
    _refuse_long_bonds(topology, positions, box, where)
    return Described(topology, positions, box is not None, system, box)


def box_for(
    settings: ParametrisedSettings, box: np.ndarray | None, where: str
) -> np.ndarray | None:
    """The periodic box that a non-bonded method uses; None if it uses none.

    Args:
        settings: of the system.
        box: of the structure, nm, shape (3, 3), or None.
        where: the structure, for messages.

    Raises:
        InputError: there is no box, or the cutoff is too large for it.
    """
    if not settings.in_a_box:
        return None
    if box is None or not np.diag(box).all():
        others = [name for name in METHODS if name not in IN_A_BOX]
        raise InputError(
            f"nonbonded_method: '{settings.nonbonded_method}' needs a periodic box, but '{where}' "
            f"has none; allowed without a box: {', '.join(others)}"
        )
    width = smallest_width(box)
    if 2.0 * settings.nonbonded_cutoff > width:
        raise InputError(
            f"nonbonded_cutoff: {settings.nonbonded_cutoff:g} nm is more than half of the smallest "
            f"width of the box in '{where}', which is {width:.4g} nm"
        )
    return box


def options(settings: ParametrisedSettings) -> dict[str, Any]:
    """Arguments of `createSystem` that OpenMM's readers have in common."""
    return {
        "nonbondedMethod": METHODS[settings.nonbonded_method],
        "nonbondedCutoff": settings.nonbonded_cutoff * unit.nanometer,
        "constraints": app.HBonds if settings.constraints == "h_bonds" else None,
        "rigidWater": settings.rigid_water,
        "hydrogenMass": None
        if settings.hydrogen_mass is None
        else settings.hydrogen_mass * unit.dalton,
        "switchDistance": None
        if settings.switch_distance is None
        else settings.switch_distance * unit.nanometer,
    }


def finished(
    system: openmm.System, topology: app.Topology, settings: ParametrisedSettings
) -> openmm.System:
    """A system after what OpenMM's readers leave to the caller.

    Raises:
        InputError: the hydrogen mass leaves too little for another atom.
    """
    refuse_light_atoms(settings.hydrogen_mass, system, topology)
    for force in system.getForces():
        if isinstance(force, openmm.NonbondedForce):
            force.setUseDispersionCorrection(settings.dispersion_correction)
        elif isinstance(force, openmm.CustomNonbondedForce):
            force.setUseLongRangeCorrection(settings.dispersion_correction and settings.in_a_box)
    return system


def checked_file(key: str, path: str) -> str:
    """The path of a file.

    Raises:
        InputError: it does not exist.
    """
    if Path(path).is_dir():
        raise InputError(f"{key}: '{path}' is a folder, not a file")
    if not Path(path).is_file():
        raise InputError(f"{key}: the file '{path}' does not exist")
    return path


@contextlib.contextmanager
def reading(key: str, path: str, what: str) -> Iterator[None]:
    """Report errors of a reader in one sentence.

    Raises:
        InputError: the file is missing, or the reader fails.
    """
    checked_file(key, path)
    try:
        # Warnings of the readers would stand between lines of progress; what they warn of, such as
        # atoms that are there twice, fails the checks of what was read.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except InputError:
        raise
    except Exception as error:  # OpenMM's readers raise many kinds of errors
        raise InputError(f"{key}: '{path}' cannot be read as {what} ({said(error)})") from error


def said(error: Exception) -> str:
    """An error on one line; a name that is missing is called so.

    OpenMM's readers raise the second kind at the end of a file that is empty or cut short.
    """
    if isinstance(error, KeyError):
        return f"{error.args[0]!r} is not defined"
    if isinstance(error, IndexError | AttributeError):
        return "it has no atoms, or is cut short, or is of another format"
    return sentence(error) or type(error).__name__


def _whole(topology: app.Topology, positions: np.ndarray, box: np.ndarray | None) -> np.ndarray:
    """Positions with molecules made whole; the same ones where none is cut.

    OpenMM's bonded forces do not look for nearest images.
    """
    pairs = np.array(sorted(bonds_of(topology)), dtype=int).reshape(-1, 2)
    if box is None or not len(pairs):
        return positions
    longest = np.linalg.norm(positions[pairs[:, 0]] - positions[pairs[:, 1]], axis=1).max()
    if longest < 0.5 * smallest_width(box):
        return positions
    frame = mdtraj.Trajectory(positions[None], mdtraj.Topology.from_openmm(topology))
    frame.unitcell_vectors = box[None]
    return frame.make_molecules_whole().xyz[0].astype(float)


def _refuse_long_bonds(
    topology: app.Topology, positions: np.ndarray, box: np.ndarray | None, where: str
) -> None:
    for one, other in topology.bonds():
        if one.element is None or other.element is None:
            continue
        allowed = LONGEST_BOND[app.element.hydrogen in (one.element, other.element)]
        vector = positions[one.index] - positions[other.index]
        length = float(np.linalg.norm(vector))
        if length > allowed:
            names = [label(atom) for atom in (one, other)]
            # Molecules are whole already, except for those without ends.
            if box is not None and np.linalg.norm(nearest_images(vector, box)) <= allowed:
                raise InputError(
                    f"structure: the bond of {names[0]} and {names[1]} in {where} connects their "
                    "molecule with its own periodic image across the box; allowed are molecules "
                    "that end, because the others have no centre"
                )
            raise InputError(
                f"structure: the bond of {names[0]} and {names[1]} in {where} is {length:.3g} nm "
                f"long (allowed: {allowed:g} nm); are atoms of the structure in another order "
                "than in the topology, or molecules cut by a box that is not used?"
            )
