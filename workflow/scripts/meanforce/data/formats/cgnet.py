"""Data of cgnet: an `.npz` file, or two `.npy` files; Å and kcal/mol/Å.

cgnet, https://github.com/coarse-graining/cgnet, takes arrays of coordinates and forces of shape
(n_frames, n_beads, 3). Its examples keep each in a file of its own, such as `ala2_coordinates.npy`
and `ala2_forces.npy`; as one file they are the arrays `coords` and `forces`.
"""

from pathlib import Path

from meanforce.data.formats.base import Opened
from meanforce.data.formats.cg_arrays import (
    ANGSTROM,
    CgArrays,
    CgArraysFile,
    load_npy,
    load_npz,
    named,
)
from meanforce.errors import InputError

COORDINATES = ("coordinates", "coords", "positions", "confs")
"""What files of positions are called; their files of forces have `forces` in its place."""


def cgnet(path: Path, known: Opened) -> CgArraysFile:
    """An `.npz` file, or the `.npy` file of coordinates beside that of forces.

    Raises:
        InputError: a file is missing, damaged or a pickle, or an array is missing or wrong.
    """
    if path.suffix == ".npy":
        forces = forces_beside(path)
        arrays = CgArrays(load_npy(path, "file of coordinates"), load_npy(forces, "file of forces"))
    else:
        held = load_npz(path, "file of cgnet")
        arrays = CgArrays(
            positions=named(path, held, known.arrays.get("positions", "coords")),
            forces=named(path, held, known.arrays.get("forces", "forces")),
        )
    return CgArraysFile(path, arrays, known, ANGSTROM)


def forces_beside(path: Path) -> Path:
    """The file of forces that belongs to a file of coordinates.

    Raises:
        InputError: its name does not show which.
    """
    for word in COORDINATES:
        head, found, tail = path.name.rpartition(word)
        if found:
            return path.with_name(f"{head}forces{tail}")
    raise InputError(
        f"{path}: its file of forces is not known, because the name has none of "
        f"{', '.join(COORDINATES)}; call the two files, for example, ala2_coordinates.npy and "
        "ala2_forces.npy"
    )
