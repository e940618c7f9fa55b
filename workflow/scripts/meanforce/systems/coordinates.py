"""Positions and the periodic box from structure files of several programs."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from openmm import app, unit

from meanforce.errors import InputError
from meanforce.systems.from_files import reading


@dataclasses.dataclass(frozen=True)
class Coordinates:
    """The first frame of a structure file.

    Attributes:
        positions: nm, shape (n_atoms, 3).
        box: periodic box vectors, nm, shape (3, 3); None without.
        residue_numbers: of each atom, where the topology of the program has none.
        names: of the atoms; None where the file has none.
    """

    positions: np.ndarray
    box: np.ndarray | None
    residue_numbers: tuple[int, ...] | None = None
    names: tuple[str, ...] | None = None


def read_coordinates(path: str, readers: Mapping[str, Callable[[str], Coordinates]]) -> Coordinates:
    """Read a structure file.

    Args:
        path: of the file.
        readers: by the end of its name, beside `.pdb` and `.cif`.

    Raises:
        InputError: it is missing, of another format, or damaged.
    """
    known = {".pdb": _pdb, ".cif": _cif, **readers}
    suffix = Path(path).suffix.lower()
    with reading("structure", path, f"a file of the format '{suffix}'"):
        if suffix not in known:
            raise InputError(
                f"structure: the format of '{path}' is not known; allowed are {', '.join(known)}"
            )
        return known[suffix](path)


def gro(path: str) -> Coordinates:
    """From a file of GROMACS.

    Raises:
        InputError: lines are missing.
    """
    lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    count = lines[1].strip() if len(lines) > 1 else ""
    if count.isdecimal() and len(lines) < int(count) + 3:
        raise InputError(
            f"structure: '{path}' has {len(lines)} lines, but with {count} atoms there are "
            f"{int(count) + 3}, the last one being the box (0 0 0 without one); add the box, or is "
            "the file cut short?"
        )
    file = app.GromacsGroFile(path)
    return Coordinates(
        plain(file.positions),
        box_of(file.getPeriodicBoxVectors()),
        tuple(file.residueIds),
        tuple(file.atomNames),
    )


def inpcrd(path: str) -> Coordinates:
    """From a file of AMBER, text or NetCDF."""
    file = app.AmberInpcrdFile(path)
    return Coordinates(plain(file.positions), box_of(file.boxVectors))


def crd(path: str) -> Coordinates:
    """From a file of CHARMM."""
    file = app.CharmmCrdFile(path)
    return Coordinates(plain(file.positions), None, names=tuple(file.attype))


def rst(path: str) -> Coordinates:
    """From a restart file of CHARMM."""
    return Coordinates(plain(app.CharmmRstFile(path).positions), None)


def plain(positions: unit.Quantity) -> np.ndarray:
    """Positions in nm, shape (n, 3)."""
    return np.array(positions.value_in_unit(unit.nanometer), dtype=float).reshape(-1, 3)


def _pdb(path: str) -> Coordinates:
    return _of_file(app.PDBFile(path))


def _cif(path: str) -> Coordinates:
    return _of_file(app.PDBxFile(path))


def _of_file(file: Any) -> Coordinates:
    topology = file.topology
    return Coordinates(
        plain(file.positions),
        box_of(topology.getPeriodicBoxVectors()),
        names=tuple(atom.name for atom in topology.atoms()),
    )


def box_of(vectors: Sequence[unit.Quantity] | None) -> np.ndarray | None:
    """Periodic box vectors in nm, shape (3, 3); None where there are none, or without a volume."""
    if vectors is None:
        return None
    box = np.array([v.value_in_unit(unit.nanometer) for v in vectors], dtype=float)
    return box if np.diag(box).all() else None
