"""What every reader of other programs' trajectories gives, in this project's units."""

import contextlib
import dataclasses
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np

from meanforce.errors import InputError


@dataclasses.dataclass(frozen=True, eq=False)
class FileFrames:
    """Consecutive chosen frames of a file.

    Attributes:
        positions: nm, shape (n, n_atoms, 3).
        forces: kJ/mol/nm, shape (n, n_atoms, 3); None where the file has none.
        times: ps, shape (n,); None where the file has none.
        boxes: periodic box vectors in rows, nm, shape (n, 3, 3); None where the file has none.
        without: frames without positions and without forces, which other frames of the file have;
            bool, shape (n, 2); None where all frames hold the same.
    """

    positions: np.ndarray
    forces: np.ndarray | None = None
    times: np.ndarray | None = None
    boxes: np.ndarray | None = None
    without: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, chosen: slice | np.ndarray) -> "FileFrames":
        """Some of the frames."""
        return FileFrames(*(
            None if values is None else values[chosen]
            for values in (self.positions, self.forces, self.times, self.boxes, self.without)
        ))  # fmt: skip


class FrameFile(Protocol):
    """An open trajectory; a context manager.

    Attributes:
        path: the file.
        n_frames: number of frames; of a file that was cut short, maybe one more than are good.
        n_atoms: number of atoms.
        has_forces: whether frames have forces, and these are wanted.
        precision: what positions are rounded to, nm; None: to floating-point numbers.
    """

    path: Path
    n_frames: int
    n_atoms: int
    has_forces: bool
    precision: float | None

    def blocks(self, start: int, stop: int, stride: int, size: int) -> Iterator[FileFrames]:
        """Frames start, start + stride, ... below stop, at most `size` at a time.

        Good frames before one that cannot be read are given first.

        Raises:
            InputError: a frame cannot be read; it and the good frames before it are named.
        """

    def __enter__(self) -> "FrameFile": ...

    def __exit__(self, *unused) -> None: ...


@dataclasses.dataclass(frozen=True)
class Units:
    """Units of a file, as factors to this project's.

    Attributes:
        length: nm.
        force: kJ/mol/nm.
        time: ps.
    """

    length: float = 1.0
    force: float = 1.0
    time: float = 1.0


@dataclasses.dataclass(frozen=True)
class Opened:
    """Facts about a file that are not in it.

    Attributes:
        n_atoms: number of atoms, which some formats do not store.
        units: of its numbers; None: the format's own.
        time_step: ps, for formats that number frames by steps; None: they have no times.
        arrays: names of arrays in the file by what they are, where they are not the usual ones.
        molecule: which of several molecules of the file is read.
        box: box vectors in rows, nm, shape (3, 3), of frames that have none in the file.
        forces: whether forces are wanted.
    """

    n_atoms: int
    units: Units | None = None
    time_step: float | None = None
    arrays: dict[str, str] = dataclasses.field(default_factory=dict)
    molecule: str | None = None
    box: np.ndarray | None = None
    forces: bool = True


UNREADABLE = (
    OSError, LookupError, RuntimeError, ValueError, TypeError, AttributeError, EOFError,
    StopIteration, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""Errors of libraries that read a damaged file."""


@contextlib.contextmanager
def opening(path: Path, what: str) -> Iterator[None]:
    """Turn the errors of a library that opens a file into one sentence.

    Args:
        path: the file.
        what: what it should be, such as "a complete TRR file".

    Raises:
        InputError: opening failed.
    """
    try:
        yield
    except UNREADABLE as error:
        raise InputError(f"{path}: is not {what} ({_short(error)})") from error


@contextlib.contextmanager
def reading_frame(path: Path, number: int) -> Iterator[None]:
    """Turn the errors of a library that reads a frame into one sentence.

    Raises:
        InputError: reading failed.
    """
    try:
        yield
    except UNREADABLE as error:
        raise damaged(path, number, error) from error


def frame_by_frame(
    path: Path, block: FileFrames, numbers: range, fill: Callable[[FileFrames, int, int], None]
) -> Iterator[FileFrames]:
    """Fill a block row by row, for formats that are read one frame at a time.

    Args:
        path: the file.
        block: arrays to be filled.
        numbers: of its frames.
        fill: called with the block, the row and the number of its frame.

    Raises:
        InputError: a frame cannot be read, after the good ones before it were given.
    """
    for row, number in enumerate(numbers):
        try:
            fill(block, row, number)
        except UNREADABLE as error:
            if row:
                yield block[:row]
            raise damaged(path, number, error) from error
    yield block


def damaged(path: Path, number: int, error: Exception) -> InputError:
    """The error for a frame that cannot be read."""
    good = f"frames 0 to {number - 1} are good" if number else "no frame before it is good"
    return InputError(
        f"{path}: frame {number} cannot be read ({_short(error)}), so the file is damaged or was "
        f"cut short; {good}; set the trajectory's 'end' to use only these"
    )


def _short(error: Exception) -> str:
    """The first line of an error."""
    return (str(error) or type(error).__name__).strip().splitlines()[0][:200]
