"""NumPy archives, read piece by piece: `positions`, and where they exist `forces`, `time`, `box`.

The arrays of an archive are never in memory as a whole. Arrays of Python objects are pickles, which
can run code when they are read, and are refused.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Self

import numpy as np

from meanforce.data.formats.base import FileFrames, Opened, Units, opening, reading_frame
from meanforce.errors import InputError

ARRAYS = ("positions", "forces", "time", "box")
"""What may be in an archive, and the names by which it is found; a user may give others."""


class NpyStream:
    """An array of an archive, read row by row from its beginning.

    Attributes:
        shape: of the whole array.

    Raises:
        ValueError: it is not of real numbers, or in Fortran's order.
    """

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self._stream: IO[bytes] = archive.open(f"{name}.npy")
        version = np.lib.format.read_magic(self._stream)
        read = {(1, 0): np.lib.format.read_array_header_1_0}.get(
            version, np.lib.format.read_array_header_2_0
        )
        self.shape, fortran, self._kind = read(self._stream)
        if self._kind.hasobject:
            raise ValueError(f"'{name}' holds Python objects, a pickle, which is never opened")
        if self._kind.kind not in "fiu":
            raise ValueError(f"'{name}' is of type {self._kind}, not of real numbers")
        if fortran and len(self.shape) > 1:
            raise ValueError(
                f"'{name}' is stored in Fortran's order, which cannot be read frame by frame; save "
                "numpy.ascontiguousarray of it"
            )
        self._row = self._kind.itemsize * int(np.prod(self.shape[1:], dtype=int))

    def rows(self, count: int) -> np.ndarray:
        """The next rows, shape (count, ...)."""
        data = self._stream.read(count * self._row)
        if len(data) < count * self._row:
            raise EOFError("the array is shorter than its header requires")
        return np.frombuffer(data, self._kind).reshape(count, *self.shape[1:])


class NpzFile:
    """See `FrameFile`."""

    precision = None

    def __init__(self, path: Path, known: Opened) -> None:
        self.path, self._units = path, known.units or Units()
        with opening(path, "a complete NumPy archive"):
            self._archive = zipfile.ZipFile(path)
            members = {name.removesuffix(".npy") for name in self._archive.namelist()}
            self._names = {what: known.arrays.get(what, what) for what in ARRAYS}
            absent = [name for name in known.arrays.values() if name not in members]
            if self._names["positions"] not in members:
                absent.insert(0, self._names["positions"])
            if absent:
                raise ValueError(
                    f"there is no array '{absent[0]}'; there are: {', '.join(sorted(members))}"
                )
            self._names = {what: name for what, name in self._names.items() if name in members}
            shapes = {what: stream.shape for what, stream in self._streams().items()}
        self.n_frames, self.n_atoms = self._check(shapes)
        self.has_forces = "forces" in self._names

    def _streams(self) -> dict[str, NpyStream]:
        return {what: NpyStream(self._archive, name) for what, name in self._names.items()}

    def _check(self, shapes: dict[str, tuple[int, ...]]) -> tuple[int, int]:
        """Numbers of frames and atoms.

        Raises:
            InputError: shapes are not those of frames.
        """
        given = shapes["positions"]
        if len(given) != 3 or given[2] != 3:
            raise InputError(
                f"{self.path}: '{self._names['positions']}' has the shape {given}, not "
                "(frames, atoms, 3)"
            )
        wanted = {
            "forces": [given],
            "time": [given[:1]],
            "box": [(given[0], 3, 3), (3, 3), (given[0], 3), (3,)],
        }
        for what, allowed in wanted.items():
            if what in shapes and shapes[what] not in allowed:
                raise InputError(
                    f"{self.path}: '{self._names[what]}' has the shape {shapes[what]}, not "
                    f"{' or '.join(map(str, allowed))}"
                )
        return given[0], given[1]

    def blocks(self, start: int, stop: int, stride: int, size: int) -> Iterator[FileFrames]:
        """Frames start, start + stride, ... below stop, at most `size` at a time."""
        numbers = range(start, min(stop, self.n_frames), stride)
        with reading_frame(self.path, 0):
            streams = self._streams()
            box = self._constant_box(streams)
        at = 0
        for first in range(0, len(numbers), size):
            part = numbers[first : first + size]
            with reading_frame(self.path, part.start):
                # A compressed stream cannot jump: rows before the part are read in pieces.
                while at < part.start:
                    n = min(size, part.start - at)
                    for stream in streams.values():
                        stream.rows(n)
                    at += n
                span = part[-1] - part.start + 1
                rows = {what: one.rows(span)[:: part.step] for what, one in streams.items()}
                at += span
            yield self._block(rows, box)

    def _constant_box(self, streams: dict[str, NpyStream]) -> np.ndarray | None:
        """The box of all frames, where it is stored once."""
        if "box" not in streams or streams["box"].shape not in ((3, 3), (3,)):
            return None
        one = streams.pop("box")
        return one.rows(one.shape[0])

    def _block(self, rows: dict[str, np.ndarray], box: np.ndarray | None) -> FileFrames:
        n = len(rows["positions"])
        boxes = rows.get("box") if box is None else np.broadcast_to(box, (n, *box.shape))
        if boxes is not None and boxes.ndim == 2:
            boxes = boxes[:, :, None] * np.eye(3)
        length, force = np.float32(self._units.length), np.float32(self._units.force)
        times = rows.get("time")
        return FileFrames(
            positions=rows["positions"].astype(np.float32) * length,
            forces=rows["forces"].astype(np.float32) * force if self.has_forces else None,
            times=None if times is None else times.astype(float) * self._units.time,
            boxes=None if boxes is None else boxes.astype(float) * self._units.length,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: Any) -> None:
        self._archive.close()
