"""How noisy the force maps of many molecules are, from the mapped forces themselves."""

import numpy as np

from meanforce.errors import InputError
from meanforce.mapping.block_force_maps import MappedMolecule
from meanforce.mapping.force_maps import FORCE_MAPS
from meanforce.mapping.groups import BLOCKS, parts_by_block
from meanforce.mapping.project import project


class DirectSquares:
    """Sums over frames of |F_I|² of the force maps that need no data, by contiguous time block.

    `Moments` of group forces would need a matrix of all pairs of groups; this is linear in the
    number of molecules, but gives nothing for `optimal` maps.

    Args:
        molecule: what is mapped.
        n_frames: that will be added.

    Attributes:
        frames: added so far to each block, shape (BLOCKS,).
        squares: by force map, (kJ/mol/nm)², shape (BLOCKS, n_beads); not a number where the map
            would be wrong.
    """

    def __init__(self, molecule: MappedMolecule, n_frames: int) -> None:
        self._n_frames = n_frames
        self.frames = np.zeros(BLOCKS, dtype=int)
        shape = (BLOCKS, molecule.beads.topology.size)
        self.squares = {kind: np.full(shape, np.nan) for kind in (*FORCE_MAPS, "optimal")}
        self._matrices = {}
        for kind in FORCE_MAPS:
            try:
                self._matrices[kind] = molecule.fixed(kind)
            except InputError:
                continue
            self.squares[kind][:] = 0.0

    def add(self, start: int, forces: np.ndarray) -> None:
        """Add forces of frames from number `start` on, kJ/mol/nm, shape (n, n_atoms, 3)."""
        mapped = {kind: project(matrix, forces) for kind, matrix in self._matrices.items()}
        for block, part in parts_by_block(start, len(forces), self._n_frames):
            self.frames[block] += part.stop - part.start
            for kind, values in mapped.items():
                self.squares[kind][block] += (values[part].astype(float) ** 2).sum(axis=(0, 2))
