"""Potential kind `cgnet`: a multilayer perceptron on internal coordinates.

After Wang et al., ACS Cent. Sci. 5, 755 (2019): all pair distances, all angles, and sine and
cosine of all dihedrals along the bonds, standardised on the training data. The sines distinguish
mirror images. The network's input gradient is written out, so that training needs one backward pass
instead of two and dynamics none.
"""

import itertools
from typing import Any, Self

import torch

from meanforce.core.topology import Topology
from meanforce.potentials.features import Features
from meanforce.potentials.geometry import InternalCoordinates
from meanforce.potentials.interface import Start, TrainablePotential
from meanforce.potentials.internal import InternalPotential
from meanforce.potentials.temperature import TemperatureForm
from meanforce.potentials.whole import SEVERAL, WholeMolecule, is_one, refuse_several
from meanforce.settings.potentials.cgnet import CgnetSettings
from meanforce.units import kt

ENERGY_SCALE = kt(300.0)
"""The network's outputs are in this unit (kJ/mol)."""


class Cgnet(InternalPotential, TrainablePotential):
    """MLP with SiLU activations on standardised internal coordinates and, optionally, temperature.

    Args:
        values: plain values: those of the molecule, `hidden` (widths), `distances` (how they enter;
            models without this key use plain distances), and those of the temperature form.
        tensors: `mean`, `scale` (of the features), `weight_0`, `bias_0`, ....
    """

    kind = "cgnet"
    records = True

    def __init__(self, values: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        super().__init__(tensors["mean"].dtype, tensors["mean"].device)
        self.values = values
        self.tensors = tensors
        molecule = Topology.of(values)
        self._features = Features(molecule, values.get("distances", "plain"))
        self.internal = InternalCoordinates(
            self._features.coordinates, molecule.size, self.dtype, self.device
        )
        self._temperature = TemperatureForm.of(values)
        if is_one(molecule):
            self.whole = WholeMolecule(molecule, self.dtype, self.device)
            self.supports_periodic = True

    @property
    def needs_no_cell(self):
        return SEVERAL

    @classmethod
    def initial(cls, settings: CgnetSettings, start: Start, generator: torch.Generator) -> Self:
        """A potential with random weights (Glorot-like, variance 1/inputs).

        It does not depend on temperature yet where temperature enters through the outputs.

        Raises:
            InputError: frames have cells, and beads of several molecules.
        """
        if start.frames.cell is not None:
            refuse_several(start.molecule, cls.kind)
        form = TemperatureForm.initial(settings.temperature, start.temperatures)
        values = (
            start.molecule.parameters()
            | {"hidden": settings.hidden, "distances": settings.distances}
            | form.parameters()
        )
        positions, cell = start.frames.positions, start.frames.cell
        dtype = positions.dtype
        inputs = Features(start.molecule, settings.distances)
        internal = InternalCoordinates(inputs.coordinates, start.molecule.size, dtype)
        if cell is not None:
            positions = WholeMolecule(start.molecule, dtype)(positions, cell)
        features = inputs.of(internal.evaluate(positions)[0])
        # A constant feature (a rigid bond, say) must not be divided by zero.
        tensors = {"mean": features.mean(0), "scale": features.std(0).clamp_min(1e-4)}
        widths = [features.shape[1] + form.inputs, *settings.hidden, 1]
        for layer, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
            random = torch.randn(n_in, n_out, generator=generator, dtype=dtype)
            tensors[f"weight_{layer}"] = random / n_in**0.5
            tensors[f"bias_{layer}"] = torch.zeros(n_out, dtype=dtype)
        more, last = form.outputs - 1, len(settings.hidden)
        for name in (f"weight_{last}", f"bias_{last}"):
            tensors[name] = torch.nn.functional.pad(tensors[name], (0, more))
        return cls(values, tensors)

    @property
    def parity(self):
        # Sines of dihedrals change their sign; all other features do not.
        return "none" if Topology.of(self.values).dihedrals else "even"

    def trainable(self) -> list[torch.Tensor]:
        """Weights and biases."""
        return [t for name, t in self.tensors.items() if name.startswith(("weight", "bias"))]

    def energy_and_gradient(self, coordinates, temperature):
        return self.mean_energy_and_gradient([self], coordinates, temperature)

    @classmethod
    def mean_energy_and_gradient(cls, members, coordinates, temperature):
        # Features depend on the beads only, so all members take the same.
        inputs = members[0]._features
        features = inputs.of(coordinates)
        results = [member._network(features, temperature) for member in members]
        energy, gradient = (sum(parts) / len(members) for parts in zip(*results, strict=True))
        return energy, inputs.pull_back(features, gradient)

    def _network(
        self, features: torch.Tensor, temperature: float | torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Energy in kJ/mol, shape (n,), and its gradient in the features, shape (n, size)."""
        tensors, form = self.tensors, self._temperature
        hidden = (features - tensors["mean"]) / tensors["scale"]
        if form.inputs:
            column = form.reduced(temperature, hidden)
            hidden = torch.cat([hidden, column.expand(len(hidden), 1)], dim=1)
        n_layers = len(self.values["hidden"])
        slopes = []
        for layer in range(n_layers):
            z = torch.addmm(tensors[f"bias_{layer}"], hidden, tensors[f"weight_{layer}"])
            gate = torch.sigmoid(z)
            hidden = z * gate
            slopes.append(gate + hidden * (1 - gate))
        last, bias = tensors[f"weight_{n_layers}"], tensors[f"bias_{n_layers}"]
        if form.outputs == 1:
            energy, seed = (hidden @ last)[:, 0] + bias[0], last[:, 0]
        else:
            factors = form.factors(temperature, hidden)
            energy, seed = ((hidden @ last + bias) * factors).sum(1), factors @ last.T
        gradient = seed * slopes[-1]
        for layer in range(n_layers - 1, 0, -1):
            gradient = (gradient @ tensors[f"weight_{layer}"].T) * slopes[layer - 1]
        gradient = gradient @ tensors["weight_0"][: features.shape[1]].T
        return ENERGY_SCALE * energy, ENERGY_SCALE * gradient / tensors["scale"]

    def state(self):
        return {name: tensor.detach() for name, tensor in self.tensors.items()}, self.values

    @classmethod
    def from_state(cls, tensors, values):
        return cls(values, tensors)
