"""Which force map is applied to which frames of a replica."""

import dataclasses

import numpy as np
from scipy.sparse import csr_array

from meanforce.core.beads import Beads
from meanforce.errors import InputError
from meanforce.mapping.force_maps import FORCE_MAPS, build_force_map, refuse_wrong
from meanforce.mapping.groups import BLOCKS, Groups, Moments, groups_of, parts_by_block
from meanforce.mapping.optimal import (
    Programme,
    cross_fitted,
    programme,
    squares,
    with_noise,
)
from meanforce.mapping.project import project
from meanforce.mapping.system_atoms import SystemAtoms


@dataclasses.dataclass(frozen=True)
class CopiedMolecule:
    """One molecule of a type, and where its copies are.

    Attributes:
        one: the molecule alone, its atoms counted from 0.
        atoms: of each copy, shape (n_copies, n_atoms of a copy).
    """

    one: "MappedMolecule"
    atoms: np.ndarray

    def forces(self, forces: np.ndarray) -> np.ndarray:
        """Forces on the atoms of a copy, those on all copies beside each other.

        Args:
            forces: shape (n, n_atoms, 3).

        Returns:
            Shape (n, n_atoms of a copy, 3·n_copies).
        """
        own = forces[:, self.atoms].transpose(0, 2, 1, 3)
        return own.reshape(*own.shape[:2], -1)


@dataclasses.dataclass(frozen=True)
class MappedMolecule:
    """The molecule, or the molecules, that are mapped.

    Attributes:
        beads: the configuration map.
        n_atoms: number of atoms; columns that are fitted beside them count as well.
        constraints: pairs of atoms held at a fixed distance.
        names: of the atoms, for messages.
        groups: of atoms that an optimal map treats alike.
        copies: each molecule type, where there are several molecules of a type.
        covariates: number of the last groups, which are fitted, but are not in the map.
    """

    beads: Beads
    n_atoms: int
    constraints: list[tuple[int, int]]
    names: list[str]
    groups: Groups
    copies: tuple[CopiedMolecule, ...] = ()
    covariates: int = 0

    @classmethod
    def of(cls, beads: Beads, atoms: SystemAtoms, solvent_groups: str) -> "MappedMolecule":
        """All atoms of a system, with the groups of `groups_of`."""
        topology = atoms.topology
        return cls(
            beads=beads,
            n_atoms=topology.n_atoms,
            constraints=atoms.constraints,
            names=[str(atom) for atom in topology.atoms],
            groups=groups_of(atoms, solvent_groups),
        )

    def with_columns(self, torques: int, covariates: int) -> "MappedMolecule":
        """The molecule with vectors that are fitted like the forces on further atoms."""
        n_groups = self.groups.count + torques + covariates
        own = np.arange(self.groups.count, n_groups)
        return dataclasses.replace(
            self,
            n_atoms=self.n_atoms + len(own),
            names=[*self.names, *torques * ["torque"], *covariates * ["covariate"]],
            groups=Groups(np.concatenate([self.groups.of_atom, own]), n_groups),
            covariates=covariates,
        )

    def fixed(self, kind: str) -> csr_array:
        """A force map that needs no data, sparse, shape (n_beads, n_atoms).

        Raises:
            InputError: it would be wrong here.
        """
        return build_force_map(
            kind, self.beads, self.n_atoms, self.constraints, self.names, "mapping"
        )


@dataclasses.dataclass(frozen=True)
class BlockForceMaps:
    """Force maps by time block.

    Attributes:
        matrices: B of each of the `BLOCKS`, and of frames after them, sparse, shape
            (n_beads, n_atoms).
        of_noise: D of each block, sparse, shape (n_beads, n_beads), or None without noise.
    """

    matrices: tuple[csr_array, ...]
    of_noise: tuple[csr_array, ...] | None = None

    @property
    def different(self) -> tuple[csr_array, ...]:
        """The different matrices; one that several blocks share is listed once."""
        return tuple({id(matrix): matrix for matrix in self.matrices}.values())

    def apply(
        self, start: int, n_frames: int, forces: np.ndarray, scores: np.ndarray | None = None
    ) -> np.ndarray:
        """Mapped forces in kJ/mol/nm, shape (n, n_beads, 3).

        Args:
            start: number of the first of these frames.
            n_frames: that are divided into blocks.
            forces: kJ/mol/nm, float32, shape (n, n_atoms, 3).
            scores: −kT η/σ² in kJ/mol/nm, shape (n, n_beads, 3), where there is noise.
        """
        n_beads = self.matrices[0].shape[0]
        mapped = np.empty((len(forces), n_beads, 3), dtype=np.float32)
        for block, part in parts_by_block(start, len(forces), n_frames):
            mapped[part] = project(self.matrices[block], forces[part])
            if self.of_noise is not None:
                mapped[part] += project(self.of_noise[block], scores[part])
        return mapped


def fixed_force_maps(molecule: MappedMolecule, kind: str) -> BlockForceMaps:
    """`slice` or `aggregate`, the same for all blocks.

    Raises:
        InputError: the map would be wrong here.
    """
    return BlockForceMaps((molecule.fixed(kind),) * (BLOCKS + 1))


def optimal_force_maps(
    molecule: MappedMolecule, moments: Moments, stiffness: float | None
) -> BlockForceMaps:
    """The least noisy maps, each block's fitted to the other blocks, and one fitted to all.

    Args:
        molecule: what is mapped.
        moments: of its group forces.
        stiffness: kT/σ of the noise in kJ/mol/nm, or None without.

    Raises:
        InputError: there is no force map, because constraints join beads.
    """
    groups, n_beads = molecule.groups, len(molecule.beads.names)
    configuration_map = _by_groups(molecule)
    start, matrices = _start(molecule), moments.matrices
    if stiffness is not None:
        configuration_map, matrices = with_noise(
            configuration_map, matrices, moments.frames, stiffness
        )
        start = None if start is None else np.hstack([start, np.zeros((n_beads, n_beads))])
    rows = cross_fitted(_problem(molecule, configuration_map, start, "mapping"), matrices)
    rows[:, :, groups.count - molecule.covariates : groups.count] = 0.0
    maps = tuple(groups.spread(part[:, : groups.count]) for part in rows)
    of_noise = None
    if stiffness is not None:
        of_noise = tuple(csr_array(part[:, groups.count :]) for part in rows)
    for block in range(BLOCKS + 1):
        refuse_wrong(
            maps[block], "optimal", molecule.beads, molecule.constraints, molecule.names, "mapping",
            None if of_noise is None else of_noise[block],
        )  # fmt: skip
    return BlockForceMaps(maps, of_noise)


def refuse_no_optimal_map(molecule: MappedMolecule, where: str) -> None:
    """Refuse a molecule without an optimal map, before there are forces.

    Raises:
        InputError: there is no force map, because constraints join beads.
    """
    _problem(molecule, _by_groups(molecule), _start(molecule), where)


def squares_of_all(molecule: MappedMolecule, moments: Moments) -> dict[str, np.ndarray]:
    """Sums over frames of |F_I|² of all force maps without noise, (kJ/mol/nm)².

    Those of `optimal` are of frames that its coefficients were not fitted to.

    Returns:
        By force map, shape (BLOCKS, n_beads); not a number where the map would be wrong.
    """
    unknown = np.full((BLOCKS, len(molecule.beads.names)), np.nan)
    found = dict.fromkeys((*FORCE_MAPS, "optimal"), unknown)
    for kind in FORCE_MAPS:
        rows = _rows(molecule, kind)
        if rows is not None:
            found[kind] = np.array([squares(rows, matrix) for matrix in moments.matrices])
    problem = programme(_by_groups(molecule), _start(molecule))
    if problem is not None:
        rows = cross_fitted(problem, moments.matrices)
        rows[:, :, molecule.groups.count - molecule.covariates :] = 0.0
        found["optimal"] = np.array(
            [squares(*pair) for pair in zip(rows[:-1], moments.matrices, strict=True)]
        )
    return found


def _by_groups(molecule: MappedMolecule) -> np.ndarray:
    return molecule.groups.sums_of(molecule.beads.matrix(molecule.n_atoms))


def _rows(molecule: MappedMolecule, kind: str) -> np.ndarray | None:
    """A fixed map by groups, or None where it would be wrong."""
    try:
        return molecule.groups.coefficients_of(molecule.fixed(kind))
    except InputError:
        return None


def _start(molecule: MappedMolecule) -> np.ndarray | None:
    return _rows(molecule, "aggregate")


def _problem(
    molecule: MappedMolecule,
    configuration_map: np.ndarray,
    start: np.ndarray | None,
    where: str,
) -> Programme:
    problem = programme(configuration_map, start)
    if problem is None:
        # Then 'aggregate' is not a valid force map either, and its error names the beads.
        matrix = FORCE_MAPS["aggregate"](molecule.beads, molecule.n_atoms, molecule.constraints)
        refuse_wrong(matrix, "optimal", molecule.beads, [], molecule.names, where)
    return problem
