"""The energy U(R; T) of a trained network as a bias of atomistic dynamics."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import openmm

from meanforce.core.beads import Beads
from meanforce.core.topology import Topology
from meanforce.errors import InputError
from meanforce.sampling.bias import Bias
from meanforce.sampling.collective_variables import Variable

if TYPE_CHECKING:
    from meanforce.inference.model import NetworkModel


def read_model(models: list[Path], beads: Beads, temperature: float, where: str) -> "NetworkModel":
    """The mean of an ensemble, if it is of these beads.

    Args:
        models: .safetensors files of the members, each with its .json beside it.
        beads: of a mapping.
        temperature: of U(R; T), K.
        where: what named the models, for messages.

    Raises:
        InputError: a file is missing or damaged, or the model is of another kind or other beads.
    """
    # Importing Numba takes half a second, and only jobs with such a bias need it.
    from meanforce.inference.model import NetworkModel

    try:
        model = NetworkModel.read(models, temperature)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    own, given = (_identity(one) for one in (model.molecule, beads.topology))
    for what, theirs in own.items():
        if theirs != given[what]:
            raise InputError(
                f"{where}: the model was fitted to beads with other {what} than those of the "
                f"mapping: it has {_listed(theirs)}, the mapping {_listed(given[what])}"
            )
    return model


@dataclasses.dataclass
class BeadEnergy:
    """U(M r) of a model, with the forces −Mᵀ ∇U on the atoms.

    Attributes:
        model: of the beads.
        atoms: indices of the atoms that have a weight in a bead.
        matrix: M, shape (n_beads, n_atoms), with the columns of these atoms.
    """

    model: "NetworkModel"
    atoms: list[int]
    matrix: np.ndarray

    @classmethod
    def of(
        cls, model: "NetworkModel", beads: Beads, n_atoms: int, periodic: bool, where: str
    ) -> Self:
        """Through a mapping's weights.

        Args:
            model: of the beads.
            beads: of the mapping.
            n_atoms: of the system.
            periodic: whether the system has a periodic box.
            where: what named the models, for messages.

        Raises:
            InputError: beads are those of several molecules in a periodic box, whose nearest images
                change.
        """
        if periodic and beads.n_molecules > 1:
            raise InputError(
                f"{where}: the beads are those of {beads.n_molecules} molecules in a periodic box, "
                "but a network on all distances takes only a single molecule there"
            )
        matrix = beads.matrix(n_atoms)
        atoms = np.unique(matrix.indices)
        return cls(model, atoms.tolist(), matrix[:, atoms].toarray())

    def energy_and_forces(self, positions: np.ndarray) -> tuple[float, np.ndarray]:
        """kJ/mol, and kJ/mol/nm of shape (n_atoms, 3), at these atoms' positions in nm."""
        energy, forces = self.model.energy_and_forces(self.matrix @ positions)
        return energy, self.matrix.T @ forces


class NetworkBias(Bias):
    """V = −scale·U; U is the only variable, so that its values are stored with the frames.

    The force stands by itself, not in an `openmm.CustomCVForce`, which would take half as long as a
    small network.

    Args:
        energy: U.
        scale: factor, not 0.
    """

    def __init__(self, energy: BeadEnergy, scale: float) -> None:
        self._energy, self._scale = energy, scale
        self.variables = (Variable((), False),)

    def force(self) -> openmm.PythonForce:
        energy, scale = self._energy, -self._scale
        positions = np.empty((len(energy.atoms), 3))

        def compute(state: openmm.State) -> tuple[float, np.ndarray]:
            # What `getPositions` calls; its units and look-ups take longer than half a network.
            state._getVectorAsNumpy(openmm.State.Positions, positions)
            value, forces = energy.energy_and_forces(positions)
            return scale * value, scale * forces

        force = openmm.PythonForce(compute)
        # The other atoms are not copied to Python and back.
        force.setParticles(energy.atoms)
        return force

    def values(self, context: openmm.Context, energy: float) -> np.ndarray:
        return np.array([-energy / self._scale])


def _identity(topology: Topology) -> dict[str, list]:
    return {
        "names": list(topology.names),
        "types": list(topology.types),
        "bonds": [tuple(bond) for bond in topology.bonds],
    }


def _listed(items: list) -> str:
    return ", ".join(map(str, items[:12])) + (", …" if len(items) > 12 else "")
