"""GROMACS's TRR (with velocities and forces where mdrun wrote them) and XTC (rounded positions)."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np
from MDAnalysis.lib.formats.libmdaxdr import TRRFile, XTCFile

from meanforce.data.formats.base import (
    UNREADABLE,
    FileFrames,
    Opened,
    frame_by_frame,
    opening,
)

UNROUNDED = 9
"""Most atoms whose positions are stored in an XTC file as they are."""


class GromacsFile:
    """A TRR or XTC file, already in nm, kJ/mol/nm and ps; see `FrameFile`.

    Frames of a TRR file may differ in what they hold; what one lacks is NaN, and marked.
    """

    def __init__(self, path: Path, known: Opened, kind: type, what: str) -> None:
        self.path, self._at, self._is_trr = path, -1, kind is TRRFile
        with opening(path, what):
            self._file = kind(str(path))
            self.n_frames = len(self._file)
            self.n_atoms = self._file.n_atoms
            first = self._file.read()
        self.has_forces = known.forces and self._is_trr and (first.hasf or self._later_forces())
        rounding = getattr(first, "prec", None) if self.n_atoms > UNROUNDED else None
        self.precision = None if rounding is None else 1.0 / rounding
        self.n_frames += self._has_rest()

    def _later_forces(self) -> bool:
        """Whether a frame after the first one has forces."""
        with contextlib.suppress(*UNREADABLE):
            for _ in range(1, self.n_frames):
                if self._file.read().hasf:
                    return True
        return False

    def _has_rest(self) -> bool:
        """Whether a part of a frame, which the library has not counted, ends the file."""
        try:
            self._file.seek(self.n_frames - 1)
            self._file.read()
        except UNREADABLE:
            # It has counted it.
            return False
        return self._file._bytes_tell() != self.path.stat().st_size

    def blocks(self, start: int, stop: int, stride: int, size: int) -> Iterator[FileFrames]:
        """Frames start, start + stride, ... below stop, at most `size` at a time."""
        numbers = range(start, min(stop, self.n_frames), stride)
        self._at = -1
        for first in range(0, len(numbers), size):
            part = numbers[first : first + size]
            yield from frame_by_frame(self.path, self._empty(len(part)), part, self._fill)

    def _empty(self, n: int) -> FileFrames:
        shape = (n, self.n_atoms, 3)
        return FileFrames(
            positions=np.empty(shape, np.float32),
            forces=np.empty(shape, np.float32) if self.has_forces else None,
            times=np.empty(n),
            boxes=np.empty((n, 3, 3), np.float32),
            without=np.zeros((n, 2), dtype=bool) if self._is_trr else None,
        )

    def _fill(self, block: FileFrames, row: int, number: int) -> None:
        if number != self._at:
            self._file.seek(number)
        frame = self._file.read()
        self._at = number + 1
        block.positions[row] = frame.x
        block.times[row], block.boxes[row] = frame.time, frame.box
        if block.forces is not None:
            block.forces[row] = frame.f
        if block.without is not None and not (frame.hasx and frame.hasf):
            block.without[row] = not frame.hasx, not frame.hasf
            if not frame.hasx:
                block.positions[row] = np.nan
            if block.forces is not None and not frame.hasf:
                block.forces[row] = np.nan

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused) -> None:
        self._file.close()


def trr(path: Path, known: Opened) -> GromacsFile:
    """A TRR file."""
    return GromacsFile(path, known, TRRFile, "a complete TRR file")


def xtc(path: Path, known: Opened) -> GromacsFile:
    """An XTC file."""
    return GromacsFile(path, known, XTCFile, "a complete XTC file")
