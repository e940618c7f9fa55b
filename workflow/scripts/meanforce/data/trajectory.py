"""Atomistic trajectories: MDTraj HDF5 files with the bias and in-run forces beside the frames.

MDTraj reads the coordinates; all other data are in the group ``/meanforce``, by frame:
`bias_energy` (V, kJ/mol), `log_weight` ((V − c(t))/kT, of the unbiased ensemble), `walker`,
`variables` (values of the biased collective variables, nm or rad) and, for replica exchange,
`temperature` (K), with alternating frames of all levels; `checked_frames`, `checked_forces` and
`checked_bias_forces` (in-run forces without the bias and, if there is one, of the bias alone,
kJ/mol/nm); `boxes` (nm) of frames from files, whose box may change; and records of the bias.

A trajectory of some atoms only also has `stored_atoms` (their indices in the system), `forces`
(in-run unbiased forces on them in every frame), and `whole_positions` and `whole_forces` of all
atoms in the checked frames.

All arrays and all of HDF5's own tables carry checksums, so that a damaged file cannot be read as a
good one. Texts have a fixed length: HDF5 keeps others in a heap without checksums, and a damaged
heap can even cause endless reading.
"""

import contextlib
import json
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np

from meanforce.data.hdf5 import reading
from meanforce.errors import InputError

BLOCK = 4 * 2**20
"""Bytes read or written at once."""
GROUP = "meanforce"
BOXES = "boxes"
"""Array of the box of each frame; in place of the box, if boxes differ."""


HILLS_OUTSIDE = "bias_hills_outside"
"""Record of a bias: how many hills are outside its grid, and how many there are."""


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

    def hills_outside(self) -> tuple[int, int] | None:
        """Hills outside the grid of the bias and all hills; None where the grid has no ends."""
        with self._checked():
            if HILLS_OUTSIDE not in self._file[GROUP]:
                return None
            outside, hills = self._file[GROUP][HILLS_OUTSIDE][:]
            return int(outside), int(hills)

    def times(self) -> np.ndarray:
        """Times in ps, shape (n_frames,)."""
        with self._checked():
            return self._file["time"][:]

    @property
    def stored_atoms(self) -> np.ndarray | None:
        """Indices of its atoms in the system, ascending; None where it has all of them."""
        with self._checked():
            place = self._file[GROUP]
            return place["stored_atoms"][:] if "stored_atoms" in place else None

    @property
    def is_periodic(self) -> bool:
        """Whether frames have a periodic box."""
        return self.attributes["box"] is not None

    @property
    def has_boxes(self) -> bool:
        """Whether frames have different boxes."""
        return self.attributes["box"] == BOXES

    def box(self) -> np.ndarray | None:
        """Periodic box vectors in nm, shape (3, 3), the same for all frames; None without.

        Raises:
            InputError: frames have different boxes.
        """
        if self.has_boxes:
            raise InputError(f"{self._path}: has a periodic box that changes from frame to frame")
        return np.array(self.attributes["box"]) if self.is_periodic else None

    def boxes(self, frames: slice) -> np.ndarray | None:
        """Box vectors in nm: shape (3, 3), if all frames have the same; else (n, 3, 3)."""
        if not self.has_boxes:
            return self.box()
        with self._checked():
            return self._file[GROUP][BOXES][frames]

    def temperatures(self) -> np.ndarray | None:
        """Temperature of each frame in K, shape (n_frames,); None where all have the same."""
        with self._checked():
            place = self._file[GROUP]
            return place["temperature"][:] if "temperature" in place else None

    def array(self, name: str, rows: slice = slice(None)) -> np.ndarray:
        """An array of the group ``/meanforce``, or some of its rows."""
        if name == "variables" and not self.attributes["n_variables"]:
            return np.zeros((self.n_frames, 0))[rows]
        with self._checked():
            return self._file[GROUP][name][rows]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused) -> None:
        self._file.close()
