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
            lengths = np.linalg.norm(second - first, axis=-1)
            if self._length is None:
                self._length = np.median(lengths, axis=0)
            far = lengths > STRETCHED * self._length
            if far.any():
                frame, bond = np.unravel_index(int(np.argmax(far)), far.shape)
                names = " and ".join(self._atoms[i] for i in self._bonds[bond])
                raise InputError(
                    f"{self._where}: at {block.times[frame]:g} ps the bonded atoms {names} are "
                    f"{lengths[frame, bond]:.3g} nm apart, where {self._length[bond]:.3g} nm is "
                    "usual: the frame is damaged, or a periodic box has cut the molecule; make "
                    "molecules whole, or leave these frames out with 'begin' and 'end'"
                )
        if self._with_forces:
            sizes = np.sqrt(np.einsum("fai,fai->fa", block.forces, block.forces))
            if self._force is None:
                self._force = float(np.median(sizes[sizes > 0])) if (sizes > 0).any() else np.inf
            large = sizes > EXTREME * self._force
            if large.any():
                frame, atom = np.unravel_index(int(np.argmax(large)), large.shape)
                raise InputError(
                    f"{self._where}: at {block.times[frame]:g} ps atom {atom + 1} has a force of "
                    f"{sizes[frame, atom]:.3g} kJ/mol/nm, more than {EXTREME:g} times the median: "
                    "the frame is damaged; leave it out with 'begin' and 'end'"
                )
