"""Data of cgnet: an `.npz` file, or two `.npy` files; Å and kcal/mol/Å.

cgnet, https://github.com/coarse-graining/cgnet, takes arrays of coordinates and forces of shape
(n_frames, n_beads, 3). Its examples keep each in a file of its own, such as `ala2_coordinates.npy`
and `ala2_forces.npy`; as one file they are the arrays `coords` and `forces`.
"""

import dataclasses
from pathlib import Path

from meanforce.data.formats.arrays import ANGSTROM, npy_pair
from meanforce.data.formats.base import FrameFile, Opened
from meanforce.data.formats.npz import NpzFile

NAMES = {"positions": "coords", "forces": "forces"}
"""Arrays of an `.npz` file."""


def cgnet(path: Path, known: Opened) -> FrameFile:
    """An `.npz` file, or the `.npy` file of coordinates beside that of forces.

    Raises:
        InputError: a file is missing, damaged or a pickle, or an array is missing or wrong.
    """
    if path.suffix == ".npy":
        return npy_pair(path, ANGSTROM)
    return NpzFile(path, dataclasses.replace(known, units=ANGSTROM, arrays=NAMES))
