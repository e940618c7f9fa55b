"""The stage `simulate`: a batch of CG chains, biased along slow variables, to an H5MD file."""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from meanforce.data.h5md import H5mdWriter
from meanforce.dynamics.langevin import Langevin, State
from meanforce.dynamics.shared_bias import SharedBias
from meanforce.errors import InputError
from meanforce.potentials.interface import Potential
from meanforce.settings.experiments import Simulation
from meanforce.units import kt

DEPOSITS = 200
"""How often each chain adds a hill while the bias is built."""

BOND_FACTOR = 2.0
"""A bond that is longer than its start length by this factor, or shorter, counts as broken."""


@dataclasses.dataclass(frozen=True)
class Molecule:
    """What a CG run needs to know of the beads.

    Attributes:
        names: bead names.
        bonds: bonded pairs of bead indices.
        masses: u, shape (n_beads,).
    """

    names: list[str]
    bonds: list[list[int]]
    masses: np.ndarray


class BatchRun:
    """Langevin dynamics of many chains of one potential at one temperature.

    Args:
        potential: the CG potential.
        molecule: the beads.
        settings: of the run.
        bias: bias shared by the chains, or None.
        temperature: K.
        seed: of all random numbers.
    """

    def __init__(
        self,
        potential: Potential,
        molecule: Molecule,
        settings: Simulation,
        bias: SharedBias | None,
        temperature: float,
        seed: int,
    ) -> None:
        self._potential, self._molecule, self._settings = potential, molecule, settings
        self._bias, self._temperature = bias, temperature
        self._generator = torch.Generator().manual_seed(seed)
        self._langevin = Langevin(
            torch.from_numpy(molecule.masses),
            temperature,
            settings.friction,
            settings.time_step,
        )

    @torch.no_grad()
    def run(self, starts: np.ndarray, output: Path, report: Callable[[str], None]) -> None:
        """Build the bias, equilibrate, and store frames of all chains.

        Chains that explode or break a bond get the log-weight −inf from then on.

        Raises:
            InputError: all chains broke.
        """
        steps = self._steps()
        positions = torch.from_numpy(starts).to(self._potential.dtype)
        state = self._langevin.start(positions, self._forces, self._generator)
        reference = self._bond_lengths(state.positions)
        stable = torch.ones(len(starts), dtype=torch.bool)
        started, done = time.perf_counter(), 0
        total = steps.build + steps.equilibration + steps.frames * steps.per_frame
        if self._bias is not None:
            every = max(1, steps.build // DEPOSITS)
            for _ in range(steps.build // every):
                state = self._advance(state, every)
                self._bias.deposit(state.positions[stable], steps.build // every)
                stable &= self._intact(state, reference)
                self._refuse_ruin(stable)
                state = self._revive(state, stable)
            done = steps.build
        state = self._advance(state, steps.equilibration)
        done += steps.equilibration
        parameters = {
            "bead_names": self._molecule.names,
            "bonds": self._molecule.bonds,
            "temperature": self._temperature,
        }
        chain = np.arange(len(starts))
        with H5mdWriter(output, self._molecule.masses, parameters, with_forces=False) as writer:
            for frame in range(steps.frames):
                state = self._advance(state, steps.per_frame)
                stable &= self._intact(state, reference)
                self._refuse_ruin(stable)
                state = self._revive(state, stable)
                energy = torch.zeros(len(starts), dtype=torch.float64)
                if self._bias is not None:
                    energy, _ = self._bias.energy_and_forces(state.positions)
                log_weight = (energy / kt(self._temperature)).masked_fill(~stable, -torch.inf)
                now = (frame + 1) * steps.per_frame * self._settings.time_step
                writer.append(
                    position=state.positions.float().numpy(),
                    time=np.full(len(starts), now),
                    bias_energy=energy.numpy(),
                    log_weight=log_weight.numpy(),
                    chain=chain,
                )
                done += steps.per_frame
                if (frame + 1) % max(1, steps.frames // 10) == 0:
                    rate = done * len(starts) / (time.perf_counter() - started)
                    left = (total - done) * len(starts) / rate
                    report(
                        f"{100 * done / total:.0f} %  {rate:.0f} replica-steps/s  "
                        f"{int(stable.sum())} of {len(stable)} chains stable  {left:.0f} s left"
                    )

    def _steps(self) -> "Steps":
        settings = self._settings

        def steps(duration: float) -> int:
            return round(duration / settings.time_step)

        per_frame = max(1, steps(settings.stride))
        return Steps(
            build=steps(settings.bias.build) if settings.bias else 0,
            equilibration=steps(settings.equilibration),
            frames=steps(settings.length) // per_frame,
            per_frame=per_frame,
        )

    def _forces(self, positions: torch.Tensor) -> torch.Tensor:
        _, forces = self._potential.energy_and_forces(positions, self._temperature)
        if self._bias is not None:
            forces = forces + self._bias.energy_and_forces(positions)[1]
        return forces

    def _advance(self, state: State, steps: int) -> State:
        for _ in range(steps):
            state = self._langevin.step(state, self._forces, self._generator)
        return state

    def _bond_lengths(self, positions: torch.Tensor) -> torch.Tensor:
        pairs = torch.tensor(self._molecule.bonds, dtype=torch.long).reshape(-1, 2)
        return (positions[:, pairs[:, 0]] - positions[:, pairs[:, 1]]).norm(dim=-1)

    def _intact(self, state: State, reference: torch.Tensor) -> torch.Tensor:
        ratio = self._bond_lengths(state.positions) / reference
        bonds = ((ratio < BOND_FACTOR) & (ratio > 1 / BOND_FACTOR)).all(dim=1)
        return bonds & torch.isfinite(state.positions).all(dim=(1, 2))

    def _refuse_ruin(self, stable: torch.Tensor) -> None:
        if not bool(stable.any()):
            raise InputError(
                f"all {len(stable)} chains of the CG run broke at {self._temperature:g} K; the "
                "model is unstable: train longer, on more data, or simulate with a smaller "
                f"time_step (given {1000 * self._settings.time_step:g} fs)"
            )

    def _revive(self, state: State, stable: torch.Tensor) -> State:
        """Put a copy of a stable chain where one broke, so that NaN cannot spread.

        The copy is never counted: its chain stays marked as broken.
        """
        if bool(stable.all()):
            return state
        source = int(torch.nonzero(stable)[0])
        keep = stable[:, None, None]
        return State(
            *(
                torch.where(keep, tensor, tensor[source])
                for tensor in (state.positions, state.velocities, state.forces)
            )
        )


@dataclasses.dataclass(frozen=True)
class Steps:
    """A run's times as whole numbers of steps."""

    build: int
    equilibration: int
    frames: int
    per_frame: int
