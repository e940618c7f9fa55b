"""Data of chemtrain: an `.npz` file, or two `.npy` files; nm and kJ/mol/nm.

chemtrain, https://github.com/tummfm/chemtrain, takes positions `R` and forces `F` of shape
(n_frames, n_beads, 3), and boxes `box` of shape (n_frames, 3, 3) with the box vectors in *columns*,
as JAX MD has them. Positions are scaled to fractions of the box before training, and files may hold
them in that form, which nothing in the file shows; so it is a format of its own here.
"""

import functools
from pathlib import Path
from typing import Any

import numpy as np

from meanforce.data.formats.base import Opened, Units
from meanforce.data.formats.cg_arrays import CgArrays, CgArraysFile, load_npy, load_npz, named
from meanforce.data.formats.cgnet import forces_beside
from meanforce.errors import InputError


def chemtrain(path: Path, known: Opened, fractional: bool = False) -> CgArraysFile:
    """An `.npz` file, or the `.npy` file of positions beside that of forces.

    Raises:
        InputError: a file is missing, damaged or a pickle, or an array is missing or wrong.
    """
    if path.suffix == ".npy":
        held = {
            "R": load_npy(path, "file of positions"),
            "F": load_npy(forces_beside(path), "file of forces"),
        }
    else:
        held = load_npz(path, "file of chemtrain")
    positions = named(path, held, known.arrays.get("positions", "R"))
    box = known.arrays.get("boxes", "box")
    if fractional and box not in held:
        raise InputError(f"{path}: has fractional positions, but no array '{box}' to scale them")
    if not np.asarray(held.get("mask", True)).all():
        raise InputError(
            f"{path}: has frames of different molecules, as its 'mask' shows; write those of one "
            "molecule, without padding, into a file of their own"
        )
    arrays = CgArrays(
        positions=positions,
        forces=named(path, held, known.arrays.get("forces", "F")),
        boxes=_in_rows(path, held[box], len(positions)) if box in held else None,
        fractional=fractional,
    )
    return CgArraysFile(path, arrays, known, Units())


def _in_rows(path: Path, box: Any, n_frames: int) -> np.ndarray:
    """Box vectors in rows, shape (n_frames, 3, 3), from edges or vectors of one or all frames."""
    box = np.asarray(box)
    if box.shape in ((3,), (n_frames, 3)):
        box = box[..., None] * np.eye(3)
    elif box.shape in ((3, 3), (n_frames, 3, 3)):
        box = np.swapaxes(box, -1, -2)
    else:
        raise InputError(
            f"{path}: its boxes have the shape {box.shape}; allowed are (3, 3) and "
            f"({n_frames}, 3, 3), or edges alone, (3,) and ({n_frames}, 3)"
        )
    return np.broadcast_to(box, (n_frames, 3, 3))


chemtrain_fractional = functools.partial(chemtrain, fractional=True)
