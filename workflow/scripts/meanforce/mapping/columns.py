"""What an optimal force map of one molecule is fitted to besides the forces on atoms.

It is treated like the forces on further atoms, which are in no bead: torques on pendant atoms,
which are added to the forces on beads, and vectors between near beads, which are not.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from meanforce.mapping.block_force_maps import MappedMolecule
from meanforce.mapping.near_pairs import NearPairs
from meanforce.mapping.pendants import Pendants, pendants_of
from meanforce.mapping.system_atoms import SystemAtoms
from meanforce.settings.mappings import MappingSettings

MOST = 3000
"""Most columns of a fit, atoms among them: it takes time by their number to the third power."""


@dataclasses.dataclass(frozen=True)
class Columns:
    """Further columns of a fit.

    Attributes:
        pendants: atoms with torques.
        pairs: near beads.
        atoms: whose positions are needed, of one molecule; empty where there are no columns.
    """

    pendants: Pendants | None = None
    pairs: NearPairs | None = None
    atoms: tuple[int, ...] = ()

    @property
    def torques(self) -> int:
        """Number of columns of torques."""
        return 0 if self.pendants is None else self.pendants.count

    @property
    def covariates(self) -> int:
        """Number of columns that are not in the map."""
        return 0 if self.pairs is None else self.pairs.count

    def applied(self, positions: np.ndarray, forces: np.ndarray) -> np.ndarray:
        """Forces and torques that the map is applied to, shape (n, n_atoms + torques, 3).

        Args:
            positions: of the atoms, molecules whole, nm, shape (n, n_atoms, 3).
            forces: on them, kJ/mol/nm, of the same shape.
        """
        if self.pendants is None:
            return forces
        return np.concatenate([forces, self.pendants.vectors(positions, forces)], axis=1)

    def fitted(self, positions: np.ndarray, forces: np.ndarray, beads: np.ndarray) -> np.ndarray:
        """What it is fitted to, shape (n, n_atoms + torques + covariates, 3).

        Args:
            positions: of the atoms, as in `applied`.
            forces: on them.
            beads: their positions, nm, shape (n, n_beads, 3).
        """
        applied = self.applied(positions, forces)
        if self.pairs is None:
            return applied
        return np.concatenate([applied, self.pairs.vectors(beads)], axis=1)


def columns_of(
    settings: MappingSettings,
    molecule: MappedMolecule,
    atoms: SystemAtoms,
    report: Callable[[str], None],
) -> Columns:
    """The columns of a mapping: none but for `optimal` maps, and none where they would be too many.

    Args:
        settings: of the mapping.
        molecule: what is mapped, without copies.
        atoms: of the system.
        report: called with a line where there would be too many.
    """
    if settings.force_map != "optimal":
        return Columns()
    count, pendants = molecule.groups.count, None
    in_beads = molecule.beads.matrix(atoms.topology.n_atoms)
    if settings.control_variates == "torques":
        pendants = pendants_of(atoms, in_beads)
        if pendants is not None and count + pendants.count > MOST:
            report(
                f"no torques in the force map: {count + pendants.count} coefficients for each bead "
                f"are too many, allowed are {MOST}"
            )
            pendants = None
    count += 0 if pendants is None else pendants.count
    pairs = NearPairs(molecule.beads.topology)
    # With noise on their positions, where beads were tells something of the noise.
    if settings.noise is not None or not 0 < pairs.count <= MOST - count:
        pairs = None
    if pendants is None and pairs is None:
        return Columns()
    needed = set(in_beads.indices.tolist()) | set(pendants.atoms if pendants else ())
    return Columns(pendants, pairs, tuple(sorted(needed)))
