"""CG datasets and CG trajectories in H5MD; de Buyl, Colberg, Höfling, CPC 185, 1546 (2014).

One particles group, ``/particles/beads``, holds position (nm) and, in datasets, force
(kJ/mol/nm), frame by frame; MDAnalysis reads it. Scalars of the frames are observables:
`bias_energy` (kJ/mol), `log_weight` (of the unbiased ensemble), `chain` (replica, or chain of a
CG run). Names and other texts that describe the beads lie in attributes of ``/parameters``.
"""

import json
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np

from meanforce.errors import InputError

BEADS = "particles/beads"
CHUNK = 1000


class H5mdWriter:
    """Writes beads in blocks of frames; a context manager.

    Args:
        path: file to make.
        masses: u, shape (n_beads,).
        parameters: plain values that describe the beads (names, bonds, temperature, ...).
        with_forces: whether frames have forces.
    """

    def __init__(
        self, path: Path, masses: np.ndarray, parameters: dict[str, Any], with_forces: bool
    ) -> None:
        self._file = h5py.File(path, "w")
        about = self._file.create_group("h5md")
        about.attrs["version"] = np.array([1, 1])
        about.create_group("author").attrs["name"] = "meanforce"
        creator = about.create_group("creator")
        creator.attrs["name"], creator.attrs["version"] = "meanforce", "1"
        beads = self._file.create_group(BEADS)
        box = beads.create_group("box")
        box.attrs["dimension"] = 3
        box.attrs["boundary"] = ["none", "none", "none"]
        beads.create_dataset("mass", data=np.asarray(masses, dtype=np.float64)).attrs["unit"] = "u"
        beads.create_dataset("id", data=np.arange(len(masses)))
        self._n_beads = len(masses)
        self._elements = {"position": "nm"} | ({"force": "kJ mol-1 nm-1"} if with_forces else {})
        for name, unit in self._elements.items():
            self._timed(beads.create_group(name), (len(masses), 3), "f4", unit)
        self._observables = {"bias_energy": "kJ mol-1", "log_weight": "", "chain": ""}
        group = self._file.create_group("observables")
        for name, unit in self._observables.items():
            self._timed(group.create_group(name), (), "i4" if name == "chain" else "f8", unit)
        self._file.create_group("parameters").attrs["json"] = json.dumps(parameters, sort_keys=True)

    def _timed(self, group: h5py.Group, shape: tuple[int, ...], kind: str, unit: str) -> None:
        def growing(name: str, item: tuple[int, ...], kind: str) -> h5py.Dataset:
            return group.create_dataset(
                name, (0, *item), kind, maxshape=(None, *item), chunks=(CHUNK, *item)
            )

        value = growing("value", shape, kind)
        if unit:
            value.attrs["unit"] = unit
        growing("step", (), "i8")
        growing("time", (), "f8").attrs["unit"] = "ps"

    def append(
        self,
        position: np.ndarray,
        time: np.ndarray,
        bias_energy: np.ndarray,
        log_weight: np.ndarray,
        chain: np.ndarray,
        force: np.ndarray | None = None,
    ) -> None:
        """Add frames: arrays of n frames in nm, ps, kJ/mol; positions (n, n_beads, 3)."""
        values = {
            f"{BEADS}/position": position,
            f"{BEADS}/force": force,
            "observables/bias_energy": bias_energy,
            "observables/log_weight": log_weight,
            "observables/chain": chain,
        }
        for name, block in values.items():
            if block is None:
                continue
            group = self._file[name]
            old = len(group["time"])
            new = old + len(time)
            for part, data in (("value", block), ("step", np.arange(old, new)), ("time", time)):
                group[part].resize(new, axis=0)
                group[part][old:new] = data

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused) -> None:
        self._file.close()


class H5mdReader:
    """Reads what `H5mdWriter` wrote; a context manager.

    Attributes:
        parameters: the plain values that describe the beads.
        n_frames: number of frames.

    Raises:
        InputError: the file is missing or is no such file.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = h5py.File(path, "r")
            self.parameters: dict[str, Any] = json.loads(self._file["parameters"].attrs["json"])
            self.n_frames = len(self._file[f"{BEADS}/position/value"])
        except (OSError, KeyError) as error:
            raise InputError(f"{path}: is not a complete H5MD file of beads ({error})") from error

    @property
    def masses(self) -> np.ndarray:
        """Bead masses in u, shape (n_beads,)."""
        return self._file[f"{BEADS}/mass"][:]

    def positions(self, frames: slice = slice(None)) -> np.ndarray:
        """nm, float32, shape (n, n_beads, 3)."""
        return self._file[f"{BEADS}/position/value"][frames]

    def forces(self, frames: slice = slice(None)) -> np.ndarray:
        """kJ/mol/nm, float32, shape (n, n_beads, 3)."""
        return self._file[f"{BEADS}/force/value"][frames]

    def times(self) -> np.ndarray:
        """ps, shape (n_frames,)."""
        return self._file[f"{BEADS}/position/time"][:]

    def observable(self, name: str) -> np.ndarray:
        """`bias_energy`, `log_weight` or `chain`, shape (n_frames,)."""
        return self._file[f"observables/{name}/value"][:]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused) -> None:
        self._file.close()
