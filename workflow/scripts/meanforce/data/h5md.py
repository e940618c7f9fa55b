"""CG datasets and CG trajectories in H5MD; de Buyl, Colberg, Höfling, CPC 185, 1546 (2014).

One particles group, ``/particles/beads``, holds position (nm) and, in datasets, force
(kJ/mol/nm), and for periodic systems the box's edges (nm), frame by frame; MDAnalysis reads it.
If the mapping adds noise to positions, the positions without it are the element
`unperturbed_position` (nm). Scalars of the frames are observables: `bias_energy` (kJ/mol),
`log_weight` (of the unbiased ensemble), `chain` (walker, or chain of a CG run) and, if copies at
several temperatures alternate, `temperature` (K). Steps and times are the same for all and stored
once, as H5MD allows. Names and other texts that describe the beads lie in attributes of
``/parameters``. All arrays and all of HDF5's own tables carry checksums, so that a damaged file
cannot be read as a good one.
"""

import contextlib
import dataclasses
import json
import zlib
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np

from meanforce.core.topology import with_flat_parameters
from meanforce.data.chunks import GrowingArray
from meanforce.data.hdf5 import new_file, reading
from meanforce.errors import MAKE_AGAIN, InputError

BEADS = "particles/beads"
UNITS = {
    f"{BEADS}/position/value": "nm",
    f"{BEADS}/force/value": "kJ mol-1 nm-1",
    f"{BEADS}/position/time": "ps",
    f"{BEADS}/unperturbed_position/value": "nm",
}
OBSERVABLES = {"bias_energy": "kJ mol-1", "log_weight": "", "chain": ""}
"""Scalars of the frames and their units."""
TEMPERATURE = "observables/temperature"
EDGES = f"{BEADS}/box/edges"

EACH = "each"
"""In place of a box: each frame has its own box, which is given with the frame."""


@dataclasses.dataclass(frozen=True, eq=False)
class FrameBlock:
    """Consecutive frames of beads.

    Attributes:
        position: nm, shape (n, n_beads, 3).
        time: ps, shape (n,).
        bias_energy: kJ/mol, shape (n,).
        log_weight: of the unbiased ensemble, shape (n,).
        chain: walker, or chain of a CG run, shape (n,).
        force: kJ/mol/nm, shape (n, n_beads, 3), or None.
        temperature: K, shape (n,), in files where each frame has its own.
        unperturbed: positions without the noise of the mapping, nm, shape (n, n_beads, 3).
        boxes: periodic box vectors, nm, shape (n, 3, 3), in files where `EACH` frame has its own.
    """

    position: np.ndarray
    time: np.ndarray
    bias_energy: np.ndarray
    log_weight: np.ndarray
    chain: np.ndarray
    force: np.ndarray | None = None
    temperature: np.ndarray | None = None
    unperturbed: np.ndarray | None = None
    boxes: np.ndarray | None = None


class H5mdWriter:
    """Writes beads in blocks of frames; a context manager.

    Args:
        path: file to make.
        masses: u, shape (n_beads,).
        parameters: plain values that describe the beads (names, bonds, temperature, ...).
        with_forces: whether frames have forces.
        box: periodic box vectors in nm, rows of shape (3, 3), the same for all frames; `EACH`
            where they differ; None without.
        with_temperatures: whether each frame has a temperature of its own; the parameter
            `temperature` is then that of the state point.
        with_unperturbed: whether frames have positions without noise as well.

    Attributes:
        parameters: the plain values; what is added before the end is written as well.
    """

    def __init__(
        self,
        path: Path,
        masses: np.ndarray,
        parameters: dict[str, Any],
        with_forces: bool,
        box: np.ndarray | str | None = None,
        with_temperatures: bool = False,
        with_unperturbed: bool = False,
    ) -> None:
        self._making = new_file(path)
        self._file = self._making.__enter__()
        about = self._file.create_group("h5md")
        about.attrs["version"] = np.array([1, 1])
        about.create_group("author").attrs["name"] = "meanforce"
        creator = about.create_group("creator")
        creator.attrs["name"], creator.attrs["version"] = "meanforce", "1"
        beads = self._file.create_group(BEADS)
        masses = np.asarray(masses, dtype=np.float64)
        checked = {"chunks": True, "fletcher32": True}
        beads.create_dataset("mass", data=masses, **checked).attrs["unit"] = "u"
        beads.create_dataset("id", data=np.arange(len(masses)), **checked)
        place = beads.create_group("box")
        place.attrs["dimension"] = 3
        place.attrs["boundary"] = ["none" if box is None else "periodic"] * 3
        self._arrays: dict[str, GrowingArray] = {}
        each = (len(masses), 3)
        self._element(f"{BEADS}/position", each, "f4", "nm")
        if with_forces:
            self._element(f"{BEADS}/force", each, "f4", "kJ mol-1 nm-1")
        if with_unperturbed:
            self._element(f"{BEADS}/unperturbed_position", each, "f4", "nm")
        self._edges = None
        if isinstance(box, str):
            self._element(EDGES, (3, 3), "f8", "nm")
        elif box is not None:
            self._edges = _edges(np.asarray(box, dtype=np.float64))
            self._element(EDGES, self._edges.shape, "f8", "nm")
        for name, unit in OBSERVABLES.items():
            kind = "i4" if name == "chain" else "f8"
            self._element(f"observables/{name}", (), kind, unit)
        if with_temperatures:
            self._element(TEMPERATURE, (), "f8", "K")
        self.parameters = dict(parameters)
        self._checksums = {"mass": zlib.crc32(masses)}
        self._length = 0

    def _element(self, name: str, item: tuple[int, ...], kind: str, unit: str) -> None:
        """Make an H5MD element of the frames; all share steps and times."""
        group = self._file.create_group(name)
        self._arrays[name] = GrowingArray(group, "value", item, kind)
        if unit:
            self._arrays[name].dataset.attrs["unit"] = unit
        if "time" not in self._arrays:
            self._arrays["step"] = GrowingArray(group, "step", (), "i8")
            self._arrays["time"] = GrowingArray(group, "time", (), "f8")
            self._arrays["time"].dataset.attrs["unit"] = "ps"
        else:
            for shared in ("step", "time"):
                group[shared] = self._arrays[shared].dataset

    def append(self, frames: FrameBlock) -> None:
        """Add frames."""
        n = len(frames.time)
        boxes = frames.boxes
        if self._edges is not None:
            boxes = np.broadcast_to(self._edges, (n, *self._edges.shape))
        values = {
            f"{BEADS}/position": frames.position,
            f"{BEADS}/force": frames.force,
            f"{BEADS}/unperturbed_position": frames.unperturbed,
            "time": frames.time,
            "observables/bias_energy": frames.bias_energy,
            "observables/log_weight": frames.log_weight,
            "observables/chain": frames.chain,
            TEMPERATURE: frames.temperature,
            EDGES: boxes,
        }
        for name, block in values.items():
            if block is None:
                continue
            self._arrays[name].append(block)
        self._arrays["step"].append(np.arange(self._length, self._length + n))
        self._length += n

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind, *error) -> None:
        if kind is None:
            for name, array in self._arrays.items():
                array.close()
                self._checksums[name] = array.checksum
            text = json.dumps(self.parameters, sort_keys=True)
            self._checksums["json"] = zlib.crc32(text.encode())
            checksum = zlib.crc32(json.dumps(self._checksums, sort_keys=True).encode())
            # Texts of a fixed length, as in trajectories: others would have no checksum.
            group = self._file.create_group("parameters")
            group.attrs["json"] = np.bytes_(text)
            group.attrs["content"] = np.bytes_(f"{self._length}-{checksum:08x}")
        self._making.__exit__(kind, *error)


def _edges(box: np.ndarray) -> np.ndarray:
    """Edges in H5MD's form: lengths of a cuboid, shape (3,), otherwise rows of shape (3, 3)."""
    lengths = np.diagonal(box)
    return lengths.copy() if np.array_equal(box, np.diag(lengths)) else box


class H5mdReader:
    """Reads what `H5mdWriter` wrote; a context manager.

    Attributes:
        parameters: the plain values that describe the beads; those of molecule types also bead by
            bead.
        content: identifies the file, independent of its name.

    Raises:
        InputError: the file is missing, damaged, or of another kind.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._checked():
            self._file = h5py.File(path, "r")
            attributes = self._file["parameters"].attrs
            self.parameters: dict[str, Any] = with_flat_parameters(json.loads(attributes["json"]))
            self.content: str = attributes["content"].decode()
            self._frames = range(len(self._file[f"{BEADS}/position/value"]))

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return len(self._frames)

    def _checked(self) -> contextlib.AbstractContextManager[None]:
        return reading(self._path, "H5MD file of beads")

    def _read(self, name: str, frames: slice = slice(None)) -> np.ndarray:
        chosen = self._frames[frames]
        if not len(chosen):
            chosen = range(0)
        with self._checked():
            return self._file[name][chosen.start : chosen.stop : chosen.step]

    def levels(self) -> dict[float | None, range]:
        """Numbers of the frames of each temperature (K); temperatures alternate in this order.

        None stands for a temperature that is not in the file.

        Raises:
            InputError: frames of different temperatures do not alternate.
        """
        count = len(self._file[f"{BEADS}/position/value"])
        if TEMPERATURE not in self._file:
            return {self.parameters.get("temperature"): range(count)}
        with self._checked():
            values = self._file[f"{TEMPERATURE}/value"][:]
        known = list(dict.fromkeys(values.tolist()))
        if not np.array_equal(values, np.resize(known, count)) or count % max(1, len(known)):
            raise InputError(
                f"{self._path}: has frames of several temperatures that do not alternate"
            )
        return {one: range(n, count, len(known)) for n, one in enumerate(known)}

    def walkers_in_turn(self) -> int:
        """Number of walkers of one temperature that alternate, frame by frame; 1 if none do."""
        walkers = self.observable("chain")
        known = list(dict.fromkeys(walkers.tolist()))
        regular = np.array_equal(walkers, np.resize(known, len(walkers)))
        return len(known) if regular and len(walkers) and len(self.levels()) == 1 else 1

    def keep_own_temperature(self) -> None:
        """Read from now on only frames at the temperature of the file's state point.

        Raises:
            InputError: there are none.
        """
        own, levels = self.parameters.get("temperature"), self.levels()
        if own not in levels:
            raise InputError(f"{self._path}: has no frames at its own temperature of {own} K")
        self._frames = levels[own]

    @property
    def masses(self) -> np.ndarray:
        """Bead masses in u, shape (n_beads,)."""
        with self._checked():
            return self._file[f"{BEADS}/mass"][:]

    def positions(self, frames: slice = slice(None)) -> np.ndarray:
        """nm, float32, shape (n, n_beads, 3)."""
        return self._read(f"{BEADS}/position/value", frames)

    def unperturbed_positions(self, frames: slice = slice(None)) -> np.ndarray:
        """Positions without noise, if the mapping adds any.

        Returns:
            nm, float32, shape (n, n_beads, 3).

        Raises:
            InputError: the file has noise, but not the positions without it.
        """
        name = f"{BEADS}/unperturbed_position"
        with self._checked():
            stored = name in self._file
        if stored:
            return self._read(f"{name}/value", frames)
        if self.parameters.get("noise"):
            raise InputError(
                f"{self._path}: has noise on its positions, but does not hold them without it; "
                f"{MAKE_AGAIN}"
            )
        return self.positions(frames)

    def forces(self, frames: slice = slice(None)) -> np.ndarray:
        """kJ/mol/nm, float32, shape (n, n_beads, 3)."""
        return self._read(f"{BEADS}/force/value", frames)

    def times(self, frames: slice = slice(None)) -> np.ndarray:
        """ps, shape (n,)."""
        return self._read(f"{BEADS}/position/time", frames)

    def observable(self, name: str, frames: slice = slice(None)) -> np.ndarray:
        """A scalar of `OBSERVABLES`, shape (n,)."""
        return self._read(f"observables/{name}/value", frames)

    def box(self) -> np.ndarray | None:
        """The box of all frames, nm, shape (3, 3); None without a box or without frames.

        Raises:
            InputError: frames have different boxes.
        """
        boxes = self.boxes()
        if boxes is None or not len(boxes):
            return None
        if (boxes != boxes[0]).any():
            raise InputError(
                f"{self._path}: has a periodic box that changes from frame to frame; allowed here "
                "are frames at constant volume"
            )
        return boxes[0]

    def boxes(self, frames: slice = slice(None)) -> np.ndarray | None:
        """Periodic box vectors in nm, in rows: float64, shape (n, 3, 3); None without a box."""
        with self._checked():
            periodic = EDGES in self._file
        if not periodic:
            return None
        edges = self._read(f"{EDGES}/value", frames)
        return edges if edges.ndim == 3 else edges[:, :, None] * np.eye(3)

    def check_units(self) -> None:
        """Check that positions, forces and times have the units of this project.

        Raises:
            InputError: they have other units.
        """
        for name, wanted in UNITS.items():
            with self._checked():
                unit = self._file[name].attrs.get("unit") if name in self._file else wanted
            if unit != wanted:
                raise InputError(f"{self._path}: has {name} in '{unit}', not in '{wanted}'")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused) -> None:
        self._file.close()


def contents(paths: list[Path]) -> dict[str, str]:
    """What identifies the contents of datasets, by place in the list and path.

    Raises:
        InputError: a file is missing or damaged.
    """
    found = {}
    for number, path in enumerate(paths, 1):
        with H5mdReader(path) as reader:
            found[f"{number} {path}"] = reader.content
    return found
