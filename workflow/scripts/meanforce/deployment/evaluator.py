"""Energy and forces of a model at one configuration after another: by Numba where that is faster.

For one configuration PyTorch takes longer to start each of some hundred operations than to compute
them. So networks on internal coordinates (`cgnet`) are loops that Numba compiles, at any size
(tests/benchmarks/deployment.py). Message passing (`mace`) spends its time in large products, and
linear potentials become OpenMM's own forces; where these are not used, they stay with PyTorch.
"""

from typing import Protocol

import numpy as np
import torch

from meanforce.core.configuration import Configuration
from meanforce.inference.model import KIND, NetworkModel, StoredModel
from meanforce.potentials.interface import EnsembleMean, Potential


class Evaluator(Protocol):
    """U(R; T) at one temperature."""

    def energy_and_forces(self, positions: np.ndarray) -> tuple[float, np.ndarray]:
        """kJ/mol, and kJ/mol/nm of shape (n_beads, 3), at positions in nm of the same shape."""


class TorchEvaluator:
    """Any potential.

    Args:
        potential: of one or several molecules.
        temperature: K.
        cell: periodic box vectors in nm, shape (3, 3), or None.
    """

    def __init__(
        self, potential: Potential, temperature: float, cell: np.ndarray | None = None
    ) -> None:
        self._potential, self._temperature = potential, temperature
        self._cell = None if cell is None else self._tensor(cell)

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array).to(self._potential.device, self._potential.dtype)

    def energy_and_forces(self, positions: np.ndarray) -> tuple[float, np.ndarray]:
        """See `Evaluator`."""
        beads = Configuration(self._tensor(positions)[None], self._temperature, self._cell)
        # OpenMM calls from threads of its own, and gradient mode belongs to a thread.
        with torch.no_grad():
            energy, forces = self._potential.energy_and_forces(beads)
        return float(energy[0]), forces[0].double().cpu().numpy()


def evaluator_of(potential: EnsembleMean, temperature: float) -> Evaluator:
    """The faster way to evaluate an ensemble's mean without a periodic cell.

    Args:
        potential: the mean.
        temperature: of U(R; T), K.
    """
    if any(member.kind != KIND for member in potential.members):
        return TorchEvaluator(potential, temperature)
    return NetworkModel([_stored(member) for member in potential.members], temperature)


def _stored(member: Potential) -> StoredModel:
    tensors, values = member.state()
    return StoredModel.of(values, {name: t.cpu().numpy() for name, t in tensors.items()})
