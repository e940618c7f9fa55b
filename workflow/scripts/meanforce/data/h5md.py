"""CG datasets and CG trajectories in H5MD; de Buyl, Colberg, Höfling, CPC 185, 1546 (2014).

One particles group, ``/particles/beads``, holds position (nm) and, in datasets, force
(kJ/mol/nm), frame by frame; MDAnalysis reads it. Scalars of the frames are observables:
`bias_energy` (kJ/mol), `log_weight` (of the unbiased ensemble), `chain` (replica, or chain of a
CG run). Names and other texts that describe the beads lie in attributes of ``/parameters``. All
arrays and all of HDF5's own tables carry checksums, so that a damaged file cannot be read as a
good one.
"""

import contextlib
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np

from meanforce.data.hdf5 import new_file
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
        self._making = new_file(path)
        self._file = self._making.__enter__()
        about = self._file.create_group("h5md")
        about.attrs["version"] = np.array([1, 1])
        about.create_group("author").attrs["name"] = "meanforce"
        creator = about.create_group("creator")
        creator.attrs["name"], creator.attrs["version"] = "meanforce", "1"
        beads = self._file.create_group(BEADS)
        box = beads.create_group("box")
        box.attrs["dimension"] = 3
        box.attrs["boundary"] = ["none", "none", "none"]
        masses = np.asarray(masses, dtype=np.float64)
        checked = {"chunks": True, "fletcher32": True}
        beads.create_dataset("mass", data=masses, **checked).attrs["unit"] = "u"
        beads.create_dataset("id", data=np.arange(len(masses)), **checked)
        self._elements = {"position": "nm"} | ({"force": "kJ mol-1 nm-1"} if with_forces else {})
        for name, unit in self._elements.items():
            self._timed(beads.create_group(name), (len(masses), 3), "f4", unit)
        self._observables = {"bias_energy": "kJ mol-1", "log_weight": "", "chain": ""}
        group = self._file.create_group("observables")
        for name, unit in self._observables.items():
            self._timed(group.create_group(name), (), "i4" if name == "chain" else "f8", unit)
        text = json.dumps(parameters, sort_keys=True)
        # Texts of a fixed length, as in trajectories: others would have no checksum.
        self._file.create_group("parameters").attrs["json"] = np.bytes_(text)
        self._checksums = {"json": zlib.crc32(text.encode()), "mass": zlib.crc32(masses)}

    def _timed(self, group: h5py.Group, shape: tuple[int, ...], kind: str, unit: str) -> None:
        def growing(name: str, item: tuple[int, ...], kind: str) -> h5py.Dataset:
            return group.create_dataset(
                name,
                (0, *item),
                kind,
                maxshape=(None, *item),
                chunks=(CHUNK, *item),
                fletcher32=True,
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
                dataset = group[part]
                data = np.ascontiguousarray(data, dtype=dataset.dtype)
                dataset.resize(new, axis=0)
                dataset[old:new] = data
                place = f"{name}/{part}"
                self._checksums[place] = zlib.crc32(data, self._checksums.get(place, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind, *error) -> None:
        if kind is None:
            n_frames = len(self._file[f"{BEADS}/position/time"])
            checksum = zlib.crc32(json.dumps(self._checksums, sort_keys=True).encode())
            content = np.bytes_(f"{n_frames}-{checksum:08x}")
            self._file["parameters"].attrs["content"] = content
        self._making.__exit__(kind, *error)


class H5mdReader:
    """Reads what `H5mdWriter` wrote; a context manager.

    Attributes:
        parameters: the plain values that describe the beads.
        content: tells the file from others, whatever they are called.
        n_frames: number of frames.

    Raises:
        InputError: the file is missing, damaged, or no such file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._checked():
            self._file = h5py.File(path, "r")
            attributes = self._file["parameters"].attrs
            self.parameters: dict[str, Any] = json.loads(attributes["json"])
            self.content: str = attributes["content"].decode()
            self.n_frames = len(self._file[f"{BEADS}/position/value"])

    @contextlib.contextmanager
    def _checked(self) -> Iterator[None]:
        try:
            yield
        except (OSError, LookupError, RuntimeError, ValueError, TypeError, AttributeError) as error:
            raise InputError(
                f"{self._path}: is not a complete H5MD file of beads ({error}); delete it, so "
                "that it is made again"
            ) from error

    def _read(self, name: str, frames: slice = slice(None)) -> np.ndarray:
        with self._checked():
            return self._file[name][frames]

    @property
    def masses(self) -> np.ndarray:
        """Bead masses in u, shape (n_beads,)."""
        return self._read(f"{BEADS}/mass")

    def positions(self, frames: slice = slice(None)) -> np.ndarray:
        """nm, float32, shape (n, n_beads, 3)."""
        return self._read(f"{BEADS}/position/value", frames)

    def forces(self, frames: slice = slice(None)) -> np.ndarray:
        """kJ/mol/nm, float32, shape (n, n_beads, 3)."""
        return self._read(f"{BEADS}/force/value", frames)

    def times(self) -> np.ndarray:
        """ps, shape (n_frames,)."""
        return self._read(f"{BEADS}/position/time")

    def observable(self, name: str) -> np.ndarray:
        """`bias_energy`, `log_weight` or `chain`, shape (n_frames,)."""
        return self._read(f"observables/{name}/value")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused) -> None:
        self._file.close()


def contents(paths: list[Path]) -> dict[str, str]:
    """What tells datasets from others, by place in the list and path.

    Raises:
        InputError: a file is missing or damaged.
    """
    found = {}
    for number, path in enumerate(paths, 1):
        with H5mdReader(path) as reader:
            found[f"{number} {path}"] = reader.content
    return found
