"""Unbiased energies and forces of a trajectory's frames, in an HDF5 file with checksums.

Forces that a run kept itself are in the file of its trajectory.
"""

import contextlib
import json
from pathlib import Path
from typing import Self

import h5py
import numpy as np

from meanforce.data.hdf5 import new_file, reading
from meanforce.data.plain_chunks import OpenArray
from meanforce.data.trajectory import GROUP
from meanforce.errors import InputError
from meanforce.restart.records import RecordFile

BLOCK = 8 * 2**20
"""Bytes read or written at once."""

FORCE_UNIT = np.bytes_("kJ mol-1 nm-1")
"""Text of a fixed length, as in trajectories: another would have no checksum."""


def force_type(n_atoms: int) -> np.dtype:
    """Record of one frame: `energy` in kJ/mol and `forces` in kJ/mol/nm."""
    return np.dtype([("energy", "f8"), ("forces", "f4", (n_atoms, 3))])


def write_forces(path: Path, records: RecordFile, attributes: dict[str, str | float]) -> None:
    """Write the file from records of `force_type`.

    Raises:
        InputError: a force is not finite.
    """
    count, n_atoms = len(records), records.kind["forces"].shape[0]
    rows = max(1, min(count, BLOCK // records.kind.itemsize))
    with new_file(path) as file:
        forces = file.create_dataset(
            "forces", (count, n_atoms, 3), "f4", chunks=(rows, n_atoms, 3), fletcher32=True
        )
        energies = file.create_dataset(
            "potential_energy", (count,), "f8", chunks=(rows,), fletcher32=True
        )
        forces.attrs["unit"], energies.attrs["unit"] = FORCE_UNIT, np.bytes_("kJ mol-1")
        start = 0
        for block in records.blocks(rows):
            finite = np.isfinite(block["forces"]).all(axis=(1, 2))
            if not finite.all():
                bad = start + int(np.argmin(finite))
                raise InputError(f"frame {bad} of the trajectory has forces that are not finite")
            forces[start : start + len(block)] = block["forces"]
            energies[start : start + len(block)] = block["energy"]
            start += len(block)
        _describe(file, attributes)


class ForcesWriter:
    """Writes forces without energies, as many frames as come; a context manager.

    Args:
        path: HDF5 file to make.
        n_atoms: number of atoms.
    """

    def __init__(self, path: Path, n_atoms: int) -> None:
        self._open = contextlib.ExitStack()
        self._file = self._open.enter_context(new_file(path))
        rows = max(1, BLOCK // (12 * n_atoms))
        self._forces = OpenArray(self._file, "forces", (n_atoms, 3), "f4", rows)
        self._forces.dataset.attrs["unit"] = FORCE_UNIT

    def append(self, forces: np.ndarray) -> None:
        """Add frames: kJ/mol/nm, shape (n, n_atoms, 3)."""
        self._forces.append(forces)

    def finish(self, attributes: dict[str, str | float]) -> None:
        """Complete the file."""
        self._forces.close()
        _describe(self._file, attributes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error) -> bool | None:
        return self._open.__exit__(*error)


def _describe(file: h5py.File, attributes: dict[str, str | float]) -> None:
    for name, value in attributes.items():
        file.attrs[name] = np.bytes_(value) if isinstance(value, str) else value


class ForcesReader:
    """Reads forces by slices; a context manager.

    Args:
        path: file of forces, or a trajectory that holds forces.

    Attributes:
        n_frames: number of frames.
        n_atoms: number of atoms.
        rows: frames of a chunk; reading whole chunks checks each of them once.
        trajectory: which run the frames are of (`content` of its trajectory).
        pressure: mean pressure of the run and its standard error, bar, or None.

    Raises:
        InputError: the file is missing or damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._checked():
            self._file = h5py.File(path, "r")
            own = "forces" in self._file
            self._forces: h5py.Dataset = self._file["forces" if own else f"{GROUP}/forces"]
            self.n_frames, self.n_atoms = self._forces.shape[:2]
            self.rows: int = self._forces.chunks[0]
            if own:
                self.trajectory = self._file.attrs["trajectory"].decode()
            else:
                self.trajectory = json.loads(self._file[GROUP].attrs["settings"])["content"]
            pressure = [self._file.attrs.get(name) for name in ("pressure", "pressure_stderr")]
            self.pressure = None if None in pressure else (float(pressure[0]), float(pressure[1]))

    def _checked(self) -> contextlib.AbstractContextManager[None]:
        return reading(self._path, "file of forces")

    def forces(self, frames: slice) -> np.ndarray:
        """kJ/mol/nm, float32, shape (n, n_atoms, 3)."""
        with self._checked():
            return self._forces[frames]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused) -> None:
        self._file.close()
