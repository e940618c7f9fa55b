"""Temperature replica exchange among the chains of a batch.

Sugita, Okamoto, Chem. Phys. Lett. 314, 141 (1999). The batch holds ladders of one chain at each
temperature; chain number level·n_ladders + ladder is at a level of a ladder. Neighbouring levels
swap configurations with probability min(1, exp[(β_i − β_j)(E_i − E_j)]), velocities rescaled. The
energy E is the same function at all levels, so that the lowest samples it at its temperature.
"""

import torch

from meanforce.dynamics.langevin import State, chains_last
from meanforce.settings.simulations import TemperatureExchangeSettings
from meanforce.units import kt


class Ladders:
    """Temperatures of the chains, and the round trips of configurations along them.

    Args:
        settings: of the exchange, or None: one level.
        chains: number of chains.
        temperature: of the lowest level, K.
    """

    def __init__(
        self, settings: TemperatureExchangeSettings | None, chains: int, temperature: float
    ) -> None:
        self.temperatures = settings.temperatures(temperature) if settings else [temperature]
        self.levels = len(self.temperatures)
        self.count = chains // self.levels
        grid = torch.arange(chains).reshape(self.levels, self.count)
        self._attempts = 0
        self._tensors = {
            "walkers": grid.clone(),
            "accepted": torch.zeros(max(self.levels - 1, 1), dtype=torch.long),
            "attempted": torch.zeros(max(self.levels - 1, 1), dtype=torch.long),
            # For each configuration, whether it was at the top since it was last at the bottom.
            "was_at_top": torch.zeros(chains, dtype=torch.bool),
            "round_trips": torch.zeros(chains, dtype=torch.long),
        }

    def of_chains(self, device: torch.device) -> float | torch.Tensor:
        """Temperatures of all chains in K: one number, or shape (n_chains,)."""
        if self.levels == 1:
            return self.temperatures[0]
        levels = torch.tensor(self.temperatures, dtype=torch.float64, device=device)
        return levels.repeat_interleave(self.count)

    def lowest(self, tensor: torch.Tensor) -> torch.Tensor:
        """The part of a tensor of all chains that belongs to the lowest level."""
        return tensor[: self.count]

    def exchange(self, state: State, energies: torch.Tensor, generator: torch.Generator) -> State:
        """Attempt to swap every other pair of neighbouring levels, in turns, in all ladders.

        Args:
            state: of all chains.
            energies: that the chains move in, kJ/mol, shape (n_chains,).
            generator: of random numbers, where the chains are.
        """
        first = self._attempts % 2 if self.levels > 2 else 0
        self._attempts += 1
        random = torch.rand(
            self.levels - 1, self.count, generator=generator, device=energies.device
        )
        random, energy = random.double().cpu(), energies.double().cpu().view(self.levels, -1)
        source = torch.arange(len(energies)).view(self.levels, -1)
        tensors = self._tensors
        for low in range(first, self.levels - 1, 2):
            pair = [low, low + 1]
            beta_low, beta_high = (1.0 / kt(self.temperatures[level]) for level in pair)
            exponent = (beta_low - beta_high) * (energy[low] - energy[low + 1])
            # A broken chain may have no energy; it is never swapped.
            swapped = (random[low] < torch.exp(exponent)) & torch.isfinite(exponent)
            tensors["attempted"][low] += self.count
            tensors["accepted"][low] += int(swapped.sum())
            for table in (source, tensors["walkers"]):
                table[pair] = torch.where(swapped, table[pair].flip(0), table[pair])
        self._note_ends()
        return self._moved(state, source)

    def _moved(self, state: State, source: torch.Tensor) -> State:
        device = state.positions.device
        temperatures = torch.tensor(self.temperatures, dtype=torch.float64)
        scale = torch.sqrt(temperatures[:, None] / temperatures[source // self.count]).reshape(-1)
        order = source.reshape(-1).to(device)
        moved = state.map(lambda tensor: chains_last(tensor[order]))
        moved.velocities.mul_(scale.to(moved.velocities)[:, None, None])
        return moved

    def _note_ends(self) -> None:
        tensors = self._tensors
        bottom, top = tensors["walkers"][0], tensors["walkers"][-1]
        tensors["round_trips"][bottom] += tensors["was_at_top"][bottom].long()
        tensors["was_at_top"][bottom] = False
        tensors["was_at_top"][top] = True

    def round_trips(self) -> float:
        """How often a configuration went from the bottom to the top and back, on average."""
        return float(self._tensors["round_trips"].double().mean())

    def about(self) -> dict[str, list[float] | float]:
        """Plain values: temperatures, acceptance of each pair of neighbours, round trips."""
        accepted, attempted = self._tensors["accepted"], self._tensors["attempted"]
        return {
            "temperatures": self.temperatures,
            "acceptance": (accepted / attempted.clamp_min(1)).tolist(),
            "round_trips": self.round_trips(),
        }

    def tensors(self) -> dict[str, torch.Tensor]:
        """What changes during the run."""
        return self._tensors | {"attempts": torch.tensor(self._attempts)}

    def restore(self, tensors: dict[str, torch.Tensor]) -> None:
        """The inverse of `tensors`."""
        self._tensors = {name: tensors[name] for name in self._tensors}
        self._attempts = int(tensors["attempts"])
