"""Data of chemtrain: an `.npz` file, or two `.npy` files; nm and kJ/mol/nm.

chemtrain, https://github.com/tummfm/chemtrain, takes positions `R` and forces `F` of shape
(n_frames, n_beads, 3), and boxes `box` of shape (n_frames, 3, 3) with the box vectors in *columns*,
as JAX MD has them. Positions are scaled to fractions of the box before training, and files may hold
them in that form, which nothing in the file shows; so it is a format of its own here.
"""

import dataclasses
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np

from meanforce.data.formats.arrays import npy_pair
from meanforce.data.formats.base import FileFrames, FrameFile, Opened, Units, opening
from meanforce.data.formats.npz import NpzFile
from meanforce.errors import InputError

NAMES = {"positions": "R", "forces": "F"}


class ChemtrainFile:
    """Frames of a file whose boxes are in columns; see `FrameFile`.

    Args:
        file: with the numbers as they are stored.
        fractional: whether positions are fractions of the box.
        box: box vectors in rows of frames without a box in the file, nm, shape (3, 3).
    """

    def __init__(self, file: FrameFile, fractional: bool, box: np.ndarray | None) -> None:
        self._file, self._fractional, self._box = file, fractional, box
        self.path, self.n_frames, self.n_atoms = file.path, file.n_frames, file.n_atoms
        self.has_forces, self.precision = file.has_forces, file.precision

    def blocks(self, start: int, stop: int, stride: int, size: int) -> Iterator[FileFrames]:
        """Frames start, start + stride, ... below stop, at most `size` at a time."""
        for block in self._file.blocks(start, stop, stride, size):
            boxes = block.boxes
            if boxes is not None:
                boxes = np.swapaxes(boxes, 1, 2)
            elif self._box is not None:
                boxes = np.broadcast_to(self._box, (len(block), 3, 3))
            positions = block.positions
            if self._fractional:
                if boxes is None:
                    raise InputError(
                        f"{self.path}: has fractional positions, but neither an array 'box' nor a "
                        "box in the config to scale them"
                    )
                positions = (positions.astype(float) @ boxes).astype(np.float32)
            yield dataclasses.replace(block, positions=positions, boxes=boxes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._file.__exit__(*error)


def chemtrain(path: Path, known: Opened, fractional: bool = False) -> ChemtrainFile:
    """An `.npz` file, or the `.npy` file of positions beside that of forces.

    Raises:
        InputError: a file is missing, damaged or a pickle, or an array is missing or wrong.
    """
    if path.suffix == ".npy":
        return ChemtrainFile(npy_pair(path, Units()), fractional, known.box)
    file = NpzFile(path, dataclasses.replace(known, units=None, arrays=NAMES))
    _refuse_padding(path)
    return ChemtrainFile(file, fractional, known.box)


chemtrain_fractional = functools.partial(chemtrain, fractional=True)


def _refuse_padding(path: Path) -> None:
    """Refuse frames of molecules of different sizes, which a mask tells apart."""
    with opening(path, "NumPy archive"), np.load(path, allow_pickle=False) as file:
        mask = file["mask"] if "mask" in file else np.ones(1, dtype=bool)
    if not mask.all():
        raise InputError(
            f"{path}: has frames of different molecules, as its 'mask' shows; write those of one "
            "molecule, without padding, into a file of their own"
        )
