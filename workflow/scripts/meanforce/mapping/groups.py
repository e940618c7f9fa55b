"""Groups of atoms that a force map treats alike, and the second moments of their forces."""

import dataclasses
import itertools

import numpy as np
from scipy.sparse import csr_array

from meanforce.mapping.force_maps import rigid_groups
from meanforce.mapping.solvent import solute_atoms
from meanforce.mapping.system_atoms import SystemAtoms

BLOCKS = 5
"""Contiguous time blocks of the frames that force maps are fitted to: each has the map that was
fitted to the others, and later frames, numbered as one more block, that of all."""


@dataclasses.dataclass(frozen=True)
class Groups:
    """Disjoint groups of atoms with one coefficient each.

    Attributes:
        of_atom: group of each atom, -1 where it is in none, shape (n_atoms,).
        count: number of groups.
    """

    of_atom: np.ndarray
    count: int

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sums over the atoms of each group.

        Args:
            values: by atom, shape (n, n_atoms, 3), or of several molecules beside each other,
                shape (n, n_atoms, 3·n_copies).

        Returns:
            Shape (n_groups, n, 3 or 3·n_copies), float64.
        """
        n_frames, n_atoms, width = values.shape
        inside = np.flatnonzero(self.of_atom >= 0)
        summing = csr_array(
            (np.ones(len(inside)), (self.of_atom[inside], inside)), shape=(self.count, n_atoms)
        )
        by_atom = values.transpose(1, 0, 2).reshape(n_atoms, -1).astype(np.float64)
        return (summing @ by_atom).reshape(self.count, n_frames, width)

    def sums_of(self, matrix: csr_array) -> np.ndarray:
        """Sums of a matrix over the atoms of each group, shape (n_rows, n_groups)."""
        matrix = matrix.tocoo()
        sums = np.zeros((matrix.shape[0], self.count))
        groups = self.of_atom[matrix.col]
        inside = groups >= 0
        np.add.at(sums, (matrix.row[inside], groups[inside]), matrix.data[inside])
        return sums

    def coefficients_of(self, matrix: csr_array) -> np.ndarray | None:
        """A force map by groups, shape (n_beads, n_groups); None where atoms of a group differ."""
        _, first = np.unique(self.of_atom, return_index=True)
        rows = matrix.tocsc()[:, first[-self.count :]].toarray()
        different = self.spread(rows) - matrix
        return rows if abs(different).max() <= 1e-12 else None

    def spread(self, coefficients: np.ndarray) -> csr_array:
        """A force map by atoms, shape (n_beads, n_atoms), from one by groups."""
        inside = np.flatnonzero(self.of_atom >= 0)
        shape = (self.count, len(self.of_atom))
        members = csr_array((np.ones(len(inside)), (self.of_atom[inside], inside)), shape=shape)
        return csr_array(coefficients) @ members


def groups_of(atoms: SystemAtoms, solvent_groups: str) -> Groups:
    """Rigid groups of the solute; the whole solvent as one more group, or left out.

    Single solvent molecules are not groups of their own. They diffuse and are alike, so that by
    symmetry the best constant coefficient is the same for all; coefficients that follow a
    molecule's place need the divergence of that function as well (Ciccotti, Kapral, Vanden-Eijnden,
    ChemPhysChem 6, 1809 (2005)), and the authors of the method saw no benefit in them. The
    total force on the solvent is the solute's with the other sign, whose mean is zero for any R:
    with it, each bead loses its share of the noise that is common to the whole molecule.

    In capped alanine with rigid bonds in TIP3P water (2,500 frames, mean squares of other frames
    than fitted to) the whole solvent reduces that of the heavy atoms' forces by 0.2 % and that of
    `core_beta` by 0.6 % (1.4 and 2.3 % with noise of 0.005 nm); 319 molecules as groups add 0.02
    and 1.3 % instead. Nearly all noise is the solute's own.

    Args:
        atoms: of the system; those without freedom are in no group.
        solvent_groups: `whole` or `none`.
    """
    topology, fixed = atoms.topology, atoms.without_freedom
    solute = [atom for atom in solute_atoms(topology) if not fixed[atom]]
    of_atom = np.full(topology.n_atoms, -1)
    rigid = rigid_groups(topology.n_atoms, atoms.constraints)
    known, of_atom[solute] = np.unique(rigid[solute], return_inverse=True)
    count = len(known)
    solvent = (of_atom < 0) & ~fixed
    if solvent_groups == "whole" and solvent.any():
        of_atom[solvent] = count
        count += 1
    return Groups(of_atom, count)


class Moments:
    """Second moments C = Σ_frames Σ_xyz f fᵀ of group forces, by contiguous time block.

    Args:
        groups: of the atoms.
        n_frames: that will be added.

    Attributes:
        frames: added so far to each block, shape (BLOCKS,).
        matrices: C of each block in (kJ/mol/nm)², shape (BLOCKS, n_groups, n_groups).
    """

    def __init__(self, groups: Groups, n_frames: int) -> None:
        self._groups, self._n_frames = groups, n_frames
        self.frames = np.zeros(BLOCKS, dtype=int)
        self.matrices = np.zeros((BLOCKS, groups.count, groups.count))

    def add(self, start: int, forces: np.ndarray) -> None:
        """Add forces of frames from number `start` on, kJ/mol/nm, shapes as in `Groups.sums`."""
        sums = self._groups.sums(forces)
        for block, part in parts_by_block(start, len(forces), self._n_frames):
            flat = sums[:, part].reshape(self._groups.count, -1)
            self.matrices[block] += flat @ flat.T
            self.frames[block] += part.stop - part.start


def parts_by_block(start: int, count: int, n_frames: int) -> list[tuple[int, slice]]:
    """Time blocks that a run of frames falls into, and which of its frames each has.

    Args:
        start: number of the run's first frame.
        count: its frames.
        n_frames: that are divided into `BLOCKS`; later ones are in a block of that number.
    """
    ends = [n_frames * (block + 1) // BLOCKS - start for block in range(BLOCKS)]
    cuts = [0, *(min(max(end, 0), count) for end in ends), count]
    return [
        (block, slice(low, high))
        for block, (low, high) in enumerate(itertools.pairwise(cuts))
        if high > low
    ]
