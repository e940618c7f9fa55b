"""Batched Langevin dynamics of beads: many chains, one force evaluation a step.

Several steps may be one call, since starting compiled code takes as long as a small batch.
"""

import dataclasses
import functools
import math
from collections.abc import Callable

import torch

from meanforce.units import BOLTZMANN

Forces = Callable[[torch.Tensor], torch.Tensor]
"""Forces in kJ/mol/nm of positions in nm, both of shape (n_chains, n_beads, 3)."""

Advance = Callable[
    [torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor],
    tuple[torch.Tensor, torch.Tensor, torch.Tensor],
]
"""Positions, velocities and forces after some steps, from those before and noise.

The noise of each step follows that of the one before: shape (n_steps, n_chains, n_beads, 3).
"""


@dataclasses.dataclass
class State:
    """Chains at one instant: tensors of shape (n_chains, n_beads, 3).

    Attributes:
        positions: nm.
        velocities: nm/ps.
        forces: kJ/mol/nm, at these positions.
    """

    positions: torch.Tensor
    velocities: torch.Tensor
    forces: torch.Tensor

    def map(self, function: Callable[[torch.Tensor], torch.Tensor]) -> "State":
        """The state whose tensors are a function of these."""
        return State(*map(function, self.tensors()))

    def tensors(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """All of it, in order."""
        return self.positions, self.velocities, self.forces


def chains_last(tensor: torch.Tensor) -> torch.Tensor:
    """The same values of shape (n_chains, n_beads, 3) with chains contiguous in memory.

    Potentials compute in that order, so that nothing has to be transposed in every step.
    """
    return tensor.permute(1, 2, 0).contiguous().permute(2, 0, 1)


@dataclasses.dataclass(frozen=True)
class Langevin:
    """The BAOAB splitting; Leimkuhler, Matthews, Appl. Math. Res. Express 2013, 34.

    Attributes:
        masses: u, shape (n_beads,), in the type and on the device of positions.
        temperature: K, one number or shape (n_chains,).
        friction: 1/ps.
        time_step: ps.
    """

    masses: torch.Tensor
    temperature: float | torch.Tensor
    friction: float
    time_step: float

    @functools.cached_property
    def thermal_speed(self) -> torch.Tensor:
        """√(kT/m) in nm/ps of the first chain, shape (n_beads, 1)."""
        temperature = torch.as_tensor(self.temperature, dtype=torch.float64).reshape(-1)[0]
        speed = torch.sqrt(BOLTZMANN * temperature.to(self.masses.device) / self.masses.double())
        return speed.to(self.masses.dtype)[:, None]

    @functools.cached_property
    def relative_speed(self) -> torch.Tensor | None:
        """Thermal speeds over those of the first chain, shape (n_chains, 1, 1); None: all equal."""
        if not isinstance(self.temperature, torch.Tensor):
            return None
        relative = torch.sqrt(self.temperature.double() / self.temperature[0].double())
        return relative.to(self.masses.dtype)[:, None, None]

    def start(self, positions: torch.Tensor, forces: Forces, generator: torch.Generator) -> State:
        """Chains at rest positions with Maxwell–Boltzmann velocities."""
        positions = chains_last(positions)
        velocities = self._noise(positions, generator, 1)[0] * self.thermal_speed
        return State(positions, velocities, forces(positions))

    def advance(self, forces: Forces) -> Advance:
        """Steps of all chains, as a function of tensors only, so that it can be compiled.

        It computes each chain by itself, the noise being that of `arguments`.
        """
        half, decay = 0.5 * self.time_step, math.exp(-self.friction * self.time_step)
        half_over_mass = (half / self.masses.double()).to(self.masses.dtype)[:, None, None]
        kick = math.sqrt(-math.expm1(-2 * self.friction * self.time_step)) * self.thermal_speed
        kick = kick[:, None]

        # Chains are the last dimension: in the order of the memory, which a compiler would not
        # find by itself everywhere.
        def one(positions, velocities, old_forces, noise):
            velocities = torch.addcmul(velocities, old_forces, half_over_mass)
            positions = torch.add(positions, velocities, alpha=half)
            velocities.mul_(decay).addcmul_(noise, kick)
            positions.add_(velocities, alpha=half)
            new_forces = forces(positions.permute(2, 0, 1)).permute(1, 2, 0)
            velocities.addcmul_(new_forces, half_over_mass)
            return positions, velocities, new_forces

        def advance(positions, velocities, old_forces, noise):
            state = [tensor.permute(1, 2, 0) for tensor in (positions, velocities, old_forces)]
            for part in noise.permute(0, 2, 3, 1).unbind():
                state = one(*state, part)
            return tuple(tensor.permute(2, 0, 1) for tensor in state)

        return advance

    def step(
        self, state: State, advance: Advance, generator: torch.Generator, count: int = 1
    ) -> State:
        """Steps of all chains, by `advance`; the old state stays as it was."""
        return State(*advance(*self.arguments(state, generator, count)))

    def arguments(
        self, state: State, generator: torch.Generator, count: int = 1
    ) -> tuple[torch.Tensor, ...]:
        """Arguments of the function from `advance` for the next steps."""
        return *state.tensors(), self._noise(state.positions, generator, count)

    def _noise(self, like: torch.Tensor, generator: torch.Generator, count: int) -> torch.Tensor:
        """Random numbers for some steps, each with the memory order of `chains_last`.

        They are normal, with the relative speed as standard deviation.
        """
        n_chains, n_beads, _ = like.shape
        shape = (count, n_beads, 3, n_chains)
        values = torch.randn(shape, generator=generator, dtype=like.dtype, device=like.device)
        values = values.permute(0, 3, 1, 2)
        return values if self.relative_speed is None else values * self.relative_speed
