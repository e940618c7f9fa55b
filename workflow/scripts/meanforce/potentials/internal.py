"""Potentials that are functions of internal coordinates, and sums of them.

Evaluating coordinates and pulling gradients back to the beads costs about as much as a small
network. So several such potentials of the same beads share one evaluation and one pull-back.
"""

import abc
import dataclasses
from typing import Self

import torch

from meanforce.core.configuration import Configuration
from meanforce.core.coordinates import CoordinateList
from meanforce.potentials.geometry import InternalCoordinates
from meanforce.potentials.interface import Potential
from meanforce.potentials.whole import WholeMolecule


class InternalPotential(Potential):
    """U(q(R); T), given by its energy and gradient in the coordinates q.

    In a periodic cell, coordinates are those of the molecule made whole through its bonds, or,
    where `whole` is None, of the nearest images of the beads.

    Attributes:
        internal: the coordinates; the same for all members of an ensemble.
        whole: makes the molecule whole.
    """

    internal: InternalCoordinates
    whole: WholeMolecule | None = None

    @abc.abstractmethod
    def energy_and_gradient(
        self, coordinates: torch.Tensor, temperature: float | torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Energies and their gradients in the coordinates.

        Args:
            coordinates: nm or rad, shape (n, n_coordinates).
            temperature: K, one number or shape (n,).

        Returns:
            kJ/mol, shape (n,); and kJ/mol/nm or kJ/mol/rad, shape (n, n_coordinates).
        """

    def compute(self, configuration):
        return self.mean_energy_and_forces([self], configuration)

    @classmethod
    def mean_energy_and_forces(
        cls, members: list[Self], configuration: Configuration[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        internal = members[0].internal
        coordinates, vectors = _evaluated(internal, configuration, members[0].whole)
        temperature = configuration.temperature
        energy, gradient = cls.mean_energy_and_gradient(members, coordinates, temperature)
        return energy, -internal.pull_back(gradient, vectors)

    @classmethod
    def mean_energy_and_gradient(
        cls, members: list[Self], coordinates: torch.Tensor, temperature: float | torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean over several potentials, as in `energy_and_gradient`."""
        results = [member.energy_and_gradient(coordinates, temperature) for member in members]
        energy, gradient = (sum(parts) for parts in zip(*results, strict=True))
        return energy / len(members), gradient / len(members)


def _evaluated(
    internal: InternalCoordinates,
    configuration: Configuration[torch.Tensor],
    whole: WholeMolecule | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    if configuration.cell is None or whole is None:
        return internal.evaluate(configuration.positions, configuration.cell)
    return internal.evaluate(whole(configuration.positions, configuration.cell))


class InternalSum:
    """Sum of two potentials of the same beads; coordinates that both use are evaluated once.

    Args:
        first: a potential.
        second: another one, of the same type and device.
    """

    def __init__(self, first: InternalPotential, second: InternalPotential) -> None:
        lists = [potential.internal.coordinates for potential in (first, second)]
        fields = [field.name for field in dataclasses.fields(CoordinateList)]
        both = CoordinateList(
            **{f: tuple(dict.fromkeys(getattr(lists[0], f) + getattr(lists[1], f))) for f in fields}
        )
        self._internal = InternalCoordinates(
            both, first.internal.n_beads, first.dtype, first.device
        )
        # Both are of the same beads: one way of making these whole serves both.
        self._whole = first.whole
        columns = {
            entry: number
            for number, entry in enumerate((f, beads) for f in fields for beads in getattr(both, f))
        }
        self._columns = [
            None if part == both else torch.tensor(
                [columns[f, beads] for f in fields for beads in getattr(part, f)],
                dtype=torch.long, device=first.device,
            )
            for part in lists
        ]  # fmt: skip

    def mean_energy_and_forces(
        self,
        ensembles: tuple[list[InternalPotential], list[InternalPotential]],
        configuration: Configuration[torch.Tensor],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean over potentials like the first, plus the mean over potentials like the second."""
        coordinates, vectors = _evaluated(self._internal, configuration, self._whole)
        energy, gradient = 0.0, torch.zeros_like(coordinates)
        for members, columns in zip(ensembles, self._columns, strict=True):
            own = coordinates if columns is None else coordinates.index_select(1, columns)
            kind = type(members[0])
            part, along = kind.mean_energy_and_gradient(members, own, configuration.temperature)
            energy = energy + part
            gradient = (
                gradient + along if columns is None else gradient.index_add(1, columns, along)
            )
        return energy, -self._internal.pull_back(gradient, vectors)
