"""Frames in arrays that can be sliced: memory maps of `.npy` files, and HDF5."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np

from meanforce.data.formats.base import FileFrames, Units, opening, reading_frame
from meanforce.errors import InputError
from meanforce.settings.campaigns.file_formats import POSITIONS, forces_beside
from meanforce.units import KCAL

ANGSTROM = Units(length=0.1, force=10.0 * KCAL)
"""Å and kcal/mol/Å."""


class ArraysFile:
    """Positions and forces of all frames, each an array of shape (n_frames, n_beads, 3).

    Args:
        path: the file, for messages.
        positions: in the units of the file.
        forces: in the units of the file.
        units: of the file.
        resources: what must be closed.

    Raises:
        InputError: an array is not of numbers, or has another shape.
    """

    has_forces = True
    precision = None

    def __init__(
        self,
        path: Path,
        positions: Any,
        forces: Any,
        units: Units,
        resources: contextlib.ExitStack | None = None,
    ) -> None:
        self.path, self._positions, self._forces, self._units = path, positions, forces, units
        self._resources = resources or contextlib.ExitStack()
        for what, array in (("positions", positions), ("forces", forces)):
            if array.dtype.kind not in "fiu":
                raise InputError(f"{path}: its {what} are of type {array.dtype}, not numbers")
        if positions.ndim != 3 or positions.shape[2] != 3:
            raise InputError(
                f"{path}: its positions have the shape {positions.shape}, not (frames, beads, 3)"
            )
        if forces.shape != positions.shape:
            raise InputError(
                f"{path}: its forces have the shape {forces.shape}, but its positions "
                f"{positions.shape}"
            )
        self.n_frames, self.n_atoms = positions.shape[:2]

    def blocks(self, start: int, stop: int, stride: int, size: int) -> Iterator[FileFrames]:
        """Frames start, start + stride, ... below stop, at most `size` at a time."""
        numbers = range(start, min(stop, self.n_frames), stride)
        for first in range(0, len(numbers), size):
            part = numbers[first : first + size]
            chosen = slice(part.start, part.stop, part.step)
            with reading_frame(self.path, part.start):
                positions = np.asarray(self._positions[chosen], dtype=float)
                forces = np.asarray(self._forces[chosen], dtype=float)
            yield FileFrames(
                (positions * self._units.length).astype(np.float32),
                (forces * self._units.force).astype(np.float32),
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: Any) -> None:
        self._resources.close()


def npy_pair(path: Path, units: Units) -> ArraysFile:
    """The `.npy` file of positions, with that of forces beside it.

    Raises:
        InputError: a file is missing, damaged or a pickle, or its array is wrong.
    """
    forces = forces_beside(str(path))
    if forces is None:
        raise InputError(
            f"{path}: the name of its file of forces is not known; it has none of "
            f"{', '.join(POSITIONS)}"
        )
    return ArraysFile(path, _mapped(path), _mapped(Path(forces)), units)


def _mapped(path: Path) -> np.ndarray:
    """The array of an `.npy` file, read as it is needed; pickles are refused."""
    with opening(path, "NumPy file"):
        array = np.load(path, allow_pickle=False, mmap_mode="r")
        if not isinstance(array, np.ndarray):
            raise ValueError("it holds several arrays")
        return array
