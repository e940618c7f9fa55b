"""The atoms of a system, as far as force maps depend on them."""

import dataclasses

import mdtraj
import numpy as np
import openmm

from meanforce.core.beads import Beads
from meanforce.mapping.virtual_sites import atoms_without_freedom, virtual_sites
from meanforce.systems.complete_topology import pairs_of_constraints

Pairs = list[tuple[int, int]]


@dataclasses.dataclass(frozen=True, eq=False)
class SystemAtoms:
    """Atoms, and how they can move.

    Attributes:
        topology: of the atoms.
        constraints: pairs of atoms held at a fixed distance.
        without_freedom: atoms that are in no force map, bool, shape (n_atoms,).
    """

    topology: mdtraj.Topology
    constraints: Pairs
    without_freedom: np.ndarray

    @classmethod
    def of(
        cls,
        topology: mdtraj.Topology,
        constraints: Pairs | None = None,
        without_freedom: np.ndarray | None = None,
    ) -> "SystemAtoms":
        """By default without constraints, and with all freedom but that of virtual sites."""
        sites = virtual_sites(topology) if without_freedom is None else without_freedom
        return cls(topology, constraints or [], sites)

    @classmethod
    def moving(
        cls, topology: mdtraj.Topology, system: openmm.System, beads: Beads
    ) -> "SystemAtoms":
        """Atoms as they move in a system, for a mapping with these beads."""
        without_freedom = atoms_without_freedom(topology, system, beads)
        return cls(topology, pairs_of_constraints(system), without_freedom)

    def part(self, members: np.ndarray) -> "SystemAtoms":
        """Some of the atoms, counted anew; constraints with others are left out.

        Args:
            members: their numbers, ascending, shape (n_members,).
        """
        number = {int(atom): k for k, atom in enumerate(members)}
        # A pair with one atom outside would be a bond between solute and solvent.
        inside = [
            (number[i], number[j]) for i, j in self.constraints if i in number and j in number
        ]
        return SystemAtoms(self.topology.subset(members), inside, self.without_freedom[members])
