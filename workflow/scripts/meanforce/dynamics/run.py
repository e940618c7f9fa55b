"""The stage `simulate`: a batch of CG chains, biased along slow variables, to an H5MD file."""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from meanforce.core.topology import Topology
from meanforce.dynamics.compiled import compiled, pays
from meanforce.dynamics.convergence import Convergence
from meanforce.dynamics.exchange import Ladders
from meanforce.dynamics.langevin import Advance, Langevin, State, arguments, chains_last, step
from meanforce.dynamics.schedule import Schedule
from meanforce.dynamics.shared_bias import SharedBias
from meanforce.dynamics.stability import IntegrityCheck, counts, gate
from meanforce.dynamics.store import Store
from meanforce.potentials.interface import Potential
from meanforce.progress import Progress, Rate
from meanforce.restart.bundle import Bundle
from meanforce.restart.job import Job, or_temporary
from meanforce.settings.simulations import SimulationSettings
from meanforce.units import kt


@dataclasses.dataclass
class Chains:
    """Chains at one instant, and how far they are.

    Attributes:
        state: positions, velocities, forces.
        broken: of each ladder, 0 or the code of how it broke; shape (n_ladders,), on the CPU.
        step: steps done.
        compiled: whether the steps are to be compiled.
        ended: why the run ended; empty while it goes on.
    """

    state: State
    broken: torch.Tensor
    step: int = 0
    compiled: bool = False
    ended: str = ""


@dataclasses.dataclass(frozen=True)
class Speed:
    """How fast one process computed; an earlier one that was killed is not counted.

    Attributes:
        from_step, to_step: what it did, steps of all chains at once.
        wall_s: time that it took, s.
        replicas: chains.
        device: where it computed.
    """

    from_step: int
    to_step: int
    wall_s: float
    replicas: int
    device: str

    def write(self, path: Path) -> None:
        """One line of CSV under its heads, with the rate in replica-steps/s."""
        rate = (self.to_step - self.from_step) * self.replicas / self.wall_s
        names = [field.name for field in dataclasses.fields(self)]
        values = [*dataclasses.astuple(self), f"{rate:.6g}"]
        path.write_text(
            ",".join([*names, "replica_steps_per_s"]) + "\n" + ",".join(map(str, values)) + "\n"
        )


class BatchRun:
    """Langevin dynamics of many chains of one potential at one state point.

    Args:
        potential: the CG potential; the run computes in its type and on its device.
        molecule: the beads.
        masses: of the beads, u, shape (n_beads,).
        settings: of the run.
        bias: bias shared by the chains, on the same device, or None.
        temperature: of the state point, K.
        seed: of all random numbers.
        convergence: notes where chains start, and looks whether the run may end, where its
            settings have `until`.
    """

    def __init__(
        self,
        potential: Potential,
        molecule: Topology,
        masses: np.ndarray,
        settings: SimulationSettings,
        bias: SharedBias | None,
        temperature: float,
        seed: int,
        convergence: Convergence | None = None,
    ) -> None:
        self._potential, self._molecule, self._settings = potential, molecule, settings
        self._masses, self._bias, self._temperature = masses, bias, temperature
        self._schedule, self._convergence = Schedule.of(settings), convergence
        self._device = potential.device
        self._generator = torch.Generator(self._device).manual_seed(seed)
        self._ladders = Ladders(settings.exchange, settings.chains, temperature)
        self._langevin = Langevin(
            torch.from_numpy(masses).to(self._device, potential.dtype),
            self._ladders.of_chains(self._device),
            settings.friction,
            settings.time_step,
        )
        self._advance = self._langevin.advance(self._forces)
        self._looked: list[np.ndarray] = []
        self._starts: dict[str, list[float]] = {}

    @torch.no_grad()
    def run(
        self,
        starts: np.ndarray,
        output: Path,
        report: Callable[[str], None],
        job: Job | None = None,
    ) -> Speed:
        """Build the bias, equilibrate, and store frames of all chains.

        Chains that break get the log-weight −inf from then on.

        Args:
            starts: where the chains start, nm, shape (chains, n_beads, 3).
            output: H5MD file to write.
            report: called with lines of progress.
            job: its restart bundle, or None for a run in one go.

        Returns:
            how fast it went. No clock's time is in the file, whose bits are the same each time.

        Raises:
            InputError: too many chains broke, or the bundle is another job's.
            Stopped: the job was asked to stop.
        """
        with or_temporary(job) as job:
            bundle = job.load()
            count, n_beads = self._ladders.count, starts.shape[1]
            store = Store(job.folder, count, n_beads, bundle and bundle.info["frames"])
            positions = torch.from_numpy(starts).to(self._device, self._potential.dtype)
            self._intact = IntegrityCheck(self._molecule, positions)
            if self._convergence is not None:
                self._starts = self._convergence.starts(self._ladders.lowest(starts))
            if bundle is None:
                chains = self._start(positions)
            else:
                chains = self._restore(bundle)
                report(f"going on at step {chains.step}")
            advance = self._advance
            if chains.compiled:
                # Not of the run's own random numbers, of which it must miss none.
                other = torch.Generator(self._device).manual_seed(0)
                advance = compiled(advance, arguments(chains.state, other), report)
            first, started = chains.step, time.perf_counter()
            self._step_to_end(chains, advance, store, job, report)
            wall = time.perf_counter() - started
            self._save(chains, store, job)
            store.finish(output, self._masses, self._about(chains))
            store.close()
        return Speed(first, chains.step, wall, len(positions), self._device.type)

    def _start(self, positions: torch.Tensor) -> Chains:
        steps = self._schedule.before_frames + self._schedule.frames * self._schedule.per_frame
        return Chains(
            self._langevin.start(positions, self._forces, self._generator),
            torch.zeros(self._ladders.count, dtype=torch.long),
            compiled=pays(self._settings, self._molecule.size, steps),
        )

    def _step_to_end(
        self,
        chains: Chains,
        advance: Advance,
        store: Store,
        job: Job,
        report: Callable[[str], None],
    ) -> None:
        schedule, n = self._schedule, len(chains.state.positions)
        rate = Rate("replica-steps/s", n)
        progress = Progress(report, schedule.end, chains.step, rate, at_most=self._looks)
        count = self._ladders.count
        while chains.step < schedule.end and not chains.ended:
            progress.advance(
                chains.step,
                schedule.phase(chains.step),
                lambda: f"{int((chains.broken == 0).sum())} of {count} chains stable",
            )
            chains.state = step(chains.state, advance, self._generator)
            chains.step += 1
            if schedule.is_exchange(chains.step):
                energies = self._energies(chains.state.positions)
                chains.state = self._ladders.exchange(chains.state, energies, self._generator)
            if schedule.is_deposit(chains.step):
                self._mend(chains)
                walkers = self._ladders.lowest(chains.state.positions)[chains.broken == 0]
                self._bias.deposit(walkers, schedule.deposits)
            elif schedule.is_frame(chains.step):
                self._mend(chains)
                self._store_frame(chains, store)
                if self._looks and schedule.is_look(chains.step):
                    self._look(chains, store, report)
            if job.due():
                self._save(chains, store, job)
        progress.finish()

    def _store_frame(self, chains: Chains, store: Store) -> None:
        positions = self._ladders.lowest(chains.state.positions)
        energy = torch.zeros(len(positions), dtype=torch.float64)
        if self._bias is not None:
            energy = self._bias.energy_and_forces(positions)[0].cpu()
        log_weight = (energy / kt(self._temperature)).masked_fill(chains.broken > 0, -torch.inf)
        store.add(self._sampled(chains), positions.cpu(), energy, log_weight)

    def _sampled(self, chains: Chains) -> float:
        """Time since the frames began, ps."""
        return (chains.step - self._schedule.before_frames) * self._settings.time_step

    @property
    def _looks(self) -> bool:
        return self._settings.until is not None and self._convergence is not None

    def _look(self, chains: Chains, store: Store, report: Callable[[str], None]) -> None:
        """End the run, if it has converged."""
        known = sum(map(len, self._looked))
        self._looked.append(self._convergence.quantities(store.positions(known)))
        whole = (chains.broken == 0).numpy()
        intact = np.concatenate(self._looked)[:, whole]
        starts = {name: np.array(values)[whole] for name, values in self._starts.items()}
        climbed = self._ladders.round_trips() if self._ladders.levels > 1 else None
        holds, found = self._convergence.reached(intact, starts, climbed)
        report(f"{self._sampled(chains):g} ps: {found}")
        if holds:
            chains.ended = found
        elif chains.step == self._schedule.end:
            report(f"not converged ({found}) within 'until.at_most'")

    def _about(self, chains: Chains) -> dict:
        """Plain values that describe the run."""
        about = self._molecule.parameters() | {
            "temperature": self._temperature,
            "chains": self._ladders.count,
            "broken": counts(chains.broken),
            "length": self._sampled(chains),
            "ended": chains.ended or "at its longest",
        }
        if self._starts:
            about["starts"] = self._starts
        if self._looks:
            about["converged"] = bool(chains.ended)
        return about | ({"exchange": self._ladders.about()} if self._ladders.levels > 1 else {})

    def _save(self, chains: Chains, store: Store, job: Job) -> None:
        tensors = dataclasses.asdict(chains.state) | self._ladders.tensors()
        tensors |= {"broken": chains.broken, "generator": self._generator.get_state()}
        if self._bias is not None:
            tensors["bias"] = self._bias.grid.values
        plain = {name: getattr(chains, name) for name in ("step", "compiled", "ended")}
        plain |= {"frames": store.position(), "device": self._device.type}
        job.save({name: tensor.cpu().numpy() for name, tensor in tensors.items()}, plain)

    def _restore(self, bundle: Bundle) -> Chains:
        # Copies lie in memory as PyTorch aligns it, which may change the last bit of a product.
        tensors = {name: torch.from_numpy(array).clone() for name, array in bundle.arrays.items()}
        self._generator.set_state(tensors["generator"])
        self._ladders.restore(tensors)
        if self._bias is not None:
            self._bias.grid.values = tensors["bias"].to(self._device)
        state = State(*(tensors[field.name] for field in dataclasses.fields(State)))
        state = state.map(lambda tensor: chains_last(tensor.to(self._device)))
        plain = {name: bundle.info[name] for name in ("step", "compiled", "ended")}
        return Chains(state, tensors["broken"], **plain)

    def _forces(self, positions: torch.Tensor) -> torch.Tensor:
        _, forces = self._potential.energy_and_forces(positions, self._temperature)
        if self._bias is not None:
            forces = forces + self._bias.energy_and_forces(positions)[1]
        return forces

    def _energies(self, positions: torch.Tensor) -> torch.Tensor:
        energies, _ = self._potential.energy_and_forces(positions, self._temperature)
        if self._bias is not None:
            energies = energies + self._bias.energy_and_forces(positions)[0]
        return energies

    def _mend(self, chains: Chains) -> None:
        """Mark ladders of which a chain broke, and put a copy of a whole one there.

        So NaN cannot spread. The copy is never counted: its ladder stays marked.

        Raises:
            InputError: too many broke.
        """
        codes = self._intact.codes(chains.state.positions)
        now = codes.view(self._ladders.levels, -1).amax(0).cpu()
        if not bool(now.any()):
            return
        chains.broken = torch.where(chains.broken > 0, chains.broken, now)
        when = f"at {self._temperature:g} K within {chains.step * self._settings.time_step:g} ps"
        gate(chains.broken, self._settings.least_stable, when)
        source = torch.arange(self._ladders.count)
        source[now > 0] = int(torch.nonzero(chains.broken == 0)[0])
        ladders = torch.arange(self._ladders.levels)[:, None] * self._ladders.count
        order = (ladders + source).reshape(-1).to(self._device)
        chains.state = chains.state.map(lambda tensor: chains_last(tensor[order]))
