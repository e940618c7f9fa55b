"""Batched Langevin dynamics of beads: many chains, one force evaluation a step."""

import dataclasses
from collections.abc import Callable

import torch

from meanforce.units import kt

Forces = Callable[[torch.Tensor], torch.Tensor]
"""Forces in kJ/mol/nm of positions in nm, both of shape (n_chains, n_beads, 3)."""


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


@dataclasses.dataclass(frozen=True)
class Langevin:
    """The BAOAB splitting; Leimkuhler, Matthews, Appl. Math. Res. Express 2013, 34.

    Attributes:
        masses: u, shape (n_beads,).
        temperature: K.
        friction: 1/ps.
        time_step: ps.
    """

    masses: torch.Tensor
    temperature: float
    friction: float
    time_step: float

    def start(self, positions: torch.Tensor, forces: Forces, generator: torch.Generator) -> State:
        """Chains at rest positions with Maxwell–Boltzmann velocities."""
        noise = torch.randn(positions.shape, generator=generator, dtype=positions.dtype)
        return State(positions, noise * self._thermal_speed(positions), forces(positions))

    def step(self, state: State, forces: Forces, generator: torch.Generator) -> State:
        """One step of all chains."""
        half = 0.5 * self.time_step
        inverse_mass = (1.0 / self.masses).to(state.positions.dtype)[:, None]
        decay = torch.exp(torch.tensor(-self.friction * self.time_step)).item()
        noise = torch.randn(state.positions.shape, generator=generator, dtype=state.positions.dtype)
        velocities = state.velocities + half * inverse_mass * state.forces
        positions = state.positions + half * velocities
        kick = (1.0 - decay**2) ** 0.5 * self._thermal_speed(positions)
        velocities = decay * velocities + kick * noise
        positions = positions + half * velocities
        new_forces = forces(positions)
        velocities = velocities + half * inverse_mass * new_forces
        return State(positions, velocities, new_forces)

    def _thermal_speed(self, like: torch.Tensor) -> torch.Tensor:
        return torch.sqrt(kt(self.temperature) / self.masses).to(like.dtype)[:, None]
