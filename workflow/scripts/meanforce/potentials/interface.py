"""What every kind of CG potential offers."""

import abc
from typing import Any, Self

import torch


class Potential(abc.ABC):
    """U(R; T): a CG potential, a free energy in its dependence on temperature.

    Attributes:
        kind: name of the kind, as in the config.
        dtype: floating-point type that positions must have.
    """

    kind: str
    dtype: torch.dtype

    @abc.abstractmethod
    def energy_and_forces(
        self, positions: torch.Tensor, temperature: float | torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Energies and forces of a batch of configurations.

        Args:
            positions: nm, shape (n, n_beads, 3).
            temperature: K, one number or shape (n,).

        Returns:
            kJ/mol, shape (n,); and kJ/mol/nm, shape (n, n_beads, 3).
        """

    @classmethod
    def mean_energy_and_forces(
        cls, members: list[Self], positions: torch.Tensor, temperature: float | torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean over several potentials of this kind; a kind may share work among them."""
        results = [member.energy_and_forces(positions, temperature) for member in members]
        energies = torch.stack([energy for energy, _ in results])
        return energies.mean(0), torch.stack([forces for _, forces in results]).mean(0)

    @abc.abstractmethod
    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Tensors, and plain values, from which `from_state` makes the potential again."""

    @classmethod
    @abc.abstractmethod
    def from_state(cls, tensors: dict[str, torch.Tensor], values: dict[str, Any]) -> Self:
        """The inverse of `state`."""


class EnsembleMean(Potential):
    """Mean of several potentials; their spread says how sure the mean is."""

    kind = "ensemble"

    def __init__(self, members: list[Potential]) -> None:
        self.members = members
        self.dtype = members[0].dtype

    def energy_and_forces(self, positions, temperature):
        kind = type(self.members[0])
        return kind.mean_energy_and_forces(self.members, positions, temperature)

    def state(self):
        raise NotImplementedError("members are stored one by one")

    @classmethod
    def from_state(cls, tensors, values):
        raise NotImplementedError("members are stored one by one")
