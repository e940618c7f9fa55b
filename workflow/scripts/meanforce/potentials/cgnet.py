"""Potential kind `cgnet`: a multilayer perceptron on internal coordinates.

After Wang et al., ACS Cent. Sci. 5, 755 (2019): all pair distances, all angles, and sine and
cosine of all dihedrals along the bonds, standardised on the training data. Sine makes it tell
mirror images apart. The network's input gradient is written out, so that training needs one
backward pass instead of two and dynamics none.
"""

import itertools
from typing import Any, Self

import torch

from meanforce.potentials.geometry import InternalCoordinates
from meanforce.potentials.interface import Start, TrainablePotential
from meanforce.potentials.molecule import Molecule
from meanforce.settings.network_potentials import Cgnet as CgnetSettings
from meanforce.units import kt

ENERGY_SCALE = kt(300.0)
"""The network's output is in this unit (kJ/mol)."""


class Features:
    """Network inputs of a batch, and the way back from their gradient to bead forces."""

    def __init__(
        self, molecule: Molecule, dtype: torch.dtype, device: torch.device | str = "cpu"
    ) -> None:
        self.coordinates = molecule.all_coordinates()
        self.n_dihedrals = len(self.coordinates.dihedrals)
        self.size = self.coordinates.size + self.n_dihedrals
        self._internal = InternalCoordinates(self.coordinates, molecule.size, dtype, device)

    def evaluate(self, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Features (n, size): distances, angles, sines, cosines; and gradient vectors."""
        values, vectors = self._internal.evaluate(positions)
        if not self.n_dihedrals:
            return values, vectors
        plain, dihedrals = values[:, : -self.n_dihedrals], values[:, -self.n_dihedrals :]
        return torch.cat([plain, torch.sin(dihedrals), torch.cos(dihedrals)], dim=1), vectors

    def forces(
        self, features: torch.Tensor, gradient: torch.Tensor, vectors: torch.Tensor
    ) -> torch.Tensor:
        """−dU/dR, shape (n, n_beads, 3), from dU/dfeatures, shape (n, size)."""
        n = self.n_dihedrals
        if n:
            sine, cosine = features[:, -2 * n : -n], features[:, -n:]
            along = gradient[:, -2 * n : -n] * cosine - gradient[:, -n:] * sine
            gradient = torch.cat([gradient[:, : -2 * n], along], dim=1)
        return -self._internal.pull_back(gradient, vectors)


class Cgnet(TrainablePotential):
    """MLP with SiLU activations on standardised internal coordinates and, maybe, temperature.

    Args:
        values: plain values: `bead_names`, `bonds`, `hidden` (widths), `temperature` (``none``
            or ``feature``), `temperature_center` and `temperature_scale` (K).
        tensors: `mean`, `scale` (of the features), `weight_0`, `bias_0`, ....
    """

    kind = "cgnet"

    def __init__(self, values: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        super().__init__(tensors["mean"].dtype, tensors["mean"].device)
        self.values = values
        self.tensors = tensors
        self.features = Features(Molecule.of(values), self.dtype, self.device)

    @classmethod
    def initial(cls, settings: CgnetSettings, start: Start, generator: torch.Generator) -> Self:
        """A potential with random weights (Glorot-like, variance 1/inputs)."""
        low, high = start.temperatures[0], start.temperatures[-1]
        values = start.molecule.parameters() | {
            "hidden": settings.hidden,
            "temperature": settings.temperature,
            "temperature_center": (low + high) / 2,
            "temperature_scale": max((high - low) / 2, 1.0),
        }
        dtype = start.positions.dtype
        features = Features(start.molecule, dtype).evaluate(start.positions)[0]
        # A constant feature (a rigid bond, say) must not be divided by zero.
        tensors = {"mean": features.mean(0), "scale": features.std(0).clamp_min(1e-4)}
        inputs = features.shape[1] + (settings.temperature == "feature")
        widths = [inputs, *settings.hidden, 1]
        for layer, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
            random = torch.randn(n_in, n_out, generator=generator, dtype=dtype)
            tensors[f"weight_{layer}"] = random / n_in**0.5
            tensors[f"bias_{layer}"] = torch.zeros(n_out, dtype=dtype)
        return cls(values, tensors)

    @property
    def parity(self):
        # Sines of dihedrals change their sign; all other features do not.
        return "none" if self.features.n_dihedrals else "even"

    def trainable(self) -> list[torch.Tensor]:
        """Weights and biases."""
        return [t for name, t in self.tensors.items() if name.startswith(("weight", "bias"))]

    def energy_and_forces(self, positions, temperature):
        features, vectors = self.features.evaluate(positions)
        energy, gradient = self._network(features, temperature)
        return energy, self.features.forces(features, gradient, vectors)

    @classmethod
    def mean_energy_and_forces(cls, members, positions, temperature):
        # Features depend on the beads only, so all members take the same.
        features, vectors = members[0].features.evaluate(positions)
        results = [member._network(features, temperature) for member in members]
        energy = sum(energy for energy, _ in results) / len(members)
        gradient = sum(gradient for _, gradient in results) / len(members)
        return energy, members[0].features.forces(features, gradient, vectors)

    def _network(
        self, features: torch.Tensor, temperature: float | torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Energy in kJ/mol, shape (n,), and its gradient in the features, shape (n, size)."""
        tensors = self.tensors
        hidden = (features - tensors["mean"]) / tensors["scale"]
        if self.values["temperature"] == "feature":
            reduced = (temperature - self.values["temperature_center"]) / self.values[
                "temperature_scale"
            ]
            column = torch.as_tensor(reduced, dtype=self.dtype).reshape(-1, 1)
            hidden = torch.cat([hidden, column.expand(len(hidden), 1)], dim=1)
        n_layers = len(self.values["hidden"])
        slopes = []
        for layer in range(n_layers):
            z = torch.addmm(tensors[f"bias_{layer}"], hidden, tensors[f"weight_{layer}"])
            gate = torch.sigmoid(z)
            hidden = z * gate
            slopes.append(gate + hidden * (1 - gate))
        last = tensors[f"weight_{n_layers}"]
        energy = (hidden @ last)[:, 0] + tensors[f"bias_{n_layers}"][0]
        gradient = last[:, 0] * slopes[-1]
        for layer in range(n_layers - 1, 0, -1):
            gradient = (gradient @ tensors[f"weight_{layer}"].T) * slopes[layer - 1]
        gradient = gradient @ tensors["weight_0"][: features.shape[1]].T
        return ENERGY_SCALE * energy, ENERGY_SCALE * gradient / tensors["scale"]

    def state(self):
        return {name: tensor.detach() for name, tensor in self.tensors.items()}, self.values

    @classmethod
    def from_state(cls, tensors, values):
        return cls(values, tensors)
