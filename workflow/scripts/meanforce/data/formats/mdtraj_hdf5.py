"""MDTraj's HDF5 trajectories, with forces where the array `forces` holds them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import h5py
import mdtraj
import numpy as np

from meanforce.data.formats.base import FileFrames, Opened, Units, opening, reading_frame

UNITS = {
    "coordinates": ("nanometers", "nanometer", "nm"),
    "forces": ("kilojoules/mole/nanometer", "kilojoule/mole/nanometer", "kJ/mol/nm"),
    "time": ("picoseconds", "picosecond", "ps"),
    "cell_lengths": ("nanometers", "nanometer", "nm"),
    "cell_angles": ("degrees", "degree"),
}
"""Units that an array may have; MDTraj writes no others."""


class MdtrajFile:
    """See `FrameFile`."""

    precision = None

    def __init__(self, path: Path, known: Opened) -> None:
        self.path, self._units = path, known.units or Units()
        with opening(path, "a complete MDTraj HDF5 file"):
            self._file = h5py.File(path, "r")
            self.n_frames, self.n_atoms, _ = self._file["coordinates"].shape
            self.has_forces = "forces" in self._file
            for name, allowed in UNITS.items():
                unit = self._file[name].attrs.get("units", allowed[0]) if self._has(name) else None
                text = unit.decode() if isinstance(unit, bytes) else unit
                if text is not None and text not in allowed:
                    raise ValueError(f"its '{name}' are in {text}, not in {allowed[0]}")

    def _has(self, name: str) -> bool:
        return name in self._file

    def blocks(self, start: int, stop: int, stride: int, size: int) -> Iterator[FileFrames]:
        """Frames start, start + stride, ... below stop, at most `size` at a time."""
        numbers = range(start, min(stop, self.n_frames), stride)
        for first in range(0, len(numbers), size):
            part = numbers[first : first + size]
            with reading_frame(self.path, part.start):
                yield self._block(slice(part.start, part.stop, part.step))

    def _block(self, frames: slice) -> FileFrames:
        boxes = None
        if self._has("cell_lengths") and self._has("cell_angles"):
            lengths = self._file["cell_lengths"][frames].astype(float)
            angles = self._file["cell_angles"][frames].astype(float)
            vectors = mdtraj.utils.lengths_and_angles_to_box_vectors(*lengths.T, *angles.T)
            boxes = np.stack(vectors, axis=1) * self._units.length
        forces = self._file["forces"][frames] if self.has_forces else None
        return FileFrames(
            positions=self._file["coordinates"][frames] * np.float32(self._units.length),
            forces=None if forces is None else forces * np.float32(self._units.force),
            times=self._file["time"][frames].astype(float) if self._has("time") else None,
            boxes=boxes,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: Any) -> None:
        self._file.close()
