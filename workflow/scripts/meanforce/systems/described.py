"""A system as the config describes it, before any job has run."""

import dataclasses
from collections.abc import Callable

import numpy as np
import openmm
from openmm import app, unit

from meanforce.systems.prepared import Prepared


@dataclasses.dataclass(frozen=True)
class Described:
    """Topology and start structure from the user's files, without water that is added later.

    Attributes:
        topology: with the names and bonds that later stages will find.
        positions: nm, shape (n_atoms, 3).
        periodic: whether the prepared system is in a periodic box.
        parametrised: makes the system, which may take seconds; raises InputError.
        box: periodic box vectors, nm, shape (3, 3); None without, or before they are chosen.
        bead_types: types of atoms that are beads themselves; None for atoms.
        notices: sentences on what may not be meant about the files.
    """

    topology: app.Topology
    positions: np.ndarray
    periodic: bool
    parametrised: Callable[[], openmm.System]
    box: np.ndarray | None = None
    bead_types: tuple[str, ...] | None = None
    notices: tuple[str, ...] = ()

    @classmethod
    def of(cls, prepared: Prepared) -> "Described":
        """A system that has been built."""
        positions = np.array(prepared.positions.value_in_unit(unit.nanometer))
        system, box = prepared.system, None
        if prepared.periodic:
            vectors = system.getDefaultPeriodicBoxVectors()
            box = np.array([vector.value_in_unit(unit.nanometer) for vector in vectors])
        return cls(
            prepared.topology,
            positions,
            box is not None,
            lambda: system,
            box,
            prepared.bead_types,
        )
