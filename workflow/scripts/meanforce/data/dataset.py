"""Frames of several H5MD datasets as one, chosen without being read.

A `Dataset` holds paths of files and ranges of their frames. Concatenation, stride, time window and
blocks make new ones and copy nothing; arrays are read when they are requested, whole or chunk by
chunk. Frames of several temperatures, which alternate in a file, are ordered by temperature.
"""

import dataclasses
import functools
import itertools
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np

from meanforce.data.h5md import H5mdReader
from meanforce.errors import InputError

CHUNK = 512
"""Frames among which some are chosen when they are read."""


@dataclasses.dataclass(frozen=True)
class Part:
    """Frames of one file at one temperature.

    Attributes:
        path: the file.
        frames: their numbers.
        parameters: plain values that describe the file's beads.
        temperature: K, or None if it is not in the file.
        walkers: number of walkers that alternate in these frames.
    """

    path: Path
    frames: range
    parameters: dict[str, Any]
    temperature: float | None = None
    walkers: int = 1

    def read(self, function: Callable[[H5mdReader, slice], np.ndarray]) -> np.ndarray:
        """Result of a method of the file's reader for these frames."""
        chosen = slice(self.frames.start, self.frames.stop, self.frames.step)
        with H5mdReader(self.path) as reader:
            return function(reader, chosen)


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Frames of several files, one after the other.

    Attributes:
        parts: frames of each file and temperature, in order; those of one file are adjacent.
    """

    parts: tuple[Part, ...]

    @classmethod
    def of(cls, paths: list[Path]) -> Self:
        """All frames of some files.

        Raises:
            InputError: a file is missing or damaged, or has other beads or units than the first.
        """
        parts: list[Part] = []
        for path in paths:
            with H5mdReader(path) as reader:
                reader.check_units()
                parameters = reader.parameters
                walkers = reader.walkers_in_turn()
                for temperature, frames in reader.levels().items():
                    parts.append(Part(path, frames, parameters, temperature, walkers))
            first = parts[0].parameters
            for key, what in (("bead_names", "beads"), ("bonds", "bonds")):
                if parameters.get(key) != first.get(key):
                    raise InputError(f"{path}: has other {what} than {paths[0]}")
        return cls(tuple(parts))

    @property
    def parameters(self) -> dict[str, Any]:
        """Plain values that describe the beads, of the first file."""
        return self.parts[0].parameters

    def __len__(self) -> int:
        return sum(len(part.frames) for part in self.parts)

    def _each(self, choose: Callable[[Part], range]) -> Self:
        chosen = (dataclasses.replace(part, frames=choose(part)) for part in self.parts)
        return dataclasses.replace(self, parts=tuple(chosen))

    def __add__(self, other: "Dataset") -> "Dataset":
        return Dataset(self.parts + other.parts)

    def files(self) -> list["Dataset"]:
        """The frames of each file."""
        grouped = itertools.groupby(self.parts, key=lambda part: part.path)
        return [Dataset(tuple(parts)) for _, parts in grouped]

    def at_state_points(self) -> Self:
        """Only frames at the temperature of their file's state point, without hotter levels."""
        chosen = (p for p in self.parts if p.temperature == p.parameters.get("temperature"))
        return dataclasses.replace(self, parts=tuple(chosen))

    def stride(self, step: int) -> Self:
        """One frame in `step` of each file and temperature, from the first one.

        If that would leave out some of the walkers that alternate, it is one frame in `step` of
        each walker, and frames are ordered by walker.
        """
        parts: list[Part] = []
        for part in self.parts:
            apart = part.walkers if math.gcd(step, part.walkers) > 1 else 1
            for first in range(apart):
                frames = part.frames[first::apart][::step]
                walkers = part.walkers if apart == 1 else 1
                parts.append(dataclasses.replace(part, frames=frames, walkers=walkers))
        return dataclasses.replace(self, parts=tuple(parts))

    def window(self, begin: float, end: float) -> Self:
        """Frames with begin ≤ time < end, in ps.

        Raises:
            InputError: frames of a file are not in order of time.
        """

        def inside(part: Part) -> range:
            times = part.read(H5mdReader.times)
            if (np.diff(times) < 0).any():
                raise InputError(
                    f"{part.path}: has frames that are not in order of time, so no time window can "
                    "be cut from it"
                )
            first, last = np.searchsorted(times, [begin, end])
            return part.frames[first:last]

        return self._each(inside)

    def windows(self, windows: list[tuple[float, float]] | None) -> Self:
        """A separate time window for each file; None: everything.

        Raises:
            InputError: there are more or fewer windows than files, one holds no frame, or frames
                of a file are not in order of time.
        """
        if windows is None:
            return self
        files = self.files()
        if len(windows) != len(files):
            raise InputError(f"{len(windows)} time windows for {len(files)} datasets")
        found = []
        for file, (begin, end) in zip(files, windows, strict=True):
            cut = file.window(begin, end)
            if not len(cut):
                raise InputError(f"{file.parts[0].path}: has no frame from {begin:g} to {end:g} ps")
            found += cut.parts
        return dataclasses.replace(self, parts=tuple(found))

    def blocks(self, number: int) -> list["Dataset"]:
        """Contiguous time blocks, this many of each file, in order; see `block_numbers`."""

        def cut(part: Part, block: int) -> range:
            # Frame f of n is in block f·number // n.
            first, last = (-(-edge * len(part.frames) // number) for edge in (block, block + 1))
            return part.frames[first:last]

        return [
            file._each(functools.partial(cut, block=block))
            for file in self.files()
            for block in range(number)
        ]

    def block_numbers(self, number: int) -> np.ndarray:
        """Block of each frame over all files, shape (n,).

        Frames that copies of a system have at the same time, at whatever temperature, share it.
        """
        found = [
            np.arange(len(part.frames)) * number // max(1, len(part.frames)) + place * number
            for place, file in enumerate(self.files())
            for part in file.parts
        ]
        return np.concatenate(found)

    def chunks(self, size: int) -> Iterator["Dataset"]:
        """All frames in order, at most `size` at a time, each chunk of one part."""
        for part in self.parts:
            for start in range(0, len(part.frames), size):
                frames = part.frames[start : start + size]
                yield Dataset((dataclasses.replace(part, frames=frames),))

    def _read(self, function: Callable[[H5mdReader, slice], np.ndarray]) -> np.ndarray:
        whole, start = None, 0
        for part in self.parts:
            values = part.read(function)
            if len(self.parts) == 1:
                return values
            if whole is None:
                whole = np.empty((len(self), *values.shape[1:]), dtype=values.dtype)
            whole[start : start + len(values)] = values
            start += len(values)
        return whole

    def positions(self) -> np.ndarray:
        """nm, float32, shape (n, n_beads, 3)."""
        return self._read(H5mdReader.positions)

    def unperturbed_positions(self) -> np.ndarray:
        """Positions without the noise that the mapping adds; nm, float32, (n, n_beads, 3)."""
        return self._read(H5mdReader.unperturbed_positions)

    def forces(self) -> np.ndarray:
        """kJ/mol/nm, float32, shape (n, n_beads, 3)."""
        return self._read(H5mdReader.forces)

    def forces_of(self, frames: np.ndarray) -> np.ndarray:
        """Forces of some frames, read without the others; kJ/mol/nm, float32, (n, n_beads, 3).

        Args:
            frames: numbers of frames over all parts, ascending.
        """
        found, start = [], 0
        for chunk in self.chunks(CHUNK):
            first, last = np.searchsorted(frames, [start, start + len(chunk)])
            own, start = frames[first:last] - start, start + len(chunk)
            if len(own):
                part = chunk.parts[0]
                step = 1 if len(own) < 2 else int(np.gcd.reduce(np.diff(own)))
                wanted = part.frames[int(own[0]) : int(own[-1]) + 1 : step]
                forces = dataclasses.replace(part, frames=wanted).read(H5mdReader.forces)
                found.append(forces[(own - own[0]) // step])
        return np.concatenate(found) if found else self.forces()[:0]

    def boxes(self) -> np.ndarray | None:
        """Periodic box vectors in nm, in rows: float64, shape (n, 3, 3); None without a box.

        Raises:
            InputError: some files have a box and others have none.
        """
        found = [part.read(H5mdReader.boxes) for part in self.parts]
        have = [boxes is not None for boxes in found]
        if all(have) and have:
            return np.concatenate(found)
        if any(have):
            raise InputError(
                f"{self.parts[have.index(False)].path}: has no periodic box, but "
                f"{self.parts[have.index(True)].path} has one; give datasets of the same kind"
            )
        return None

    def times(self) -> np.ndarray:
        """ps, shape (n,)."""
        return self._read(H5mdReader.times)

    def observable(self, name: str) -> np.ndarray:
        """`bias_energy`, `log_weight` or `chain`, shape (n,)."""
        return self._read(lambda reader, frames: reader.observable(name, frames))

    def temperatures(self) -> np.ndarray:
        """K, float32, shape (n,)."""
        counts = [len(part.frames) for part in self.parts]
        values = [part.temperature for part in self.parts]
        return np.repeat(np.array(values, dtype=np.float32), counts)
