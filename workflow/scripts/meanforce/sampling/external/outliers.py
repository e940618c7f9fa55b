"""Damaged frames: their averages have large errors, so that checks of averages cannot find them."""

import mdtraj
import numpy as np

from meanforce.data.formats.base import FileFrames
from meanforce.errors import InputError

STRETCHED = 3.0
"""A bond longer than this many times its median is none: thermal motion gives at most half more."""

EXTREME = 1000.0
"""A force larger than this many times the median is damage; thermal motion gives some ten."""


class Outliers:
    """Refuses frames with stretched bonds or with forces that no thermal motion gives.

    Medians are those of the first block of frames.

    Args:
        topology: with the bonds; None where molecules are made whole later, in a periodic box.
        with_forces: whether forces are looked at.
        where: file, for messages.
    """

    def __init__(self, topology: mdtraj.Topology | None, with_forces: bool, where: str) -> None:
        pairs = [] if topology is None else [(a.index, b.index) for a, b in topology.bonds]
        self._bonds = np.array(pairs, dtype=np.intp).reshape(-1, 2)
        self._atoms = [] if topology is None else [str(atom) for atom in topology.atoms]
        self._with_forces, self._where = with_forces, where
        self._length: np.ndarray | None = None
        self._force: float | None = None

    def refuse(self, block: FileFrames) -> None:
        """Look at a block of frames; its times are in ps.

        Raises:
            InputError: names the time and the atoms.
        """
        if len(self._bonds):
            first, second = (
                block.positions[:, self._bonds[:, 0]],
                block.positions[:, self._bonds[:, 1]],
            )
            squares = _squares(second - first)
            if self._length is None:
                self._length = np.sqrt(np.median(squares, axis=0))
            far = squares > (STRETCHED * self._length) ** 2
            if far.any():
                frame, bond = np.unravel_index(int(np.argmax(far)), far.shape)
                names = " and ".join(self._atoms[i] for i in self._bonds[bond])
                length = np.sqrt(squares[frame, bond])
                raise InputError(
                    f"{self._where}: at {block.times[frame]:g} ps the bonded atoms {names} are "
                    f"{length:.3g} nm apart, where {self._length[bond]:.3g} nm is "
                    "usual: the frame is damaged, or a periodic box has cut the molecule; make "
                    "molecules whole, or leave these frames out with 'begin' and 'end'"
                )
        if self._with_forces:
            squares = _squares(block.forces)
            if self._force is None:
                some = squares[squares > 0]
                self._force = float(np.sqrt(np.median(some))) if len(some) else np.inf
            large = squares > (EXTREME * self._force) ** 2
            if large.any():
                frame, atom = np.unravel_index(int(np.argmax(large)), large.shape)
                size = np.sqrt(squares[frame, atom])
                raise InputError(
                    f"{self._where}: at {block.times[frame]:g} ps atom {atom + 1} has a force of "
                    f"{size:.3g} kJ/mol/nm, more than {EXTREME:g} times the median: "
                    "the frame is damaged; leave it out with 'begin' and 'end'"
                )


def _squares(vectors: np.ndarray) -> np.ndarray:
    return np.einsum("fai,fai->fa", vectors, vectors)
