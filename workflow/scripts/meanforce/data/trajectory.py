"""Atomistic trajectories: MDTraj HDF5 files with the bias and in-run forces beside the frames.

MDTraj reads the coordinates; all other data are in the group ``/meanforce``, by frame:
`bias_energy` (V, kJ/mol), `log_weight` ((V − c(t))/kT, of the unbiased ensemble), `walker`,
`variables` (values of the biased collective variables, nm or rad) and, for replica exchange,
`temperature` (K), with alternating frames of all levels; `checked_frames`, `checked_forces` and
`checked_bias_forces` (in-run forces without the bias and, if there is one, of the bias alone,
kJ/mol/nm); and records of the bias. All arrays and all of HDF5's own tables carry checksums, so
that a damaged file cannot be read as a good one. Texts have a fixed length: HDF5 keeps others in a
heap without checksums, and a damaged heap can even cause endless reading.
"""

import contextlib
import json
from pathlib import Path
from typing import Any, Self

import h5py
import mdtraj
import numpy as np
from mdtraj.formats import HDF5TrajectoryFile
from openmm import app

from meanforce.data.hdf5 import new_file, reading
from meanforce.restart.records import RecordFile

BLOCK = 4 * 2**20
"""Bytes read or written at once."""
GROUP = "meanforce"
FRAME_ARRAYS = ("bias_energy", "log_weight", "walker", "variables")


def frame_type(n_atoms: int, n_variables: int, has_levels: bool = False) -> np.dtype:
    """Record of one frame while it waits to become part of a trajectory."""
    return np.dtype(
        [
            ("time", "f8"),
            ("bias_energy", "f8"),
            ("log_weight", "f8"),
            ("walker", "i4"),
            *([("temperature", "f8")] if has_levels else []),
            ("variables", "f8", (n_variables,)),
            ("positions", "f4", (n_atoms, 3)),
        ]
    )


def write_trajectory(
    path: Path,
    topology: app.Topology,
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
    count, checksum = frames.position()
    n_atoms = topology.getNumAtoms()
    n_variables = frames.kind["variables"].shape[0]
    with new_file(path) as file:
        about = {"conventions": "Pande", "conventionVersion": "1.1", "program": "meanforce"}
        for name, text in about.items():
            file.attrs[name] = np.bytes_(text)
        text = np.array([_topology_text(topology)])
        file.create_dataset("topology", data=text, chunks=True, fletcher32=True)
        rows = max(1, min(count, BLOCK // frames.kind.itemsize))

        def growing(place: h5py.Group, name: str, shape: tuple[int, ...], kind: str, unit: str):
            dataset = place.create_dataset(
                name, (count, *shape), kind, chunks=(rows, *shape), fletcher32=True
            )
            if unit:
                dataset.attrs["units"] = np.bytes_(unit)
            return dataset

        group = file.create_group(GROUP)
        places = {
            "positions": growing(file, "coordinates", (n_atoms, 3), "f4", "nanometers"),
            "time": growing(file, "time", (), "f8", "picoseconds"),
            "bias_energy": growing(group, "bias_energy", (), "f8", ""),
            "log_weight": growing(group, "log_weight", (), "f8", ""),
            "walker": growing(group, "walker", (), "i4", ""),
        }
        if "temperature" in frames.kind.names:
            places["temperature"] = growing(group, "temperature", (), "f8", "kelvin")
        if n_variables:
            places["variables"] = growing(group, "variables", (n_variables,), "f8", "")
        if box is not None:
            lengths, angles = _cell(box)
            growing(file, "cell_lengths", (3,), "f4", "nanometers")[:] = lengths
            growing(file, "cell_angles", (3,), "f4", "degrees")[:] = angles
        start = 0
        for block in frames.blocks(rows):
            for name, dataset in places.items():
                dataset[start : start + len(block)] = block[name]
            start += len(block)
        for name, values in arrays.items():
            values = np.asarray(values)
            # HDF5 takes no checksum of arrays without elements.
            chunks = {"chunks": True, "fletcher32": True} if values.size else {}
            group.create_dataset(name, data=values, **chunks)
        known = attributes | {
            "content": f"{count}-{checksum:08x}",
            "n_variables": n_variables,
            "box": None if box is None else box.tolist(),
        }
        group.attrs["settings"] = np.bytes_(json.dumps(known, sort_keys=True))


def _topology_text(topology: app.Topology) -> bytes:
    """MDTraj's own JSON text of a topology."""
    plain = HDF5TrajectoryFile.convert_topology_to_dict(mdtraj.Topology.from_openmm(topology))
    return json.dumps(plain).encode("ascii")


def _cell(box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lengths in nm and angles in degrees of a periodic box."""
    *lengths, alpha, beta, gamma = mdtraj.utils.box_vectors_to_lengths_and_angles(*box)
    return np.array(lengths), np.array([alpha, beta, gamma])


class TrajectoryReader:
    """Reads frames by slices; a context manager.

    Attributes:
        attributes: plain values that describe the run; `content` identifies the run.
        n_frames: number of frames.
        n_atoms: number of atoms.

    Raises:
        InputError: the file is missing, damaged, or not a trajectory of this project.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._checked():
            self._file = h5py.File(path, "r")
            group = self._file[GROUP]
            self.attributes: dict[str, Any] = json.loads(group.attrs["settings"])
            self.n_frames, self.n_atoms = self._file["coordinates"].shape[:2]

    def _checked(self) -> contextlib.AbstractContextManager[None]:
        return reading(self._path, "trajectory")

    def atom_labels(self) -> list[str]:
        """RESIDUE+NUMBER-ATOM of each atom, such as ALA2-CA."""
        with self._checked():
            topology = json.loads(self._file["topology"][0])
            return [
                f"{residue['name']}{residue['resSeq']}-{atom['name']}"
                for chain in topology["chains"]
                for residue in chain["residues"]
                for atom in residue["atoms"]
            ]

    def positions(self, frames: slice) -> np.ndarray:
        """Positions in nm, float32, shape (n, n_atoms, 3)."""
        with self._checked():
            return self._file["coordinates"][frames]

    def times(self) -> np.ndarray:
        """Times in ps, shape (n_frames,)."""
        with self._checked():
            return self._file["time"][:]

    def box(self) -> np.ndarray | None:
        """Periodic box vectors in nm, shape (3, 3), the same for all frames; None without."""
        box = self.attributes["box"]
        return None if box is None else np.array(box)

    def temperatures(self) -> np.ndarray | None:
        """Temperature of each frame in K, shape (n_frames,); None where all have the same."""
        with self._checked():
            place = self._file[GROUP]
            return place["temperature"][:] if "temperature" in place else None

    def array(self, name: str) -> np.ndarray:
        """An array of the group ``/meanforce``."""
        if name == "variables" and not self.attributes["n_variables"]:
            return np.zeros((self.n_frames, 0))
        with self._checked():
            return self._file[GROUP][name][:]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused) -> None:
        self._file.close()
