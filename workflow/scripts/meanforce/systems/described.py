"""A system as the config describes it, before any job has run."""

import dataclasses
from collections.abc import Callable

import numpy as np
import openmm
from openmm import app, unit

from meanforce.systems.prepared import Prepared


@dataclasses.dataclass(frozen=True)
class OwnBeads:
    """What atoms that are beads have in place of elements.

    Attributes:
        types: of the beads.
        masses: u, shape (n_beads,).
    """

    types: tuple[str, ...]
    masses: np.ndarray

    def part(self, members: np.ndarray) -> "OwnBeads":
        """Those of some beads, in their order."""
        return OwnBeads(tuple(self.types[i] for i in members), self.masses[members])


@dataclasses.dataclass(frozen=True)
class Described:
    """Topology and start structure from the user's files, without water that is added later.

    Attributes:
        topology: with the names and bonds that later stages will find.
        positions: nm, shape (n_atoms, 3).
        periodic: whether the prepared system is in a periodic box.
        parametrised: makes the system, which may take seconds; raises InputError.
        box: periodic box vectors, nm, shape (3, 3); None without, or before they are chosen.
        own_beads: types and masses of atoms that are beads themselves; None for atoms.
    """

    topology: app.Topology
    positions: np.ndarray
    periodic: bool
    parametrised: Callable[[], openmm.System]
    box: np.ndarray | None = None
    own_beads: OwnBeads | None = None

    @classmethod
    def of(cls, prepared: Prepared) -> "Described":
        """A system that has been built."""
        positions = np.array(prepared.positions.value_in_unit(unit.nanometer))
        system, box, own = prepared.system, None, None
        if prepared.periodic:
            vectors = system.getDefaultPeriodicBoxVectors()
            box = np.array([vector.value_in_unit(unit.nanometer) for vector in vectors])
        if prepared.bead_types is not None:
            numbers = range(system.getNumParticles())
            masses = [system.getParticleMass(i).value_in_unit(unit.dalton) for i in numbers]
            own = OwnBeads(prepared.bead_types, np.array(masses))
        return cls(prepared.topology, positions, box is not None, lambda: system, box, own)
