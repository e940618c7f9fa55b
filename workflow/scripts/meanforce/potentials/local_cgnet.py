"""Potential kind `local_cgnet`: a multilayer perceptron for each bead, of what is near it.

U is the sum over beads, as in Behler, Parrinello, Phys. Rev. Lett. 98, 146401 (2007). Beads near
along the bonds enter by internal coordinates, as in `cgnet`, so that mirror images differ; all
others by densities within a cutoff. The networks' input gradient is written out, so that training
needs one backward pass instead of two and dynamics none.
"""

import itertools
from typing import Any, Self

import torch

from meanforce.core.configuration import Configuration
from meanforce.core.topology import Topology
from meanforce.errors import InputError
from meanforce.potentials.cgnet import ENERGY_SCALE
from meanforce.potentials.geometry import InternalCoordinates
from meanforce.potentials.interface import Start, TrainablePotential
from meanforce.potentials.local_inputs import BondedInputs, Densities
from meanforce.potentials.temperature import TemperatureForm
from meanforce.potentials.whole import SEVERAL, WholeMolecule, is_one, refuse_several
from meanforce.settings.potentials.local_cgnet import LocalCgnetSettings

ELEMENTS = {"cpu": 250_000, "cuda": 25_000_000}
"""Pairs times configurations evaluated at once where no gradient in the weights is kept: on a CPU
their tables stay in the cache."""


class LocalCgnet(TrainablePotential):
    """MLPs with SiLU activations, of their own weights for each bead.

    Args:
        values: plain values: those of the molecule, `hidden`, `near_bonds`, `distances`, `cutoff`
            (nm), `radial_functions`, and those of the temperature form.
        tensors: `mean`, `scale` (of the inputs), `channels` (of bead types), and `weight_0`,
            `bias_0`, … of all beads.
    """

    kind = "local_cgnet"
    records = True

    def __init__(self, values: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        super().__init__(tensors["channels"].dtype, tensors["channels"].device)
        self.values, self.tensors = values, tensors
        molecule = Topology.of(values)
        self._bonded = BondedInputs(
            molecule, values["near_bonds"], values["distances"], self.device
        )
        self._internal = InternalCoordinates(
            self._bonded.coordinates, molecule.size, self.dtype, self.device
        )
        self._densities = Densities(
            molecule, values["near_bonds"], values["radial_functions"], values["cutoff"],
            self.dtype, self.device,
        )  # fmt: skip
        self._types = torch.tensor(_type_numbers(molecule), device=self.device)
        self._temperature = TemperatureForm.of(values)
        if is_one(molecule):
            self._whole = WholeMolecule(molecule, self.dtype, self.device)
            self.supports_periodic = True

    @property
    def needs_no_cell(self):
        return SEVERAL

    @property
    def parity(self):
        # Sines of dihedrals change their sign; all other inputs do not.
        return "none" if Topology.of(self.values).dihedrals else "even"

    @classmethod
    def initial(
        cls, settings: LocalCgnetSettings, start: Start, generator: torch.Generator
    ) -> Self:
        """A potential with random weights (Glorot-like, variance 1/inputs).

        It does not depend on temperature yet where temperature enters through the outputs.

        Raises:
            InputError: there are no bonds, or frames have cells, and beads are several molecules.
        """
        molecule, dtype = start.molecule, start.frames.positions.dtype
        if not molecule.bonds:
            raise InputError(
                f"potential of kind '{cls.kind}': needs bonds between beads, but there are none; "
                "use 'cgnet'"
            )
        if start.frames.cell is not None:
            refuse_several(molecule, cls.kind)
        form = TemperatureForm.initial(settings.temperature, start.temperatures)
        names = ("hidden", "near_bonds", "distances", "cutoff", "radial_functions")
        values = molecule.parameters() | {name: getattr(settings, name) for name in names}
        values |= form.parameters()
        n_types = max(_type_numbers(molecule)) + 1

        def random(*shape: int) -> torch.Tensor:
            return torch.randn(shape, generator=generator, dtype=dtype)

        tensors = {"channels": random(settings.channels, n_types)}
        made = cls(values, tensors)
        parts = start.frames.split(made._at_once)
        inputs = torch.cat([made._inputs(made._whole_beads(part)) for part in parts], 2)
        tensors["mean"] = inputs.mean(2, keepdim=True)
        # A constant input (a rigid bond, say) must not be divided by zero.
        tensors["scale"] = inputs.std(2, keepdim=True).clamp_min(1e-3)
        widths = [inputs.shape[1] + form.inputs, *settings.hidden, form.outputs]
        for layer, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
            tensors[f"weight_{layer}"] = random(molecule.size, n_out, n_in) / n_in**0.5
            tensors[f"bias_{layer}"] = torch.zeros(molecule.size, n_out, 1, dtype=dtype)
        tensors[f"weight_{len(settings.hidden)}"][:, 1:] = 0.0
        return cls(values, tensors)

    def trainable(self) -> list[torch.Tensor]:
        """Weights and biases, and what is learned about bead types."""
        fixed = ("mean", "scale")
        return [tensor for name, tensor in self.tensors.items() if name not in fixed]

    def compute(self, configuration):
        return self.mean_energy_and_forces([self], configuration)

    @classmethod
    def mean_energy_and_forces(cls, members, configuration):
        weights = [tensor for member in members for tensor in member.trainable()]
        training = torch.is_grad_enabled() and any(weight.requires_grad for weight in weights)
        if training or torch.compiler.is_compiling():
            return cls._evaluate(members, configuration)
        parts = configuration.split(members[0]._at_once)
        results = [cls._evaluate(members, part) for part in parts]
        return tuple(torch.cat(part) for part in zip(*results, strict=True))

    @classmethod
    def _evaluate(
        cls, members: list[Self], configuration: Configuration[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Result of `mean_energy_and_forces`; what members have in common is computed once."""
        first = members[0]
        beads = first._whole_beads(configuration)
        coordinates, vectors = first._internal.evaluate(beads.permute(2, 0, 1))
        bonded, features = first._bonded.of(coordinates.T)
        channels = [member._channels for member in members]
        densities = first._densities.of(beads, channels)
        energy, at_bonded, at_densities = 0.0, 0.0, []
        for member, own in zip(members, densities, strict=True):
            inputs = torch.cat([bonded, own], 1)
            part, gradient = member._network(inputs, configuration.temperature)
            energy = energy + part / len(members)
            gradient = gradient / len(members)
            at_bonded = at_bonded + gradient[:, : bonded.shape[1]]
            at_densities.append(gradient[:, bonded.shape[1] :])
        along = first._bonded.pull_back(features, at_bonded).T
        gradient = first._densities.pull_back(beads, channels, at_densities).permute(2, 0, 1)
        return energy, -gradient - first._internal.pull_back(along, vectors)

    @property
    def _at_once(self) -> int:
        """Configurations whose tables of pairs are made at once."""
        return max(1, ELEMENTS[self.device.type] // len(self._types) ** 2)

    @property
    def _channels(self) -> torch.Tensor:
        """Weights of the beads in the densities, shape (channels, n_beads)."""
        return self.tensors["channels"].index_select(1, self._types)

    def _whole_beads(self, configuration: Configuration[torch.Tensor]) -> torch.Tensor:
        """Positions of the molecule in one piece, nm, shape (n_beads, 3, n)."""
        positions = configuration.positions
        if configuration.cell is not None:
            positions = self._whole(positions, configuration.cell)
        return positions.permute(1, 2, 0).contiguous()

    def _inputs(self, beads: torch.Tensor) -> torch.Tensor:
        """All inputs but temperature, shape (n_beads, n_inputs, n)."""
        coordinates, _ = self._internal.evaluate(beads.permute(2, 0, 1))
        bonded, _ = self._bonded.of(coordinates.T)
        return torch.cat([bonded, *self._densities.of(beads, [self._channels])], 1)

    def _network(
        self, inputs: torch.Tensor, temperature: float | torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Energy in kJ/mol, shape (n,), and its gradient in the inputs, of the inputs' shape."""
        tensors, form = self.tensors, self._temperature
        # Dividing weights instead of inputs: there are fewer of them.
        scaled = tensors["weight_0"][:, :, : inputs.shape[1]] / tensors["scale"].transpose(1, 2)
        hidden, first = inputs - tensors["mean"], scaled
        if form.inputs:
            row = form.reduced(temperature, inputs).T
            hidden = torch.cat([hidden, row.expand(len(hidden), 1, hidden.shape[2])], 1)
            first = torch.cat([scaled, tensors["weight_0"][:, :, inputs.shape[1] :]], 2)
        last = len(self.values["hidden"])
        weights = [first, *(tensors[f"weight_{layer}"] for layer in range(1, last + 1))]
        slopes = []
        for layer in range(last):
            z = torch.baddbmm(tensors[f"bias_{layer}"], weights[layer], hidden)
            gate = torch.sigmoid(z)
            hidden = z * gate
            slopes.append(gate + hidden * (1 - gate))
        outputs = torch.baddbmm(tensors[f"bias_{last}"], weights[last], hidden).sum(0)
        factors = form.factors(temperature, inputs).T
        energy = (outputs * factors).sum(0)
        gradient = torch.matmul(weights[last].transpose(1, 2), factors) * slopes[-1]
        for layer in range(last - 1, 0, -1):
            gradient = torch.bmm(weights[layer].transpose(1, 2), gradient) * slopes[layer - 1]
        gradient = torch.bmm(scaled.transpose(1, 2), gradient)
        return ENERGY_SCALE * energy, ENERGY_SCALE * gradient

    def state(self):
        return {name: tensor.detach() for name, tensor in self.tensors.items()}, self.values

    @classmethod
    def from_state(cls, tensors, values):
        return cls(values, tensors)


def _type_numbers(molecule: Topology) -> list[int]:
    """Of each bead, the number of its type."""
    kinds = sorted(set(molecule.types))
    return [kinds.index(one) for one in molecule.types]
