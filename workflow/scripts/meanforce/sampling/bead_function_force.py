"""Functions of whole structures as forces of OpenMM, whose energy is the value."""

import dataclasses
from typing import Any

import numpy as np
import openmm

from meanforce.core.bead_functions.arrays import NUMPY
from meanforce.core.bead_functions.registry import bead_function
from meanforce.core.beads import Beads
from meanforce.settings.collective_variables import CollectiveVariableSettings


@dataclasses.dataclass(frozen=True)
class AtomFunction:
    """A function s(M r) of the beads, with forces −Mᵀ ∇s on the atoms.

    OpenMM copies a force inside a `CustomCVForce` by pickling, so that this is a class.

    Attributes:
        settings: of s, complete.
        matrix: M, shape (n_beads, n_atoms), with the columns of the atoms that have a weight.
    """

    settings: CollectiveVariableSettings
    matrix: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "_function", bead_function(self.settings, NUMPY))
        object.__setattr__(self, "_positions", np.empty((self.matrix.shape[1], 3)))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.settings, self.matrix)

    def __call__(self, state: openmm.State) -> tuple[float, np.ndarray]:
        # What `getPositions` calls, without its units, which take longer than the function.
        state._getVectorAsNumpy(openmm.State.Positions, self._positions)
        value, gradient = self._function((self.matrix @ self._positions)[None])
        return float(value[0]), -self.matrix.T @ gradient[0]


def bead_function_force(
    settings: CollectiveVariableSettings, beads: Beads, where: str
) -> openmm.PythonForce:
    """A force whose energy is the variable, for molecules in one piece.

    Args:
        settings: of the variable, complete.
        beads: of its mapping.
        where: the variable in the config, for messages.

    Raises:
        InputError: a bead does not exist, or structures are not filled in.
    """
    chosen = [beads.index(name, where) for name in settings.beads]
    n_atoms = max(max(beads.atoms[bead]) for bead in chosen) + 1 if chosen else 0
    rows = beads.matrix(max(n_atoms, max(map(max, beads.atoms)) + 1))[chosen]
    atoms = np.unique(rows.indices)
    force = openmm.PythonForce(AtomFunction(settings, rows[:, atoms].toarray()))
    # The other atoms are not copied to Python and back.
    force.setParticles(atoms.tolist())
    return force
