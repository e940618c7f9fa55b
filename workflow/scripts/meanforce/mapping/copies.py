"""Force maps of many molecules: coefficients are shared by the copies of a molecule type.

Copies are alike, so that the least noisy constant coefficients are the same for all, and each
bead's force is made of forces on its own molecule. The second moments behind them are those of one
molecule, summed over its copies: 1,500 molecules need the matrices of a single one. Forces on
molecules of types that are not mapped are left out.
"""

import dataclasses

import numpy as np
from scipy.sparse import coo_array, csr_array

from meanforce.core.beads import Beads, MoleculeBeads
from meanforce.errors import InputError
from meanforce.mapping.block_force_maps import (
    BlockForceMaps,
    CopiedMolecule,
    MappedMolecule,
    optimal_force_maps,
    squares_of_all,
)
from meanforce.mapping.force_maps import refuse_wrong, rigid_groups
from meanforce.mapping.groups import BLOCKS, Groups, Moments
from meanforce.mapping.molecules import Molecules
from meanforce.mapping.system_atoms import SystemAtoms


def copied_molecules(
    molecule: MappedMolecule, atoms: SystemAtoms, where: str = "mapping"
) -> tuple[CopiedMolecule, ...]:
    """Each molecule type with beads.

    Args:
        molecule: all molecules.
        atoms: of the system; those without freedom are in no group.
        where: config key of the mapping, for messages.

    Raises:
        InputError: molecules of a type have different constraints.
    """
    sizes = Molecules(atoms.topology).sizes()
    pairs = np.array(molecule.constraints, dtype=int).reshape(-1, 2)
    fixed = atoms.without_freedom
    return tuple(
        _copied(molecule, part, sizes, pairs, fixed, where) for part in molecule.beads.parts
    )


def _copied(
    molecule: MappedMolecule,
    part: MoleculeBeads,
    sizes: np.ndarray,
    pairs: np.ndarray,
    fixed: np.ndarray,
    where: str,
) -> CopiedMolecule:
    first, size = np.array(part.first_atoms), int(sizes[part.first_atoms[0]])
    atoms = np.add.outer(first, np.arange(size))
    copy = np.full(molecule.n_atoms, -1)
    copy[atoms] = np.arange(len(first))[:, None]
    inside = pairs[(copy[pairs[:, 0]] == copy[pairs[:, 1]]) & (copy[pairs[:, 0]] >= 0)]
    owner = copy[inside[:, 0]]
    local = np.sort(inside - first[owner][:, None], axis=1)
    own = {tuple(pair) for pair in local[owner == 0].tolist()}
    counts = np.bincount(owner, minlength=len(first))
    if (counts != counts[0]).any() or {tuple(pair) for pair in local.tolist()} != own:
        raise InputError(
            f"{where}.molecules.{part.molecule.name}: its molecules have different constraints; "
            "constrain the same bonds in all of them"
        )
    constraints = sorted(own)
    # Copies share their coefficients: an atom that cannot move in one of them has none in all.
    free, of_atom = ~fixed[atoms].any(axis=0), np.full(size, -1)
    rigid = rigid_groups(size, constraints)
    groups, of_atom[free] = np.unique(rigid[free], return_inverse=True)
    one = MappedMolecule(
        beads=Beads((dataclasses.replace(part, first_atoms=(0,), first_residues=(0,)),)),
        n_atoms=size,
        constraints=constraints,
        names=[molecule.names[atom] for atom in atoms[0]],
        groups=Groups(of_atom, len(groups)),
    )
    return CopiedMolecule(one, atoms)


class CopiedMoments:
    """Second moments of group forces of a molecule of each type, summed over its copies.

    Args:
        molecule: all molecules.
        n_frames: that will be added.

    Attributes:
        moments: of each type.
    """

    def __init__(self, molecule: MappedMolecule, n_frames: int) -> None:
        self._molecule, self._kinds = molecule, molecule.copies
        self.moments = [Moments(kind.one.groups, n_frames) for kind in self._kinds]

    @property
    def frames(self) -> np.ndarray:
        """Frames added so far to each block, shape (BLOCKS,)."""
        return self.moments[0].frames

    def add(self, start: int, forces: np.ndarray) -> None:
        """Add forces of frames from number `start` on, kJ/mol/nm, shape (n, n_atoms, 3)."""
        for kind, moments in zip(self._kinds, self.moments, strict=True):
            moments.add(start, kind.forces(forces))

    def squares(self) -> dict[str, np.ndarray]:
        """Sums over frames of |F_I|², means over the copies, of all force maps without noise.

        Returns:
            By force map, (kJ/mol/nm)², shape (BLOCKS, beads of all types); not a number where the
            map would be wrong.
        """
        each = [
            {key: values / len(kind.atoms) for key, values in squares_of_all(kind.one, own).items()}
            for kind, own in zip(self._kinds, self.moments, strict=True)
        ]
        return {key: np.hstack([squares[key] for squares in each]) for key in each[0]}

    def optimal(self, stiffness: float | None) -> BlockForceMaps:
        """The least noisy maps, each block's fitted to the other blocks, and one fitted to all.

        Args:
            stiffness: kT/σ of the noise in kJ/mol/nm, or None without.

        Raises:
            InputError: there is no force map, because constraints join beads.
        """
        kinds, molecule = self._kinds, self._molecule
        each = [
            optimal_force_maps(kind.one, own, stiffness)
            for kind, own in zip(kinds, self.moments, strict=True)
        ]
        n_beads, of_noise = molecule.beads.topology.size, None
        shape, atoms = (n_beads, molecule.n_atoms), [kind.atoms for kind in kinds]
        matrices = tuple(
            _spread([maps.matrices[block] for maps in each], atoms, shape)
            for block in range(BLOCKS + 1)
        )
        if stiffness is not None:
            beads, first = [], 0
            for part in molecule.beads.parts:
                size = part.molecule.size * part.count
                beads.append(first + np.arange(size).reshape(part.count, -1))
                first += size
            of_noise = tuple(
                _spread([maps.of_noise[block] for maps in each], beads, (n_beads, n_beads))
                for block in range(BLOCKS + 1)
            )
        for block in range(BLOCKS + 1):
            refuse_wrong(
                matrices[block], "optimal", molecule.beads, molecule.constraints, molecule.names,
                "mapping", None if of_noise is None else of_noise[block],
            )  # fmt: skip
        return BlockForceMaps(matrices, of_noise)


def _spread(ones: list[csr_array], columns: list[np.ndarray], shape: tuple[int, int]) -> csr_array:
    """A matrix of all molecules from one for each type.

    Args:
        ones: of one molecule of each type, shape (beads, its atoms or beads).
        columns: where the columns of each copy of each type are, shape (n_copies, columns).
        shape: of the result.
    """
    rows, places, values, first = [], [], [], 0
    for one, own in zip(ones, columns, strict=True):
        one, count = one.tocoo(), len(own)
        rows.append((first + np.add.outer(one.shape[0] * np.arange(count), one.row)).ravel())
        places.append(own[:, one.col].ravel())
        values.append(np.tile(one.data, count))
        first += one.shape[0] * count
    entries = np.concatenate(rows), np.concatenate(places)
    return coo_array((np.concatenate(values), entries), shape=shape).tocsr()
