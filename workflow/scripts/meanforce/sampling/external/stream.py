"""Frames of a run's files that are used, in order, each checked."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np

from meanforce.data.formats.base import FileFrames, FrameFile, Opened, Units
from meanforce.data.formats.registry import open_frames
from meanforce.data.formats.units import STYLES, reduced
from meanforce.errors import InputError
from meanforce.settings.campaigns.external import TrajectorySettings

ROUNDED = 1e-4
"""nm; positions rounded to more than this give wrong forces: a bond of 250,000 kJ/mol/nm² then has
an error of 25 kJ/mol/nm and more."""


MOST_OPEN = 32
"""Most files that stay open between the check of all of them and reading."""


class FrameStream:
    """The frames of one trajectory; a context manager.

    Args:
        settings: its files and what is used of them.
        n_atoms: of the prepared system.
        periodic: whether it is in a periodic box.
        forces: where forces come from, `file` or `recompute`.
        report: called with lines on what was noticed.
        box: of frames that have none in the files, nm, shape (3, 3).

    Attributes:
        n_frames: most frames that can be used.
        seen: frames that were read so far.

    Raises:
        InputError: a file is missing, of another kind or of other atoms, or lacks what is needed.
    """

    def __init__(
        self,
        settings: TrajectorySettings,
        n_atoms: int,
        periodic: bool,
        forces: str,
        report: Callable[[str], None],
        box: np.ndarray | None = None,
    ) -> None:
        self._settings, self._periodic, self._report = settings, periodic, report
        self._known = _known(settings, n_atoms, box)
        self._with_forces = forces == "file"
        self.n_frames, self.seen = 0, 0
        # Counting the frames of a file may mean to go through it.
        self._open: dict[Path, FrameFile] = {}
        for path in self._paths():
            file = self._opened(path)
            self.n_frames += -(-file.n_frames // settings.stride)
            self._check(file)
            if len(self._open) < MOST_OPEN:
                self._open[path] = file
            else:
                file.__exit__(None, None, None)

    def _paths(self) -> list[Path]:
        return [Path(file) for file in self._settings.files]

    def _opened(self, path: Path) -> FrameFile:
        kind = self._settings.format_of(str(path))
        return self._open.pop(path, None) or open_frames(path, kind, self._known)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: Any) -> None:
        while self._open:
            self._open.popitem()[1].__exit__(None, None, None)

    def _check(self, file: FrameFile) -> None:
        if file.n_atoms != self._known.n_atoms:
            raise InputError(
                f"{file.path}: has {file.n_atoms} atoms, but the system has {self._known.n_atoms}; "
                "files must have all atoms of the system, in its order"
            )
        if self._with_forces and not file.has_forces:
            raise InputError(
                f"{file.path}: has no forces, but the campaign has 'forces: file'; write them in "
                "the run (nstfout of GROMACS, ntwf = -1 of Amber), or set 'forces: recompute'"
            )
        if not self._with_forces and file.precision is not None and file.precision > ROUNDED:
            raise InputError(
                f"{file.path}: has positions that are rounded to {file.precision:g} nm, which is "
                f"too coarse for recomputing forces (allowed: {ROUNDED:g} nm); use a format that "
                "does not round, such as TRR"
            )
        if file.precision is not None:
            self._report(f"{file.path}: positions are rounded to {file.precision:g} nm")

    def blocks(self, size: int) -> Iterator[FileFrames]:
        """The frames that are used, at most `size` at a time; they have times.

        Raises:
            InputError: a frame cannot be read, is not finite, has no box where one is needed, or
                is not in order of time; or no frame is left.
        """
        last, used, numbered = -np.inf, 0, 0
        for path in self._paths():
            with self._opened(path) as file:
                first = True
                for numbers, block in self._read(file, size):
                    times = self._times(path, block, numbered, numbers)
                    if first and times[0] == last:
                        self._report(f"{path}: its first frame repeats the last one before it")
                        numbers, block, times = numbers[1:], block[1:], times[1:]
                    first = False
                    self._refuse_disorder(path, numbers, times, last)
                    if not len(block):
                        continue  # it held the repeated frame only
                    self._refuse_gaps(path, numbers, block)
                    self.seen += len(block)
                    last = times[-1] if len(times) else last
                    keep = self._inside(times)
                    used += int(keep.sum())
                    if keep.any():
                        chosen = FileFrames(block.positions, block.forces, times, block.boxes)
                        yield chosen if keep.all() else chosen[keep]
                    if self._settings.end is not None and last >= self._settings.end:
                        # What follows may be damaged.
                        break
                numbered += file.n_frames
            if self._settings.end is not None and last >= self._settings.end:
                break
        if not used:
            raise InputError(f"{self._settings.files[0]}: no frame is left{self._range(last)}")

    def _inside(self, times: np.ndarray) -> np.ndarray:
        """Which times are in the range that is used, bool, shape (n,)."""
        begin, end = self._settings.begin, self._settings.end
        inside = np.ones(len(times), dtype=bool)
        if begin is not None:
            inside &= times >= begin - _rounding(begin)
        if end is not None:
            inside &= times <= end + _rounding(end)
        return inside

    def _read(self, file: FrameFile, size: int) -> Iterator[tuple[range, FileFrames]]:
        """Blocks of a file with the numbers of their frames."""
        stride, at = self._settings.stride, 0
        for block in file.blocks(0, file.n_frames, stride, size):
            if block.boxes is None and self._known.box is not None:
                boxes = np.broadcast_to(self._known.box, (len(block), 3, 3))
                block = dataclasses.replace(block, boxes=boxes)
            numbers = range(at, at + stride * len(block), stride)
            at += stride * len(block)
            yield numbers, block

    def _times(self, path: Path, block: FileFrames, before: int, numbers: range) -> np.ndarray:
        """Times in ps, shape (n,)."""
        if self._settings.interval is not None:
            return (before + np.array(numbers)) * self._settings.interval
        if block.times is None:
            raise InputError(
                f"{path}: has no times; give the time between frames as the trajectory's 'interval'"
            )
        return block.times

    def _refuse_disorder(self, path: Path, numbers: range, times: np.ndarray, last: float) -> None:
        before = np.concatenate([[last], times[:-1]])
        wrong = ~(times > before)
        if wrong.any():
            bad = int(np.argmax(wrong))
            what = "repeats the time" if times[bad] == before[bad] else "is not after the time"
            raise InputError(
                f"{path}: frame {numbers[bad]} has the time {times[bad]:g} ps, which {what} "
                f"{before[bad]:g} ps of the frame before it; files of a trajectory must be one "
                "run, in order of time"
            )

    def _refuse_gaps(self, path: Path, numbers: range, block: FileFrames) -> None:
        """Refuse numbers that are not finite, and frames without a box where one is needed."""
        for what, values in (("positions", block.positions), ("forces", block.forces)):
            if values is None or (what == "forces" and not self._with_forces):
                continue
            finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
            if not finite.all():
                raise InputError(
                    f"{path}: frame {numbers[int(np.argmin(finite))]} has {what} that are not "
                    "finite numbers"
                )
        if not self._periodic:
            return
        if block.boxes is None:
            raise InputError(f"{path}: has no periodic box, but the system has one")
        good = np.linalg.det(np.nan_to_num(block.boxes)) > 0
        if not good.all():
            raise InputError(
                f"{path}: frame {numbers[int(np.argmin(good))]} has no periodic box, but the "
                "system has one"
            )

    def _range(self, last: float) -> str:
        begin, end = self._settings.begin, self._settings.end
        if begin is None and end is None:
            return ""
        first = "the beginning" if begin is None else f"{begin:g} ps"
        until = "the end" if end is None else f"{end:g} ps"
        return f" from {first} to {until}; the last frame that was read has {last:g} ps"


def _rounding(time: float) -> float:
    """How far a time in a file may be off in single precision, ps."""
    return 2e-7 * abs(time)


def _known(settings: TrajectorySettings, n_atoms: int, box: np.ndarray | None) -> Opened:
    units: Units | None = None
    if isinstance(settings.units, str):
        units = STYLES[settings.units]
    elif settings.units is not None:
        units = reduced(settings.units.length, settings.units.energy)
    return Opened(n_atoms, units, settings.time_step, dict(settings.arrays), settings.molecule, box)
