"""GROMACS's TRR (with velocities and forces where mdrun wrote them) and XTC (rounded positions)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
from MDAnalysis.lib.formats.libmdaxdr import TRRFile, XTCFile

from meanforce.data.formats.base import FileFrames, Opened, opening, reading_frame


class GromacsFile:
    """A TRR or XTC file, already in nm, kJ/mol/nm and ps; see `FrameFile`.

    Frames of a TRR file may differ in what they hold; only those with positions count.
    """

    def __init__(self, path: Path, known: Opened, kind: type, what: str) -> None:
        self.path, self.n_atoms = path, known.n_atoms
        with opening(path, what):
            self._file = kind(str(path))
            self.n_frames = len(self._file)
            self.n_atoms = self._file.n_atoms
            first = self._file.read()
            self._file.seek(0)
        self.has_forces = bool(getattr(first, "hasf", False))
        rounding = getattr(first, "prec", None)
        self.precision = None if rounding is None else 1.0 / rounding

    def blocks(self, start: int, stop: int, stride: int, size: int) -> Iterator[FileFrames]:
        """Frames start, start + stride, ... below stop, at most `size` at a time."""
        numbers = range(start, min(stop, self.n_frames), stride)
        at = 0
        for first in range(0, len(numbers), size):
            part = numbers[first : first + size]
            block = self._empty(len(part))
            for row, number in enumerate(part):
                with reading_frame(self.path, number):
                    if number != at:
                        self._file.seek(number)
                    elif number == 0:
                        self._file.seek(0)
                    frame = self._file.read()
                    self._fill(block, row, frame)
                at = number + 1
            yield block

    def _empty(self, n: int) -> FileFrames:
        shape = (n, self.n_atoms, 3)
        return FileFrames(
            positions=np.empty(shape, np.float32),
            forces=np.empty(shape, np.float32) if self.has_forces else None,
            times=np.empty(n),
            boxes=np.empty((n, 3, 3)),
        )

    def _fill(self, block: FileFrames, row: int, frame: Any) -> None:
        if not getattr(frame, "hasx", True):
            raise ValueError("it has no positions")
        block.positions[row] = frame.x
        if block.forces is not None:
            if not frame.hasf:
                raise ValueError("it has no forces, but the first frame has")
            block.forces[row] = frame.f
        block.times[row], block.boxes[row] = frame.time, frame.box

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused) -> None:
        self._file.close()


def trr(path: Path, known: Opened) -> GromacsFile:
    """A TRR file."""
    return GromacsFile(path, known, TRRFile, "TRR file")


def xtc(path: Path, known: Opened) -> GromacsFile:
    """An XTC file."""
    return GromacsFile(path, known, XTCFile, "XTC file")
