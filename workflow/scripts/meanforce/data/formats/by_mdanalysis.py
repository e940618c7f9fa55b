"""Formats that MDAnalysis reads frame by frame: DCD, Amber NetCDF, H5MD, LAMMPS dump.

MDAnalysis gives Å, ps and kJ/mol/Å; of LAMMPS dumps it gives the numbers of the file
(MDAnalysis issue 5115), which the unit style of the run converts.
"""

import contextlib
import dataclasses
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
from MDAnalysis.coordinates.DCD import DCDReader
from MDAnalysis.coordinates.H5MD import H5MDReader
from MDAnalysis.coordinates.LAMMPS import DumpReader
from MDAnalysis.coordinates.timestep import Timestep
from MDAnalysis.coordinates.TRJ import NCDFReader

from meanforce.data.formats.base import FileFrames, Opened, Units, frame_by_frame, opening
from meanforce.data.formats.dcd_size import has_rest
from meanforce.errors import InputError

# Of a damaged file, and also of one that was read completely.
warnings.filterwarnings("ignore", message="Cannot close a netcdf_file")

CONVERTED = Units(length=0.1, force=10.0)
"""MDAnalysis's own units."""


class _Quiet:
    """Closes a reader that could not open its file without a message from the interpreter."""

    def close(self) -> None:
        with contextlib.suppress(AttributeError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            super().close()


class _Dcd(_Quiet, DCDReader):
    """Of DCD files."""


class _Netcdf(_Quiet, NCDFReader):
    """Of Amber NetCDF files."""


class _H5md(_Quiet, H5MDReader):
    """Of H5MD files."""


class _Dump(_Quiet, DumpReader):
    """Of LAMMPS dumps."""


class MDAnalysisFile:
    """A trajectory through a reader of MDAnalysis; see `FrameFile`.

    Args:
        path: the file.
        reader: class of the reader.
        what: the format's name with its article, for messages.
        known: facts that are not in the file; with `time_step` times are made from the numbers of
            steps.
    """

    precision = None

    def __init__(self, path: Path, reader: type, what: str, known: Opened) -> None:
        self.path, self._time_step = path, known.time_step
        self._units = known.units or CONVERTED
        with opening(path, what), warnings.catch_warnings():
            # It warns about times and boxes that are missing, which is checked here.
            warnings.simplefilter("ignore")
            arguments = {"convert_units": known.units is None}
            self._reader = reader(str(path), n_atoms=None, **arguments)
            self.n_frames, self.n_atoms = self._reader.n_frames, self._reader.n_atoms
            self.has_forces = known.forces and bool(self._reader.ts.has_forces)
        self._has_times = getattr(self._reader, "has_time", True)

    def blocks(self, start: int, stop: int, stride: int, size: int) -> Iterator[FileFrames]:
        """Frames start, start + stride, ... below stop, at most `size` at a time."""
        numbers = range(start, min(stop, self.n_frames), stride)
        for first in range(0, len(numbers), size):
            part = numbers[first : first + size]
            shape = (len(part), self.n_atoms, 3)
            block = FileFrames(
                positions=np.empty(shape, np.float32),
                forces=np.empty(shape, np.float32) if self.has_forces else None,
                times=np.empty(len(part)) if self._has_times else None,
                # Frames without a box keep zeros.
                boxes=np.zeros((len(part), 3, 3)),
            )
            yield from frame_by_frame(self.path, block, part, self._fill)

    def _fill(self, block: FileFrames, row: int, number: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            step = self._reader[number]
            box = step.triclinic_dimensions
        block.positions[row] = step.positions * np.float32(self._units.length)
        if block.forces is not None:
            block.forces[row] = step.forces * np.float32(self._units.force)
        if block.times is not None:
            block.times[row] = self._time(step)
        if box is not None:
            block.boxes[row] = box * self._units.length

    def _time(self, step: Timestep) -> float:
        if self._time_step is None:
            return step.time
        return step.data["step"] * self._time_step

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: Any) -> None:
        self._reader.close()


def _own_units(known: Opened) -> Opened:
    """Without what the format stores itself."""
    return dataclasses.replace(known, units=None, time_step=None)


def dcd(path: Path, known: Opened) -> MDAnalysisFile:
    """A DCD file of CHARMM, NAMD or OpenMM."""
    found = MDAnalysisFile(path, _Dcd, "a complete DCD file", _own_units(known))
    # The library leaves out a last frame that is not whole.
    found.n_frames += has_rest(path)
    return found


def netcdf(path: Path, known: Opened) -> MDAnalysisFile:
    """An Amber NetCDF file."""
    return MDAnalysisFile(path, _Netcdf, "a complete Amber NetCDF file", _own_units(known))


def h5md(path: Path, known: Opened) -> MDAnalysisFile:
    """An H5MD file of atoms."""
    return MDAnalysisFile(path, _H5md, "a complete H5MD file", _own_units(known))


def lammps_dump(path: Path, known: Opened) -> MDAnalysisFile:
    """A text dump of LAMMPS.

    Raises:
        InputError: the units or the time step of the run are not given.
    """
    if known.units is None or known.time_step is None:
        raise InputError(
            f"{path}: a LAMMPS dump holds neither its units nor its time step; give 'units' and "
            "'time_step'"
        )
    found = MDAnalysisFile(path, _Dump, "a complete LAMMPS dump", known)
    # The library leaves out a last frame that is not whole. A frame has 9 lines before its atoms.
    found.n_frames += _lines(path) > found.n_frames * (found.n_atoms + 9)
    return found


def _lines(path: Path) -> int:
    """Number of lines of a text file."""
    count, last = 0, b"\n"
    with path.open("rb") as file:
        while block := file.read(2**20):
            count += block.count(b"\n")
            last = block[-1:]
    return count + (last != b"\n")
