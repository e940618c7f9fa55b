"""The energy U(R; T) of a trained network as a collective variable of atomistic dynamics."""

import dataclasses
from pathlib import Path

import numpy as np
import openmm

from meanforce.core.beads import Beads
from meanforce.core.topology import Topology
from meanforce.errors import InputError
from meanforce.inference.model import NetworkModel
from meanforce.sampling.collective_variables import Variable


def read_model(models: list[Path], beads: Beads, temperature: float, where: str) -> NetworkModel:
    """The mean of an ensemble, if it is of these beads.

    Args:
        models: .safetensors files of the members, each with its .json beside it.
        beads: of a mapping.
        temperature: of U(R; T), K.
        where: what named the models, for messages.

    Raises:
        InputError: a file is missing or damaged, or the model is of another kind or other beads.
    """
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


def network_variable(
    model: NetworkModel, beads: Beads, n_atoms: int, periodic: bool, where: str
) -> Variable:
    """The model's energy in kJ/mol as a function of atoms, through the mapping's weights.

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
            f"{where}: the beads are those of {beads.n_molecules} molecules in a periodic box, but "
            "a network on all distances takes only a single molecule there"
        )
    matrix = beads.matrix(n_atoms)
    atoms = np.unique(matrix.indices)
    energy = BeadEnergy(model, matrix[:, atoms].toarray())
    force = openmm.PythonForce(energy)
    # The other atoms are not copied to Python and back.
    force.setParticles(atoms.tolist())
    return Variable((force,), False)


@dataclasses.dataclass
class BeadEnergy:
    """U(M r), with the forces −Mᵀ ∇U on the atoms.

    OpenMM copies a force inside another one in memory by pickling it; no file has a pickle.

    Attributes:
        model: of the beads.
        matrix: M, shape (n_beads, n_atoms), with the columns of the atoms that have a weight.
    """

    model: NetworkModel
    matrix: np.ndarray

    def __post_init__(self) -> None:
        self._positions = np.empty((self.matrix.shape[1], 3))
        self._transposed = self.matrix.T.copy()

    def __call__(self, state: openmm.State) -> tuple[float, np.ndarray]:
        """Energy in kJ/mol and forces in kJ/mol/nm, shape (n_atoms, 3)."""
        # What `getPositions` calls; its units and look-ups take longer than half a network.
        state._getVectorAsNumpy(openmm.State.Positions, self._positions)
        energy, forces = self.model.energy_and_forces(self.matrix @ self._positions)
        return energy, self._transposed @ forces


def _identity(topology: Topology) -> dict[str, list]:
    return {
        "names": list(topology.names),
        "types": list(topology.types),
        "bonds": [tuple(bond) for bond in topology.bonds],
    }


def _listed(items: list) -> str:
    return ", ".join(map(str, items[:12])) + (", …" if len(items) > 12 else "")
