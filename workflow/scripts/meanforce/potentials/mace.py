"""Potential kind `mace`: equivariant message passing with bead types as species.

U = Σ_beads of what the readouts say; every bead counts from zero. It depends on distances and
types only through an O(3)-equivariant network: invariant under rotation, translation, permutation
of beads of a type, **and reflection**, so that it cannot tell mirror images apart. Beads beyond
the cutoff of each other exchange no messages. Where U depends on temperature, the readouts have
as many outputs as the form has parts (module `temperature`).
"""

from typing import Any, Self

import torch

from meanforce.core.topology import Topology
from meanforce.potentials.interface import Start, TrainablePotential
from meanforce.potentials.mace_network import bead_outputs, make_network
from meanforce.potentials.temperature import TemperatureForm
from meanforce.settings.potentials.mace import MaceSettings

ENERGY_SCALE = 96.485
"""The readouts' outputs are in eV, this many kJ/mol. In eV/Å, bonded forces are of order one."""

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

    def __init__(self, values: dict[str, Any], network: torch.nn.Module) -> None:
        some = next(network.parameters())
        super().__init__(some.dtype, some.device)
        self.values, self.network = values, network
        molecule = Topology.of(values)
        numbers = torch.tensor([values["species"].index(kind) for kind in molecule.types])
        one_hot = torch.nn.functional.one_hot(numbers, len(values["species"]))
        self._species = one_hot.to(some.device, some.dtype)
        self._temperature = TemperatureForm.of(values)
        self._pairs = _ordered_pairs(molecule.size).to(some.device)

    @classmethod
    def initial(cls, settings: MaceSettings, start: Start, generator: torch.Generator) -> Self:
        """A potential with random weights."""
        values = start.molecule.parameters() | settings.model_dump(
            exclude={"kind", "training", "prior"}
        )
        values["species"] = sorted(set(start.molecule.types))
        values["mean_neighbours"] = _mean_neighbours(start.positions, settings.cutoff)
        values |= TemperatureForm.initial(settings.temperature, start.temperatures).parameters()
        seed = int(torch.randint(2**31, (1,), generator=generator))
        # mace-torch draws from the global generator.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = make_network(values, start.positions.dtype)
        return cls(values, network.requires_grad_(False))

    @property
    def parity(self):
        return "even"

    def trainable(self) -> list[torch.Tensor]:
        """All weights."""
        return list(self.network.parameters())

    def energy_and_forces(self, positions, temperature):
        temperature = torch.as_tensor(temperature, dtype=self.dtype, device=self.device)
        temperature = temperature.expand(len(positions))
        if torch.is_grad_enabled() and any(w.requires_grad for w in self.trainable()):
            return self._evaluate(positions, temperature, training=True)
        chunk = max(1, MOST_EDGES // max(1, self._pairs.shape[1]))
        parts = zip(positions.split(chunk), temperature.split(chunk), strict=True)
        results = [self._evaluate(*part, training=False) for part in parts]
        return tuple(torch.cat(part) for part in zip(*results, strict=True))

    def _evaluate(
        self, positions: torch.Tensor, temperature: torch.Tensor, training: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Energies and forces of a batch; with `training`, with their gradient in the weights."""
        with torch.enable_grad():
            positions = positions.detach().requires_grad_(True)
            energy = self._energy(positions, temperature)
            # A lone bead, out of reach of all others, has no gradient.
            (gradient,) = torch.autograd.grad(
                energy.sum(), positions, create_graph=training, materialize_grads=True
            )
        return (energy, -gradient) if training else (energy.detach(), -gradient)

    def _energy(self, positions: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
        n, n_beads = positions.shape[:2]
        first, second = self._pairs
        with torch.no_grad():
            near = (positions[:, second] - positions[:, first]).norm(dim=-1) < self.values["cutoff"]
            frame, pair = torch.nonzero(near, as_tuple=True)
            edges = torch.stack([first[pair], second[pair]]) + n_beads * frame
        beads = positions.reshape(-1, 3)
        vectors = beads[edges[1]] - beads[edges[0]]
        outputs = bead_outputs(self.network, vectors, edges, self._species.repeat(n, 1))
        outputs = ENERGY_SCALE * outputs.view(n, n_beads, -1).sum(1)
        return (outputs * self._temperature.factors(temperature, outputs)).sum(1)

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


def _ordered_pairs(n_beads: int) -> torch.Tensor:
    """Each bead with each other one: shape (2, n_beads·(n_beads − 1))."""
    every = torch.cartesian_prod(torch.arange(n_beads), torch.arange(n_beads))
    return every[every[:, 0] != every[:, 1]].T.contiguous()


def _mean_neighbours(positions: torch.Tensor, cutoff: float, most: int = 2000) -> float:
    """Mean number of beads within the cutoff of a bead, 1 at least, over some of the frames."""
    some = positions[:: max(1, len(positions) // most)]
    near = torch.cdist(some, some) < cutoff
    return max(1.0, float(near.sum()) / near.shape[0] / near.shape[1] - 1.0)
