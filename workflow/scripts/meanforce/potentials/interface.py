"""What every kind of CG potential offers."""

import abc
import dataclasses
from collections.abc import Sequence
from typing import Any, Literal, Self

import torch

from meanforce.core.configuration import Configuration
from meanforce.core.topology import Topology, with_flat_parameters
from meanforce.errors import InputError


class Potential(abc.ABC):
    """U(R; T): a CG potential, a free energy in its dependence on temperature.

    Attributes:
        kind: name of the kind, as in the config.
        dtype: floating-point type that positions must have.
        device: where positions must be.
        cartesian: whether it depends on where in space the beads are; if not, moving and rotating
            all beads leaves the energy as it is.
        permutation_invariant: whether exchanging beads of equal types, such that bonds fall onto
            bonds, leaves the energy as it is.
        extensive: whether the energy of copies of a molecule far apart is the sum of theirs.
        supports_periodic: whether configurations may have a periodic cell. Then moving a bead by a
            box vector leaves the energy as it is.
        compiles: whether PyTorch can compile its operations.
        records: whether a GPU's operations can be recorded and repeated: they neither depend on
            values nor copy some from the processor.
    """

    kind: str
    cartesian: bool = False
    permutation_invariant: bool = False
    extensive: bool = False
    supports_periodic: bool = False
    compiles: bool = True
    records: bool = False

    @property
    def parity(self) -> Literal["even", "none"]:
        """`even`: a mirror image has the same energy; `none`: it may have another one."""
        return "none"

    def __init__(self, dtype: torch.dtype, device: torch.device | str = "cpu") -> None:
        self.dtype, self.device = dtype, torch.device(device)

    def energy_and_forces(
        self, configuration: Configuration[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Energies and forces of a batch of configurations.

        Args:
            configuration: n of them, in the potential's type and on its device.

        Returns:
            kJ/mol, shape (n,); and kJ/mol/nm, shape (n, n_beads, 3).

        Raises:
            InputError: there is a cell, which this potential does not support, or which is too
                small for it.
        """
        if configuration.cell is not None:
            self.require_periodic()
        return self.compute(configuration)

    @abc.abstractmethod
    def compute(
        self, configuration: Configuration[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Result of `energy_and_forces`; a cell is passed on only where it is supported."""

    def require_periodic(self) -> None:
        """Refuse to be evaluated with a periodic cell, where that is not supported.

        Raises:
            InputError: it is not.
        """
        if not self.supports_periodic:
            raise InputError(
                f"potential of kind '{self.kind}': was given configurations with a periodic cell, "
                f"but {self.needs_no_cell}"
            )

    @property
    def needs_no_cell(self) -> str:
        """Why no cell is supported, and what is allowed; the end of a message."""
        return "this kind has no periodic images; allowed are configurations without a cell"

    @classmethod
    def mean_energy_and_forces(
        cls, members: list[Self], configuration: Configuration[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean over several potentials of this kind; a kind may share work among them."""
        results = [member.compute(configuration) for member in members]
        energies = torch.stack([energy for energy, _ in results])
        return energies.mean(0), torch.stack([forces for _, forces in results]).mean(0)

    @classmethod
    def mean_of(cls, members: list[Self]) -> Self | None:
        """One potential that is the mean of several, where there is one of this kind; else None.

        It may share with them what all compute alike.
        """
        return None

    @abc.abstractmethod
    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Tensors, and plain values, from which `from_state` makes the potential again."""

    @classmethod
    @abc.abstractmethod
    def from_state(cls, tensors: dict[str, torch.Tensor], values: dict[str, Any]) -> Self:
        """The inverse of `state`; computes in the type and on the device of the tensors."""

    def check_beads(self, molecule: Topology) -> None:
        """Refuse beads that the potential was not made for.

        Raises:
            InputError: names, types or bonds differ from those in the potential's plain values.
        """
        values, given = with_flat_parameters(self.state()[1]), molecule.flat_parameters()
        for key, what in (("bead_names", "names"), ("bead_types", "types"), ("bonds", "bonds")):
            own = values.get(key)
            if own is not None and [*map(_plain, own)] != [*map(_plain, given[key])]:
                raise InputError(
                    f"the {self.kind} potential was fitted to beads with other {what}: it has "
                    f"{_listed(own)}, but the data have {_listed(given[key])}; fit it to a "
                    "dataset of this mapping"
                )

    def to(self, dtype: torch.dtype | None = None, device: torch.device | str = "cpu") -> Self:
        """The same potential in another floating-point type or on another device."""
        tensors, values = self.state()
        kinds = {n: (dtype or t.dtype) if t.is_floating_point() else t.dtype
                 for n, t in tensors.items()}  # fmt: skip
        return type(self).from_state(
            {name: tensor.to(device, kinds[name]) for name, tensor in tensors.items()}, values
        )


@dataclasses.dataclass(frozen=True)
class Start:
    """Data from which a trainable potential is initialised.

    Attributes:
        molecule: the beads.
        frames: some training frames.
        temperatures: of the training state points, K, ascending.
    """

    molecule: Topology
    frames: Configuration[torch.Tensor]
    temperatures: list[float]


class TrainablePotential(Potential):
    """A potential whose tensors are found by gradient descent."""

    @classmethod
    @abc.abstractmethod
    def initial(cls, settings: Any, start: Start, generator: torch.Generator) -> Self:
        """The potential before training.

        Args:
            settings: of the config's section `potentials`.
            start: facts about the training data.
            generator: of random weights.
        """

    @abc.abstractmethod
    def trainable(self) -> list[torch.Tensor]:
        """Tensors that training changes, in place."""

    def energy(self, configuration: Configuration[torch.Tensor]) -> torch.Tensor:
        """Energies alone, with their gradient in the tensors that training changes.

        Args:
            configuration: n of them, in the potential's type and on its device.

        Returns:
            kJ/mol, shape (n,).
        """
        return self.energy_and_forces(configuration)[0]


class EnsembleMean(Potential):
    """Mean of several potentials; their spread measures the uncertainty of the mean."""

    kind = "ensemble"

    def __init__(self, members: list[Potential]) -> None:
        super().__init__(members[0].dtype, members[0].device)
        self.members = members
        self._mean = type(members[0]).mean_of(members)

    @property
    def supports_periodic(self):
        return all(member.supports_periodic for member in self.members)

    @property
    def compiles(self):
        return all(member.compiles for member in self.members)

    @property
    def records(self):
        return all(member.records for member in self.members)

    def require_periodic(self):
        for member in self.members:
            member.require_periodic()

    def compute(self, configuration):
        if self._mean is not None:
            return self._mean.compute(configuration)
        kind = type(self.members[0])
        return kind.mean_energy_and_forces(self.members, configuration)

    def spread(
        self, configuration: Configuration[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Standard deviations over members, of a single one and not of the mean.

        Forces determine a potential only up to a constant, so each member's mean energy over the
        batch is subtracted first.

        Args:
            configuration: n of them.

        Returns:
            kJ/mol, shape (n,); and kJ/mol/nm, shape (n, n_beads, 3).
        """
        energies, forces = self.each(configuration)
        if len(self.members) == 1:
            return torch.full_like(energies[0], torch.nan), torch.full_like(forces[0], torch.nan)
        return (energies - energies.mean(1, keepdim=True)).std(0), forces.std(0)

    def each(self, configuration: Configuration[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Energies, shape (n_members, n), and forces, shape (n_members, n, n_beads, 3)."""
        results = [member.energy_and_forces(configuration) for member in self.members]
        return tuple(torch.stack(values) for values in zip(*results, strict=True))

    @property
    def cartesian(self):
        return any(member.cartesian for member in self.members)

    @property
    def permutation_invariant(self):
        return all(member.permutation_invariant for member in self.members)

    @property
    def extensive(self):
        return all(member.extensive for member in self.members)

    @property
    def parity(self):
        return "even" if all(member.parity == "even" for member in self.members) else "none"

    def state(self):
        raise NotImplementedError("members are stored one by one")

    @classmethod
    def from_state(cls, tensors, values):
        raise NotImplementedError("members are stored one by one")

    def check_beads(self, molecule):
        for member in self.members:
            member.check_beads(molecule)

    def to(self, dtype=None, device="cpu"):
        return EnsembleMean([member.to(dtype, device) for member in self.members])


def _plain(item: str | Sequence[int]) -> str | list[int]:
    """JSON has no tuples."""
    return item if isinstance(item, str) else list(item)


def _listed(items: Sequence) -> str:
    return ", ".join(str(item) for item in items[:12]) + (", …" if len(items) > 12 else "")
