"""Potential kind `mace`: equivariant message passing with bead types as species.

U is the sum over beads of the readouts' outputs, without one-bead energies. It depends on distances
and types only through an O(3)-equivariant network: invariant under rotation, translation,
permutation of beads of a type, **and reflection**, so that it cannot distinguish mirror images.
Beads beyond the cutoff of each other exchange no messages. Where U depends on temperature, the
readouts have as many outputs as the form has parts (module `temperature`).
"""

import dataclasses
from typing import Any, Self

import numpy as np
import torch

from meanforce.core.configuration import Configuration
from meanforce.core.neighbours import FEW, neighbours
from meanforce.core.topology import Topology
from meanforce.potentials.interface import Start, TrainablePotential
from meanforce.potentials.mace_network import bead_outputs, make_network
from meanforce.potentials.temperature import TemperatureForm
from meanforce.settings.potentials.mace import MaceSettings

ENERGY_SCALE = 96.485
"""kJ/mol per eV, the unit of the readouts' outputs. In eV/Å, bonded forces are of order one."""

MOST_FRAMES = 2000
"""Frames of few beads in which neighbours are counted, at most; of many beads fewer are enough."""

MOST_EDGES = 25000
"""Edges evaluated at once where no gradient in the weights is kept, to bound memory."""


class Mace(TrainablePotential):
    """MACE with zero one-bead energies; forces by automatic differentiation.

    Args:
        values: plain values: those of the molecule, `species` (types in order), `channels`,
            `max_L`, `max_ell`, `layers`, `correlation`, `cutoff` (nm), `radial_functions`,
            `radial_hidden`, `mean_neighbours`, and those of the temperature form.
        network: made from these values.
    """

    kind = "mace"
    permutation_invariant = True
    extensive = True
    supports_periodic = True
    # The classes of e3nn stop PyTorch's tracing, after minutes.
    compiles = False

    def __init__(self, values: dict[str, Any], network: torch.nn.Module) -> None:
        some = next(network.parameters())
        super().__init__(some.dtype, some.device)
        self.values, self.network = values, network
        molecule = Topology.of(values)
        numbers = torch.tensor([values["species"].index(kind) for kind in molecule.types])
        one_hot = torch.nn.functional.one_hot(numbers, len(values["species"]))
        self._species = one_hot.to(some.device, some.dtype)
        self._temperature = TemperatureForm.of(values)

    @classmethod
    def initial(cls, settings: MaceSettings, start: Start, generator: torch.Generator) -> Self:
        """A potential with random weights."""
        values = start.molecule.parameters() | settings.model_dump(
            exclude={"kind", "training", "prior"}
        )
        values["species"] = sorted(set(start.molecule.types))
        values["mean_neighbours"] = _mean_neighbours(start.frames, settings.cutoff)
        values |= TemperatureForm.initial(settings.temperature, start.temperatures).parameters()
        seed = int(torch.randint(2**31, (1,), generator=generator))
        # mace-torch draws from the global generator.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = make_network(values, start.frames.positions.dtype)
        return cls(values, network.requires_grad_(False))

    @property
    def parity(self):
        return "even"

    def trainable(self) -> list[torch.Tensor]:
        """All weights."""
        return list(self.network.parameters())

    def energy(self, configuration):
        # Their gradient in the positions would cost three times as much.
        return self._energy(self._at_own_temperatures(configuration))

    def compute(self, configuration):
        n_beads, configuration = configuration.n_beads, self._at_own_temperatures(configuration)
        if torch.is_grad_enabled() and any(w.requires_grad for w in self.trainable()):
            return self._evaluate(configuration, training=True)
        chunk = max(1, MOST_EDGES // max(1, n_beads * (n_beads - 1)))
        results = [self._evaluate(part, training=False) for part in configuration.split(chunk)]
        return tuple(torch.cat(part) for part in zip(*results, strict=True))

    def _at_own_temperatures(
        self, configuration: Configuration[torch.Tensor]
    ) -> Configuration[torch.Tensor]:
        """The same with a temperature for each configuration."""
        temperature = torch.as_tensor(
            configuration.temperature, dtype=self.dtype, device=self.device
        )
        return configuration.at(temperature.expand(len(configuration)))

    def _evaluate(
        self, configuration: Configuration[torch.Tensor], training: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Energies and forces of a batch; with `training`, with their gradient in the weights."""
        with torch.enable_grad():
            positions = configuration.positions.detach().requires_grad_(True)
            energy = self._energy(dataclasses.replace(configuration, positions=positions))
            # A lone bead, out of reach of all others, has no gradient.
            (gradient,) = torch.autograd.grad(
                energy.sum(), positions, create_graph=training, materialize_grads=True
            )
        return (energy, -gradient) if training else (energy.detach(), -gradient)

    def _energy(self, configuration: Configuration[torch.Tensor]) -> torch.Tensor:
        n, n_beads = len(configuration), configuration.n_beads
        edges, offsets = self._edges(configuration)
        beads = configuration.positions.reshape(-1, 3)
        vectors = beads[edges[1]] - beads[edges[0]]
        if offsets is not None:
            vectors = vectors + offsets
        outputs = bead_outputs(self.network, vectors, edges, self._species.repeat(n, 1))
        outputs = ENERGY_SCALE * outputs.view(n, n_beads, -1).sum(1)
        factors = self._temperature.factors(configuration.temperature, outputs)
        return (outputs * factors).sum(1)

    def _edges(
        self, configuration: Configuration[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Sender and receiver among all beads of the batch, and what periodic images add, nm."""
        arrays = configuration.map(lambda tensor: tensor.detach().cpu().numpy())
        found = neighbours(arrays.positions, arrays.cell, self.values["cutoff"], both_ways=True)
        edges = np.stack([found.first, found.second]) + configuration.n_beads * found.frame
        offsets = found.offsets(arrays.cell)
        if offsets is not None:
            offsets = torch.from_numpy(offsets).to(self.device, self.dtype)
        return torch.from_numpy(edges).to(self.device), offsets

    def state(self):
        return {n: t.detach() for n, t in self.network.state_dict().items()}, self.values

    @classmethod
    def from_state(cls, tensors, values):
        dtype, device = _kind(tensors)
        network = make_network(values, dtype).to(device)
        network.load_state_dict(tensors)
        return cls(values, network.requires_grad_(False))


def _kind(tensors: dict[str, torch.Tensor]) -> tuple[torch.dtype, torch.device]:
    """Floating-point type and device of a network's tensors."""
    some = next(tensor for tensor in tensors.values() if tensor.is_floating_point())
    return some.dtype, some.device


def _mean_neighbours(frames: Configuration[torch.Tensor], cutoff: float) -> float:
    """Mean number of beads within the cutoff of a bead, 1 at least, over some of the frames."""
    n_beads = frames.n_beads
    most = max(MOST_FRAMES // 100, MOST_FRAMES * FEW // max(FEW, n_beads))
    some = frames.select(slice(None, None, max(1, len(frames) // most)))
    n, found = len(some), 0
    for part in some.split(max(1, MOST_FRAMES * FEW // 100 // n_beads)):
        part = part.map(lambda tensor: tensor.cpu().numpy())
        found += len(neighbours(part.positions, part.cell, cutoff, both_ways=True))
    # Each bead is counted as its own neighbour, then subtracted: older models have this rounding.
    return max(1.0, float(found + n * n_beads) / n / n_beads - 1.0)
