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
from meanforce.sampling.external.rounded import Sample
from meanforce.sampling.external.times import FrameTimes
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
        self._with_forces = forces == "file"
        self._known = dataclasses.replace(_known(settings, n_atoms, box), forces=self._with_forces)
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
        if file.precision is not None:
            self._refuse_rounding(file.path, file.precision)
            self._report(f"{file.path}: positions are rounded to {file.precision:g} nm")

    def _refuse_rounding(self, path: Path, precision: float) -> None:
        if not self._with_forces and precision > ROUNDED:
            raise InputError(
                f"{path}: has positions that are rounded to {precision:g} nm, which is too coarse "
                f"for recomputing forces (allowed: {ROUNDED:g} nm); use positions that were never "
                "in a format that rounds them, such as XTC or GRO; TRR files of the run itself, "
                "for example, have all digits"
            )

    def _length(self) -> float:
        """Unit of the files' positions, nm."""
        return 0.1 if self._known.units is None else self._known.units.length

    def _refuse_rounded(self, file: FrameFile, sample: Sample) -> None:
        """Find positions of a format that keeps all digits, which another program had rounded."""
        found = None if file.precision else sample.rounding(self._length())
        if found is not None:
            self._refuse_rounding(file.path, found)
            self._report(
                f"warning: {file.path}: positions are rounded to {found:.3g} nm, as a format that "
                "rounds leaves them; forces of the files belong to the positions before that"
            )

    def blocks(self, size: int) -> Iterator[FileFrames]:
        """The frames that are used, at most `size` at a time; they have times.

        Raises:
            InputError: a frame cannot be read, is not finite, has no box where one is needed, or
                is not in order of time; or no frame is left.
        """
        last, used, times_of = -np.inf, 0, FrameTimes(self._settings.interval)
        sample = Sample()
        for path in self._paths():
            with self._opened(path) as file:
                first, looked = True, False
                for numbers, block in self._read(file, size):
                    times = times_of.of(file, block, numbers)
                    repeated, first = first and times[0] == last, False
                    if repeated:
                        self._report(f"{path}: its first frame repeats the last one before it")
                        numbers, block, times = numbers[1:], block[1:], times[1:]
                    self._refuse_disorder(path, numbers, times, last)
                    if not len(block):
                        continue  # it held the repeated frame only
                    self.seen += len(block)
                    last = times[-1]
                    keep = self._inside(times)
                    used += int(keep.sum())
                    if keep.any():
                        chosen = dataclasses.replace(block, times=times)
                        chosen = chosen if keep.all() else chosen[keep]
                        self._refuse_gaps(path, np.array(numbers)[keep], chosen)
                        if not looked and sample.add(chosen.positions):
                            self._refuse_rounded(file, sample)
                            looked = True
                        yield chosen
                    if self._settings.end is not None and last >= self._settings.end:
                        # What follows may be damaged.
                        break
                times_of.finish(file)
            if self._settings.end is not None and last >= self._settings.end:
                break
        if not looked and used:
            self._refuse_rounded(file, sample)
        if not used:
            raise InputError(f"{self._settings.files[0]}: no frame is left{self._range(last)}")

    def _inside(self, times: np.ndarray) -> np.ndarray:
        """Which times are in the range that is used, bool, shape (n,)."""
        begin, end = self._settings.begin, self._settings.end
        inside = np.ones(len(times), dtype=bool)
        if begin is not None:
            inside &= times >= begin - _off(begin)
        if end is not None:
            inside &= times <= end + _off(end)
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

    def _refuse_disorder(self, path: Path, numbers: range, times: np.ndarray, last: float) -> None:
        finite = np.isfinite(times)
        if not finite.all():
            raise InputError(
                f"{path}: frame {numbers[int(np.argmin(finite))]} has a time that is not a finite "
                "number; leave such times out, and give 'interval'"
            )
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

    def _refuse_gaps(self, path: Path, numbers: np.ndarray, block: FileFrames) -> None:
        """Refuse numbers that are not finite, and frames without a box where one is needed."""
        for place, what in enumerate(("positions", "forces")):
            values = (block.positions, block.forces)[place]
            if values is None or (what == "forces" and not self._with_forces):
                continue
            if block.without is not None and block.without[:, place].any():
                raise InputError(
                    f"{path}: frame {numbers[int(np.argmax(block.without[:, place]))]} has no "
                    f"{what}, which the run wrote less often than other things; set the "
                    "trajectory's 'stride', 'begin' and 'end' so that only frames with them are "
                    "used"
                )
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


def _off(time: float) -> float:
    """How far a time in a file may be off in single precision, ps."""
    return 2e-7 * abs(time)


def _known(settings: TrajectorySettings, n_atoms: int, box: np.ndarray | None) -> Opened:
    units: Units | None = None
    if isinstance(settings.units, str):
        units = STYLES[settings.units]
    elif settings.units is not None:
        units = reduced(settings.units.length, settings.units.energy)
    return Opened(n_atoms, units, settings.time_step, dict(settings.arrays), settings.molecule, box)
