"""The engine `torch`: all chains of a CG run as one batch.

It does not use files, jobs or clocks: `start` makes chains and `step` moves them; a frame is their
state at one instant. All that changes is in `Chains`, the bias, the ladders and the generator of
random numbers; `tensors` returns it and `restore` restores it.
"""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
import torch

from meanforce.core.configuration import Configuration
from meanforce.dynamics.barostat import Box
from meanforce.dynamics.compiled import LONG, SMALL, chains_in_a_call, compiled, pays
from meanforce.dynamics.exchange import Ladders
from meanforce.dynamics.langevin import Langevin, State, chains_last
from meanforce.dynamics.recorded import recorded
from meanforce.dynamics.schedule import Schedule
from meanforce.dynamics.shared_bias import SharedBias
from meanforce.dynamics.stability import IntegrityCheck, gate
from meanforce.dynamics.system import CgSystem
from meanforce.errors import InputError
from meanforce.potentials.interface import Potential
from meanforce.settings.simulations import SimulationSettings
from meanforce.units import kt


@dataclasses.dataclass(frozen=True)
class CgRun:
    """All that determines a CG run, to the last bit.

    Attributes:
        potential: the CG potential; the run computes in its type and on its device.
        starts: where the chains start (all levels of a ladder, level after level), at the state
            point's temperature, without periodic boundaries or in one periodic cell for all of
            them.
        simulation: settings.
        generator: of all random numbers, on the potential's device.
        system: the beads.
        processes: that an engine with MPI starts.
    """

    potential: Potential
    starts: Configuration[np.ndarray]
    simulation: SimulationSettings
    generator: torch.Generator
    system: CgSystem
    processes: int = 1

    def __post_init__(self) -> None:
        if self.starts.cell_per_frame:
            raise InputError(
                "starts: have a periodic cell each; allowed is one cell in which all chains start"
            )
        if len(self.starts) != self.simulation.chains:
            raise InputError(
                f"starts: are {len(self.starts)} configurations, but 'chains' is "
                f"{self.simulation.chains}; give one for each chain"
            )


@dataclasses.dataclass
class Chains:
    """Chains at one instant, and the progress of the run.

    Attributes:
        state: positions, velocities, forces.
        broken: of each ladder, 0 or the code of how it broke; shape (n_ladders,), on the CPU.
        step: steps done.
        compiled: whether the steps are to be compiled.
        ended: why the run ended; empty while it continues.
        boxes: of each chain at constant pressure; empty at constant volume.
    """

    state: State
    broken: torch.Tensor
    step: int = 0
    compiled: bool = False
    ended: str = ""
    boxes: list[Box] = dataclasses.field(default_factory=list)

    @property
    def each_box(self) -> list[Box | None]:
        """The box of each chain; None where that is the run's own."""
        return self.boxes or [None] * len(self.broken)

    @property
    def cells(self) -> torch.Tensor | None:
        """Box vectors of each chain at constant pressure, nm, shape (n_chains, 3, 3)."""
        if not self.boxes:
            return None
        return torch.from_numpy(np.stack([box.cell for box in self.boxes]))


@dataclasses.dataclass(frozen=True)
class Frame:
    """The lowest level of all ladders at one instant.

    Attributes:
        positions: nm, shape (n_ladders, n_beads, 3), on the CPU.
        bias_energy: kJ/mol, float64, shape (n_ladders,).
        log_weight: of the unbiased ensemble, shape (n_ladders,); −inf of broken ladders.
        boxes: at constant pressure, box vectors of each, nm, float64, shape (n_ladders, 3, 3).
    """

    positions: torch.Tensor
    bias_energy: torch.Tensor
    log_weight: torch.Tensor
    boxes: torch.Tensor | None = None


class TorchEngine:
    """Langevin dynamics of many chains, with a shared bias and exchange of temperatures.

    Args:
        run: what to run.

    Attributes:
        name: of the engine.
        schedule: what happens after which step.
        ladders: temperatures of the chains.

    Raises:
        InputError: the potential does not support the cell.
    """

    name = "torch"

    def __init__(self, run: CgRun) -> None:
        self._run, self._settings, self._potential = run, run.simulation, run.potential
        self._temperature, cell = float(run.starts.temperature), run.starts.cell
        self._device, dtype = run.potential.device, run.potential.dtype
        # Numbers become a part of compiled code, which would be made anew for each state point.
        self._of_potential = torch.tensor(
            self._temperature, dtype=torch.float64, device=self._device
        )
        self.schedule = Schedule.of(run.simulation)
        self.ladders = Ladders(run.simulation.exchange, run.simulation.chains, self._temperature)
        self._cell = None
        if cell is not None:
            run.potential.require_periodic()
            self._cell = torch.from_numpy(np.asarray(cell)).to(self._device, dtype)
        self._positions = torch.from_numpy(run.starts.positions).to(self._device, dtype)
        self._intact = IntegrityCheck(run.system.molecule, self._positions, self._cell)
        self._bias = run.system.bias(run.simulation, self._temperature, run.potential, cell)
        self._langevin = Langevin(
            torch.from_numpy(run.system.masses).to(self._device, dtype),
            self.ladders.of_chains(self._device),
            run.simulation.friction,
            run.simulation.time_step,
        )
        self._advance = self._langevin.advance(self.forces)
        self._together, self._at_once = self._advance, 1

    def start(self) -> Chains:
        """The chains before the first step."""
        # Neighbours in a cell are found outside of PyTorch.
        worth = pays(self._settings, self._run.system.molecule.size, self.schedule.fewest)
        return Chains(
            self._langevin.start(self._positions, self.forces, self._run.generator),
            torch.zeros(self.ladders.count, dtype=torch.long),
            compiled=worth and self._cell is None,
        )

    @property
    def bias(self) -> SharedBias | None:
        """The bias of the chains."""
        return self._bias

    @property
    def generator(self) -> torch.Generator:
        """Of all random numbers of the run."""
        return self._run.generator

    @property
    def device(self) -> str:
        """Where it computes."""
        return self._device.type

    def prepare(self, chains: Chains, report: Callable[[str], None]) -> None:
        """Make steps faster, where potential and chains allow it: compiled, and recorded on a GPU.

        This also sets how many are one call, which random numbers depend on.
        """
        compiles, records = chains.compiled and self._potential.compiles, self._records
        if not compiles and not records:
            return
        chains_in_call, beads = len(self._run.starts), self._run.starts.n_beads
        if self.device == "cpu":
            chains_in_call = chains_in_a_call(chains_in_call, beads)
        several = chains_in_call * beads <= SMALL and self.schedule.fewest >= LONG
        self._at_once = self.schedule.at_once if records or several else 1
        # Not with the run's own generator: the trial must not use up its random numbers.
        other = torch.Generator(self._device).manual_seed(0)
        tried = self._langevin.arguments(chains.state, other, self._at_once)
        if compiles:
            self._together = compiled(self._together, tried, report)
        if records:
            self._together = recorded(self._together, tried, report)

    @property
    def _records(self) -> bool:
        """Whether steps are to be recorded."""
        return self._device.type == "cuda" and self._cell is None and self._potential.records

    def advance(self, chains: Chains) -> Iterator[Frame]:
        """The next step or steps, and the frame after them, if there is one.

        Raises:
            InputError: too many chains broke.
        """
        self.step(chains)
        if self.schedule.is_frame(chains.step):
            yield self.frame(chains)

    def step(self, chains: Chains) -> None:
        """One step of all chains, or those of one call, with the exchange or hills that follow.

        Raises:
            InputError: too many chains broke.
        """
        count, advance = self._at_once, self._together
        if chains.step % count:
            # The bundle of a version that compiled single steps.
            count, advance = 1, self._advance
        chains.state = self._langevin.step(chains.state, advance, self._run.generator, count)
        chains.step += count
        if self.schedule.is_exchange(chains.step):
            energies = self._energies(chains.state.positions)
            chains.state = self.ladders.exchange(chains.state, energies, self._run.generator)
        if self.schedule.is_deposit(chains.step):
            self._mend(chains)
            walkers = self.ladders.lowest(chains.state.positions)[chains.broken == 0]
            self._bias.deposit(walkers, self.schedule.deposits)
            if self.schedule.is_last_deposit(chains.step):
                self._bias.check_built()

    def frame(self, chains: Chains) -> Frame:
        """The part of the chains' state that is stored.

        Raises:
            InputError: too many chains broke.
        """
        self._mend(chains)
        positions = self.ladders.lowest(chains.state.positions)
        energy = torch.zeros(len(positions), dtype=torch.float64)
        if self._bias is not None:
            energy = self._bias.energy_and_forces(positions)[0].cpu()
        log_weight = (energy / kt(self._temperature)).masked_fill(chains.broken > 0, -torch.inf)
        return Frame(positions.cpu(), energy, log_weight)

    def forces(self, positions: torch.Tensor) -> torch.Tensor:
        """Forces of potential and bias, kJ/mol/nm, shape (n_chains, n_beads, 3)."""
        _, forces = self._potential.energy_and_forces(self._configuration(positions))
        if self._bias is not None:
            forces = forces + self._bias.energy_and_forces(positions)[1]
        return forces

    def _energies(self, positions: torch.Tensor) -> torch.Tensor:
        energies, _ = self._potential.energy_and_forces(self._configuration(positions))
        if self._bias is not None:
            energies = energies + self._bias.energy_and_forces(positions)[0]
        return energies

    def _configuration(self, positions: torch.Tensor) -> Configuration[torch.Tensor]:
        return Configuration(positions, self._of_potential, self._cell)

    def _mend(self, chains: Chains) -> None:
        """Mark ladders with a broken chain, and replace them by a copy of an intact ladder.

        So NaN cannot spread. A copy is never counted: its ladder stays marked.

        Raises:
            InputError: too many broke.
        """
        codes = self._intact.codes(chains.state.positions)
        now = codes.view(self.ladders.levels, -1).amax(0).cpu()
        if not bool(now.any()):
            return
        chains.broken = torch.where(chains.broken > 0, chains.broken, now)
        when = f"at {self._temperature:g} K within {chains.step * self._settings.time_step:g} ps"
        gate(chains.broken, self._settings.least_stable, when)
        source = torch.arange(self.ladders.count)
        source[now > 0] = int(torch.nonzero(chains.broken == 0)[0])
        ladders = torch.arange(self.ladders.levels)[:, None] * self.ladders.count
        order = (ladders + source).reshape(-1).to(self._device)
        chains.state = chains.state.map(lambda tensor: chains_last(tensor[order]))

    def tensors(self, chains: Chains) -> dict[str, torch.Tensor]:
        """All that changes during the run, except the plain values of the chains."""
        tensors = dataclasses.asdict(chains.state) | self.ladders.tensors()
        tensors |= {"broken": chains.broken, "generator": self._run.generator.get_state()}
        if self._bias is not None:
            tensors |= {"bias": self._bias.grid.values, "bias_visits": self._bias.visits.table}
        return tensors

    def restore(self, tensors: dict[str, torch.Tensor], **plain: int | bool | str) -> Chains:
        """The inverse of `tensors`; `plain` are `step`, `compiled` and `ended` of the chains."""
        self._run.generator.set_state(tensors["generator"])
        self.ladders.restore(tensors)
        if self._bias is not None:
            # In place: a recording has its address.
            self._bias.grid.values.copy_(tensors["bias"])
            # Bundles of older versions have no counts.
            self._bias.visits.table = tensors.get("bias_visits", self._bias.visits.table)
        state = State(*(tensors[field.name] for field in dataclasses.fields(State)))
        state = state.map(lambda tensor: chains_last(tensor.to(self._device)))
        return Chains(state, tensors["broken"], **plain)
