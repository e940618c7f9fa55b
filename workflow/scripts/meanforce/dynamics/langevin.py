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
"""Positions, velocities and forces after some steps, from those before and normal noise.

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
        """√(kT/m) in nm/ps, to be broadcast to (n_chains, n_beads, 3)."""
        masses = self.masses.double()
        temperature = torch.as_tensor(self.temperature, dtype=torch.float64, device=masses.device)
        speed = torch.sqrt(BOLTZMANN * temperature[..., None, None] / masses[:, None])
        return speed.to(self.masses.dtype)

    def start(self, positions: torch.Tensor, forces: Forces, generator: torch.Generator) -> State:
        """Chains at rest positions with Maxwell–Boltzmann velocities."""
        positions = chains_last(positions)
        velocities = _noise(positions, generator, 1)[0] * self.thermal_speed
        return State(positions, velocities, forces(positions))

    def advance(self, forces: Forces) -> Advance:
        """Steps of all chains, as a function of tensors only, so that it can be compiled."""
        half, decay = 0.5 * self.time_step, math.exp(-self.friction * self.time_step)
        half_over_mass = (half / self.masses.double()).to(self.masses.dtype)[:, None]
        kick = math.sqrt(-math.expm1(-2 * self.friction * self.time_step)) * self.thermal_speed

        def one(positions, velocities, old_forces, noise):
            velocities = torch.addcmul(velocities, old_forces, half_over_mass)
            positions = torch.add(positions, velocities, alpha=half)
            velocities.mul_(decay).addcmul_(noise, kick)
            positions.add_(velocities, alpha=half)
            new_forces = forces(positions)
            velocities.addcmul_(new_forces, half_over_mass)
            return positions, velocities, new_forces

        def advance(positions, velocities, old_forces, noise):
            state = positions, velocities, old_forces
            for part in noise.unbind():
                state = one(*state, part)
            return state

        return advance


def step(state: State, advance: Advance, generator: torch.Generator, count: int = 1) -> State:
    """Steps of all chains, by `Langevin.advance`; the old state stays as it was."""
    return State(*advance(*arguments(state, generator, count)))


def arguments(state: State, generator: torch.Generator, count: int = 1) -> tuple[torch.Tensor, ...]:
    """Arguments of the function from `Langevin.advance` for the next steps."""
    return *state.tensors(), _noise(state.positions, generator, count)


def _noise(like: torch.Tensor, generator: torch.Generator, count: int) -> torch.Tensor:
    """Normal random numbers for some steps, each with the memory order of `chains_last`."""
    n_chains, n_beads, _ = like.shape
    shape = (count, n_beads, 3, n_chains)
    values = torch.randn(shape, generator=generator, dtype=like.dtype, device=like.device)
    return values.permute(0, 3, 1, 2)
