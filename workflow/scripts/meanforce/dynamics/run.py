"""The stage `simulate`: a batch of CG chains, biased along slow variables, to an H5MD file."""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from meanforce.dynamics.langevin import Langevin, State
from meanforce.dynamics.schedule import Schedule
from meanforce.dynamics.shared_bias import SharedBias
from meanforce.dynamics.store import Store
from meanforce.errors import InputError
from meanforce.potentials.interface import Potential
from meanforce.potentials.molecule import Molecule
from meanforce.restart.bundle import Bundle
from meanforce.restart.job import Job, or_temporary
from meanforce.settings.experiments import Simulation
from meanforce.units import kt

BOND_FACTOR = 2.0
"""A bond that is longer than its start length by this factor, or shorter, counts as broken."""


class BatchRun:
    """Langevin dynamics of many chains of one potential at one temperature.

    Args:
        potential: the CG potential.
        molecule: the beads.
        masses: of the beads, u, shape (n_beads,).
        settings: of the run.
        bias: bias shared by the chains, or None.
        temperature: K.
        seed: of all random numbers.
    """

    def __init__(
        self,
        potential: Potential,
        molecule: Molecule,
        masses: np.ndarray,
        settings: Simulation,
        bias: SharedBias | None,
        temperature: float,
        seed: int,
    ) -> None:
        self._potential, self._molecule, self._settings = potential, molecule, settings
        self._masses = masses
        self._bias, self._temperature = bias, temperature
        self._schedule = Schedule.of(settings)
        self._generator = torch.Generator().manual_seed(seed)
        self._langevin = Langevin(
            torch.from_numpy(masses),
            temperature,
            settings.friction,
            settings.time_step,
        )

    @torch.no_grad()
    def run(
        self,
        starts: np.ndarray,
        output: Path,
        report: Callable[[str], None],
        job: Job | None = None,
    ) -> None:
        """Build the bias, equilibrate, and store frames of all chains.

        Chains that explode or break a bond get the log-weight −inf from then on.

        Args:
            starts: where the chains start, nm, shape (chains, n_beads, 3).
            output: H5MD file to write.
            report: called with lines of progress.
            job: its restart bundle, or None for a run in one go.

        Raises:
            InputError: all chains broke, or the bundle is another job's.
            Stopped: the job was asked to stop.
        """
        with or_temporary(job) as job:
            bundle = job.load()
            store = Store(job.folder, *starts.shape[:2], bundle and bundle.info["frames"])
            positions = torch.from_numpy(starts).to(self._potential.dtype)
            self._reference = self._bond_lengths(positions)
            if bundle is None:
                chains = self._start(positions)
            else:
                chains = self._restore(bundle)
                report(f"going on at step {chains.step}")
            self._step_to_end(chains, store, job, report)
            self._save(chains, store, job)
            parameters = self._molecule.parameters() | {"temperature": self._temperature}
            store.finish(output, self._masses, parameters)
            store.close()

    def _start(self, positions: torch.Tensor) -> "Chains":
        state = self._langevin.start(positions, self._forces, self._generator)
        return Chains(state, torch.ones(len(positions), dtype=torch.bool))

    def _step_to_end(
        self, chains: "Chains", store: Store, job: Job, report: Callable[[str], None]
    ) -> None:
        schedule, n = self._schedule, len(chains.stable)
        first, started, tenth = chains.step, time.perf_counter(), max(1, schedule.end // 10)
        while chains.step < schedule.end:
            chains.state = self._langevin.step(chains.state, self._forces, self._generator)
            chains.step += 1
            if schedule.is_deposit(chains.step):
                self._bias.deposit(chains.state.positions[chains.stable], schedule.deposits)
                self._mend(chains)
            elif schedule.is_frame(chains.step):
                self._mend(chains)
                self._store_frame(chains, store)
            if chains.step % tenth == 0:
                rate = (chains.step - first) / (time.perf_counter() - started)
                report(
                    f"{100 * chains.step / schedule.end:.0f} %  {rate * n:.0f} replica-steps/s  "
                    f"{int(chains.stable.sum())} of {n} chains stable  "
                    f"{(schedule.end - chains.step) / rate:.0f} s left"
                )
            if job.due():
                self._save(chains, store, job)

    def _store_frame(self, chains: "Chains", store: Store) -> None:
        energy = torch.zeros(len(chains.stable), dtype=torch.float64)
        if self._bias is not None:
            energy, _ = self._bias.energy_and_forces(chains.state.positions)
        log_weight = (energy / kt(self._temperature)).masked_fill(~chains.stable, -torch.inf)
        now = (chains.step - self._schedule.before_frames) * self._settings.time_step
        store.add(now, chains.state.positions, energy, log_weight)

    def _save(self, chains: "Chains", store: Store, job: Job) -> None:
        tensors = dataclasses.asdict(chains.state) | {
            "stable": chains.stable,
            "generator": self._generator.get_state(),
        }
        if self._bias is not None:
            tensors["bias"] = self._bias.grid.values
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        job.save(arrays, {"step": chains.step, "frames": store.position()})

    def _restore(self, bundle: Bundle) -> "Chains":
        # Copies lie in memory as PyTorch aligns it, which may change the last bit of a product.
        tensors = {name: torch.from_numpy(array).clone() for name, array in bundle.arrays.items()}
        self._generator.set_state(tensors["generator"])
        if self._bias is not None:
            self._bias.grid.values = tensors["bias"]
        state = State(*(tensors[field.name] for field in dataclasses.fields(State)))
        return Chains(state, tensors["stable"], bundle.info["step"])

    def _forces(self, positions: torch.Tensor) -> torch.Tensor:
        _, forces = self._potential.energy_and_forces(positions, self._temperature)
        if self._bias is not None:
            forces = forces + self._bias.energy_and_forces(positions)[1]
        return forces

    def _bond_lengths(self, positions: torch.Tensor) -> torch.Tensor:
        pairs = torch.tensor(self._molecule.bonds, dtype=torch.long).reshape(-1, 2)
        return (positions[:, pairs[:, 0]] - positions[:, pairs[:, 1]]).norm(dim=-1)

    def _mend(self, chains: "Chains") -> None:
        """Mark chains that broke, and put a copy of a whole one there, so that NaN cannot spread.

        The copy is never counted: its chain stays marked.

        Raises:
            InputError: all chains broke.
        """
        state = chains.state
        ratio = self._bond_lengths(state.positions) / self._reference
        bonds = ((ratio < BOND_FACTOR) & (ratio > 1 / BOND_FACTOR)).all(dim=1)
        chains.stable &= bonds & torch.isfinite(state.positions).all(dim=(1, 2))
        if bool(chains.stable.all()):
            return
        if not bool(chains.stable.any()):
            raise InputError(
                f"all {len(chains.stable)} chains of the CG run broke at {self._temperature:g} K; "
                "the model is unstable: train longer, on more data, or simulate with a smaller "
                f"time_step (given {1000 * self._settings.time_step:g} fs)"
            )
        source = int(torch.nonzero(chains.stable)[0])
        keep = chains.stable[:, None, None]
        chains.state = State(
            *(
                torch.where(keep, tensor, tensor[source])
                for tensor in (state.positions, state.velocities, state.forces)
            )
        )


@dataclasses.dataclass
class Chains:
    """Chains at one instant, and how far they are.

    Attributes:
        state: positions, velocities, forces.
        stable: chains that never broke, shape (n_chains,).
        step: steps done.
    """

    state: State
    stable: torch.Tensor
    step: int = 0
