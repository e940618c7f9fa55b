"""Writes atomistic trajectories; `meanforce.data.trajectory` describes and reads the files."""

import contextlib
import json
import zlib
from pathlib import Path
from typing import Any, Self

import h5py
import mdtraj
import numpy as np
from mdtraj.formats import HDF5TrajectoryFile
from openmm import app

from meanforce.data.forces import FORCE_UNIT
from meanforce.data.hdf5 import new_file
from meanforce.data.plain_chunks import FixedArray, OpenArray
from meanforce.data.trajectory import BLOCK, BOXES, GROUP
from meanforce.restart.records import RecordFile


def frame_type(
    n_atoms: int, n_variables: int, has_levels: bool = False, has_forces: bool = False
) -> np.dtype:
    """Record of one frame while it waits to become part of a trajectory."""
    return np.dtype(
        [
            ("time", "f8"),
            ("bias_energy", "f8"),
            ("log_weight", "f8"),
            ("walker", "i4"),
            *([("temperature", "f8")] if has_levels else []),
            ("variables", "f8", (n_variables,)),
            *([("forces", "f4", (n_atoms, 3))] if has_forces else []),
            ("positions", "f4", (n_atoms, 3)),
        ]
    )


def write_trajectory(
    path: Path,
    topology: app.Topology | mdtraj.Topology,
    frames: RecordFile,
    box: np.ndarray | None,
    arrays: dict[str, np.ndarray],
    attributes: dict[str, Any],
) -> None:
    """Write a trajectory from its records.

    Args:
        path: HDF5 file to make.
        topology: of the atoms.
        frames: records of `frame_type`.
        box: periodic box vectors in nm, shape (3, 3), or None.
        arrays: further arrays of the group ``/meanforce``.
        attributes: plain values that describe the run.
    """
    count, _ = frames.position()
    with TrajectoryWriter(path, topology, frames.kind, box is not None, count) as writer:
        for block in frames.blocks(writer.rows):
            writer.append(block, box)
        writer.finish(arrays, attributes)


class TrajectoryWriter:
    """Writes frames block by block; a context manager.

    Args:
        path: HDF5 file to make.
        topology: of the atoms.
        kind: type of the frames' records, of `frame_type`.
        periodic: whether frames have a box.
        count: number of frames; None: as many as come.

    Attributes:
        rows: frames of a chunk, the best size of a block.
        content: identifies the frames, once all have been added.
    """

    def __init__(
        self,
        path: Path,
        topology: app.Topology | mdtraj.Topology,
        kind: np.dtype,
        periodic: bool,
        count: int | None = None,
    ) -> None:
        self._kind, self._count, self._length, self._checksum = kind, count, 0, 0
        self.rows = max(1, BLOCK // kind.itemsize)
        if count is not None:
            self.rows = max(1, min(count, self.rows))
        self._first_box, self._same_box = None, True
        self._open = contextlib.ExitStack()
        self._file = self._open.enter_context(new_file(path))
        about = {"conventions": "Pande", "conventionVersion": "1.1", "program": "meanforce"}
        for name, text in about.items():
            self._file.attrs[name] = np.bytes_(text)
        text = np.array([_topology_text(topology)])
        self._file.create_dataset("topology", data=text, chunks=True, fletcher32=True)
        self._group = group = self._file.create_group(GROUP)
        atoms = kind["positions"].shape
        self._places = {
            "positions": self._array(self._file, "coordinates", atoms, "f4", "nanometers"),
            "time": self._array(self._file, "time", (), "f8", "picoseconds"),
            "bias_energy": self._array(group, "bias_energy", (), "f8"),
            "log_weight": self._array(group, "log_weight", (), "f8"),
            "walker": self._array(group, "walker", (), "i4"),
        }
        if "temperature" in kind.names:
            self._places["temperature"] = self._array(group, "temperature", (), "f8", "kelvin")
        if "forces" in kind.names:
            self._places["forces"] = self._array(group, "forces", atoms, "f4")
            self._places["forces"].dataset.attrs["unit"] = FORCE_UNIT
        self._n_variables = kind["variables"].shape[0]
        if self._n_variables:
            self._places["variables"] = self._array(group, "variables", (self._n_variables,), "f8")
        self._cells = ()
        if periodic:
            self._cells = (
                self._array(self._file, "cell_lengths", (3,), "f4", "nanometers"),
                self._array(self._file, "cell_angles", (3,), "f4", "degrees"),
            )
        # Of one box alone the attributes are enough.
        keeps_boxes = periodic and count is None
        self._boxes = self._array(group, BOXES, (3, 3), "f8", "nanometers") if keeps_boxes else None

    def _array(
        self, place: h5py.Group, name: str, item: tuple[int, ...], kind: str, unit: str = ""
    ) -> OpenArray | FixedArray:
        if self._count is None:
            array = OpenArray(place, name, item, kind, self.rows)
        else:
            array = FixedArray(place, name, (self._count, *item), kind, self.rows)
        if unit:
            array.dataset.attrs["units"] = np.bytes_(unit)
        return array

    def append(self, records: np.ndarray, boxes: np.ndarray | None = None) -> None:
        """Add frames.

        Args:
            records: of the type `kind`, shape (n,).
            boxes: periodic box vectors in nm, shape (3, 3), or (n, 3, 3) where they may differ.
        """
        for name, array in self._places.items():
            array.append(records[name])
        self._length += len(records)
        self._checksum = zlib.crc32(np.ascontiguousarray(records, self._kind), self._checksum)
        if boxes is None or not len(records):
            return
        boxes = np.broadcast_to(boxes, (len(records), 3, 3))
        if self._first_box is None:
            self._first_box = boxes[0].copy()
        self._same_box = self._same_box and bool((boxes == self._first_box).all())
        for array, values in zip(self._cells, _cells(boxes), strict=True):
            array.append(values)
        if self._boxes is not None:
            self._boxes.append(boxes)

    @property
    def content(self) -> str:
        """Identifies the frames."""
        return f"{self._length}-{self._checksum:08x}"

    def finish(self, arrays: dict[str, np.ndarray], attributes: dict[str, Any]) -> None:
        """Complete the file.

        Args:
            arrays: further arrays of the group ``/meanforce``.
            attributes: plain values that describe the run.
        """
        kept = (*self._places.values(), *self._cells)
        for array in kept if self._boxes is None else (*kept, self._boxes):
            array.close()
        for name, values in arrays.items():
            values = np.asarray(values)
            # HDF5 takes no checksum of arrays without elements.
            chunks = {"chunks": True, "fletcher32": True} if values.size else {}
            self._group.create_dataset(name, data=values, **chunks)
        box = None if self._first_box is None else self._first_box.tolist()
        known = attributes | {
            "content": self.content,
            "n_variables": self._n_variables,
            "box": box if self._same_box else BOXES,
        }
        self._group.attrs["settings"] = np.bytes_(json.dumps(known, sort_keys=True))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error) -> bool | None:
        return self._open.__exit__(*error)


def _topology_text(topology: app.Topology | mdtraj.Topology) -> bytes:
    """MDTraj's own JSON text of a topology."""
    if isinstance(topology, app.Topology):
        topology = mdtraj.Topology.from_openmm(topology)
    plain = HDF5TrajectoryFile.convert_topology_to_dict(topology)
    return json.dumps(plain).encode("ascii")


def _cells(boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lengths in nm and angles in degrees of periodic boxes, shape (n, 3) each."""
    if (boxes == boxes[0]).all():
        # The conversion of each box would take as long as writing its frame.
        one = mdtraj.utils.box_vectors_to_lengths_and_angles(*boxes[0])
        return tuple(np.broadcast_to(part, (len(boxes), 3)) for part in (one[:3], one[3:]))
    each = np.stack(mdtraj.utils.box_vectors_to_lengths_and_angles(*boxes.swapaxes(0, 1)), axis=1)
    return each[:, :3], each[:, 3:]
