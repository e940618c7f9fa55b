"""Atomistic trajectories: MDTraj HDF5 files with the bias and in-run forces beside the frames.

MDTraj reads the coordinates; everything of ours lies in the group ``/meanforce``: `bias_energy`
and `bias_energy_shifted` (V and V − c(t), kJ/mol, one per frame), `checked_frames` and
`checked_forces` (unbiased in-run forces, kJ/mol/nm), and what the bias recorded.
"""

import json
from pathlib import Path
from typing import Any, Self

import h5py
import mdtraj
import numpy as np
from mdtraj.formats import HDF5TrajectoryFile
from openmm import app

from meanforce.errors import InputError

BUFFER = 2000
GROUP = "meanforce"


class TrajectoryWriter:
    """Writes frames one by one, buffered; a context manager."""

    def __init__(self, path: Path, topology: app.Topology) -> None:
        self._path = path
        self._file = HDF5TrajectoryFile(str(path), "w", force_overwrite=True)
        self._file.topology = mdtraj.Topology.from_openmm(topology)
        self._positions: list[np.ndarray] = []
        self._times: list[float] = []
        self._energies: list[float] = []
        self._shifted: list[float] = []
        self._checked: list[int] = []
        self._checked_forces: list[np.ndarray] = []
        self._extra: dict[str, np.ndarray] = {}
        self._attributes: dict[str, Any] = {}

    def append(
        self,
        positions: np.ndarray,
        time: float,
        bias_energy: float,
        shifted: float,
        forces: np.ndarray | None,
    ) -> None:
        """Add a frame: positions in nm, shape (n_atoms, 3); time in ps; energies in kJ/mol.

        `forces` are the unbiased in-run forces, shape (n_atoms, 3), where they were asked for.
        """
        if forces is not None:
            self._checked.append(len(self._energies))
            self._checked_forces.append(forces)
        self._positions.append(positions.astype(np.float32))
        self._times.append(time)
        self._energies.append(bias_energy)
        self._shifted.append(shifted)
        if len(self._positions) >= BUFFER:
            self._flush()

    def store(self, name: str, values: np.ndarray) -> None:
        """Add an array to the group ``/meanforce``."""
        self._extra[name] = np.asarray(values)

    def store_attributes(self, **attributes: Any) -> None:
        """Add plain values to the group ``/meanforce``."""
        self._attributes |= attributes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind, error, traceback) -> None:
        if kind is not None:
            self._file.close()
            return
        self._flush()
        self._file.close()
        arrays = {
            "bias_energy": np.array(self._energies),
            "bias_energy_shifted": np.array(self._shifted),
            "checked_frames": np.array(self._checked),
            "checked_forces": np.array(self._checked_forces, dtype=np.float32),
        }
        with h5py.File(self._path, "r+") as file:
            group = file.create_group(GROUP)
            for name, values in (arrays | self._extra).items():
                group.create_dataset(name, data=values)
            group.attrs["settings"] = json.dumps(self._attributes, sort_keys=True)

    def _flush(self) -> None:
        if self._positions:
            self._file.write(
                np.array(self._positions), time=np.array(self._times[-len(self._positions) :])
            )
            self._positions = []


class TrajectoryReader:
    """Reads frames by slices; a context manager.

    Raises:
        InputError: the file is missing or is no trajectory of ours.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = h5py.File(path, "r")
            group = self._file[GROUP]
            self.attributes: dict[str, Any] = json.loads(group.attrs["settings"])
            self.n_frames, self.n_atoms = self._file["coordinates"].shape[:2]
        except (OSError, KeyError) as error:
            raise InputError(f"{path}: is not a complete trajectory ({error})") from error

    def positions(self, frames: slice) -> np.ndarray:
        """Positions in nm, float32, shape (n, n_atoms, 3)."""
        return self._file["coordinates"][frames]

    def times(self) -> np.ndarray:
        """Times in ps, shape (n_frames,)."""
        return self._file["time"][:]

    def array(self, name: str) -> np.ndarray:
        """An array of the group ``/meanforce``."""
        return self._file[GROUP][name][:]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused) -> None:
        self._file.close()
