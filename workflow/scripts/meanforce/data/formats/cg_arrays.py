"""CG data in arrays of all frames, as other programs for CG models keep them."""

import contextlib
import dataclasses
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np

from meanforce.data.formats.base import FileFrames, Opened, Units, opening, reading_frame
from meanforce.errors import InputError
from meanforce.units import KCAL

ANGSTROM = Units(length=0.1, force=10.0 * KCAL)
"""Å and kcal/mol/Å."""


@dataclasses.dataclass(frozen=True, eq=False)
class CgArrays:
    """Arrays of a file, in its units: of NumPy, or anything else that can be sliced by frames.

    Attributes:
        positions: shape (n_frames, n_beads, 3).
        forces: shape (n_frames, n_beads, 3).
        boxes: box vectors in rows, shape (n_frames, 3, 3); None without.
        fractional: whether positions are fractions of the box vectors.
    """

    positions: Any
    forces: Any
    boxes: Any = None
    fractional: bool = False


class CgArraysFile:
    """Frames of `CgArrays`; see `FrameFile`.

    Args:
        path: the file, for messages.
        arrays: its arrays.
        known: facts that are not in the file.
        units: of the format, unless others are known.
        resources: what must be closed.

    Raises:
        InputError: an array has another shape or type than the others, or the number of beads is
            not that of the system.
    """

    has_forces = True
    precision = None

    def __init__(
        self,
        path: Path,
        arrays: CgArrays,
        known: Opened,
        units: Units,
        resources: contextlib.ExitStack | None = None,
    ) -> None:
        self.path, self._arrays, self._units = path, arrays, known.units or units
        self._resources = resources or contextlib.ExitStack()
        _check(path, "positions", arrays.positions, (None, None, 3))
        self.n_frames, self.n_atoms = arrays.positions.shape[:2]
        if self.n_atoms != known.n_atoms:
            raise InputError(
                f"{path}: has {self.n_atoms} beads, but the system has {known.n_atoms}"
            )
        _check(path, "forces", arrays.forces, arrays.positions.shape)
        if arrays.boxes is not None:
            _check(path, "boxes", arrays.boxes, (self.n_frames, 3, 3))

    def blocks(self, start: int, stop: int, stride: int, size: int) -> Iterator[FileFrames]:
        """Frames start, start + stride, ... below stop, at most `size` at a time."""
        numbers = range(start, min(stop, self.n_frames), stride)
        for first in range(0, len(numbers), size):
            part = numbers[first : first + size]
            chosen = slice(part.start, part.stop, part.step)
            with reading_frame(self.path, part.start):
                positions = np.asarray(self._arrays.positions[chosen], dtype=float)
                forces = np.asarray(self._arrays.forces[chosen], dtype=float) * self._units.force
                boxes = None
                if self._arrays.boxes is not None:
                    boxes = np.asarray(self._arrays.boxes[chosen], dtype=float)
                    boxes *= self._units.length
            if self._arrays.fractional:
                positions = positions @ boxes
            else:
                positions *= self._units.length
            for what, values in (("position", positions), ("force", forces), ("box", boxes)):
                self._refuse_not_finite(part, what, values)
            yield FileFrames(positions.astype(np.float32), forces.astype(np.float32), boxes=boxes)

    def _refuse_not_finite(self, frames: range, what: str, values: np.ndarray | None) -> None:
        finite = np.ones(1, dtype=bool) if values is None else np.isfinite(values).all(axis=(1, 2))
        if not finite.all():
            raise InputError(
                f"{self.path}: frame {frames[int(np.argmin(finite))]} has a {what} that is not a "
                "finite number"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused) -> None:
        self._resources.close()


def _check(path: Path, what: str, array: Any, wanted: tuple[int | None, ...]) -> None:
    """Refuse an array that is not of numbers, or has another shape."""
    shape, kind = getattr(array, "shape", ()), getattr(array, "dtype", np.dtype("O"))
    if kind.kind not in "fiu":
        raise InputError(f"{path}: its {what} are of type {kind}, not numbers")
    fits = len(shape) == len(wanted) and all(
        want in (None, got) for want, got in zip(wanted, shape, strict=True)
    )
    if not fits:
        text = ", ".join("n" if want is None else str(want) for want in wanted)
        raise InputError(f"{path}: its {what} have the shape {tuple(shape)}; allowed is ({text})")


def load_npz(path: Path, what: str) -> dict[str, np.ndarray]:
    """All arrays of an `.npz` file; pickles, and so arrays of objects, are refused.

    Args:
        path: the file.
        what: what it should be, for messages.

    Raises:
        InputError: the file is missing, damaged, or of another kind.
    """
    with opening(path, what):
        try:
            with np.load(path, allow_pickle=False) as file:
                if not isinstance(file, np.lib.npyio.NpzFile):
                    raise ValueError("it holds a single array")
                return {name: file[name] for name in file.files}
        except zipfile.BadZipFile as error:
            raise ValueError(str(error)) from error


def load_npy(path: Path, what: str) -> np.ndarray:
    """The array of an `.npy` file, read as it is needed; pickles are refused.

    Raises:
        InputError: the file is missing, damaged, or of another kind.
    """
    with opening(path, what):
        array = np.load(path, allow_pickle=False, mmap_mode="r")
        if not isinstance(array, np.ndarray):
            raise ValueError("it holds several arrays")
        return array


def named(path: Path, arrays: Mapping[str, Any], name: str) -> Any:
    """An array of a file.

    Raises:
        InputError: there is none of this name.
    """
    if name not in arrays:
        have = ", ".join(arrays) or "none"
        raise InputError(f"{path}: has no array '{name}'; it has: {have}")
    return arrays[name]
