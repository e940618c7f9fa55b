"""Engines that other programs provide: they move one chain at a time, by stretches of many steps.

A stretch begins from nothing but positions, velocities and a seed. So a run that goes on from a
restart bundle repeats what it would have done, to the last bit, wherever the program itself does.
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
import torch

from meanforce.core.molecules import Molecules
from meanforce.dynamics.barostat import EVERY, WINDOW, Box, first_box
from meanforce.dynamics.engine import CgRun, Chains, Frame
from meanforce.dynamics.exchange import Ladders
from meanforce.dynamics.langevin import State
from meanforce.dynamics.schedule import Schedule
from meanforce.dynamics.stability import IntegrityCheck, gate
from meanforce.units import BOLTZMANN

BEAD_FRAMES = 10_000_000
"""Stored frames of a stretch times beads times chains, at most: they are kept in memory."""

TOGETHER = 4
"""Chains up to which a stretch of all of them takes the time that its engine asks for."""

SEEDS = 800_000_000
"""Seeds are 1 … this number, which LAMMPS and OpenMM accept, also with a process's number added."""


@dataclasses.dataclass(frozen=True)
class Stretch:
    """What to do with one chain.

    Attributes:
        steps: number of steps.
        first: steps until the first stored positions.
        every: steps from stored positions to the next ones; 0: none are stored.
        seed: of the thermostat, and of the moves of the volume.
        box: at constant pressure, the box at the beginning; None: the run's own throughout.
    """

    steps: int
    first: int
    every: int
    seed: int
    box: Box | None = None

    @property
    def frames(self) -> range:
        """Steps after which positions are stored."""
        return range(self.first, self.steps + 1, self.every) if self.every else range(0)


@dataclasses.dataclass(frozen=True)
class Moved:
    """A chain after a stretch.

    Attributes:
        positions: nm, float64, shape (n_beads, 3), not wrapped into the cell.
        velocities: nm/ps, the same shape.
        frames: stored positions, float32, shape (n_frames, n_beads, 3).
        seconds: that the steps alone took.
        box: at constant pressure, the box at the end.
        cells: at constant pressure, those of the frames, nm, shape (n_frames, 3, 3).
    """

    positions: np.ndarray
    velocities: np.ndarray
    frames: np.ndarray
    seconds: float
    box: Box | None = None
    cells: np.ndarray | None = None

    @classmethod
    def exploded(cls, stretch: Stretch, n_beads: int) -> "Moved":
        """A chain whose positions are not numbers."""
        nothing = np.full((n_beads, 3), np.nan)
        frames = np.full((len(stretch.frames), n_beads, 3), np.nan, dtype=np.float32)
        if stretch.box is None:
            return cls(nothing, nothing.copy(), frames, np.nan)
        cells = np.tile(stretch.box.cell, (len(frames), 1, 1))
        return cls(nothing, nothing.copy(), frames, np.nan, stretch.box, cells)


class Mover(Protocol):
    """Langevin dynamics of one chain in a periodic cell.

    Attributes:
        name: of the engine.
        device: where it computes.
        bead_steps: steps times beads of a stretch of all chains, less than half a minute.
    """

    name: str
    device: str
    bead_steps: int

    def move(self, positions: np.ndarray, velocities: np.ndarray, stretch: Stretch) -> Moved:
        """Move a chain.

        Args:
            positions: nm, shape (n_beads, 3).
            velocities: nm/ps, shape (n_beads, 3).
            stretch: what to do.

        Raises:
            InputError: the program failed.
        """


class StretchEngine:
    """All chains of a run, one after the other, by a `Mover`; without bias and exchange.

    Args:
        run: what to run.
        mover: moves a chain.

    Attributes:
        schedule: what happens after which step.
        ladders: each chain is one of a single level.
    """

    def __init__(self, run: CgRun, mover: Mover) -> None:
        self._run, self._mover = run, mover
        self._temperature = float(run.starts.temperature)
        self.schedule = Schedule.of(run.simulation)
        self.ladders = Ladders(None, run.simulation.chains, self._temperature)
        starts = np.asarray(run.starts.positions, dtype=np.float64)
        cell = np.asarray(run.starts.cell, dtype=np.float64)
        self._first: Box | None = None
        if run.simulation.pressure is not None:
            # Moves of the volume move whole molecules.
            molecules = Molecules.of(run.system.molecule)
            starts, self._first = molecules.whole(starts, cell), first_box(cell, molecules)
        self._starts = torch.from_numpy(starts)
        self._intact = IntegrityCheck(run.system.molecule, self._starts, torch.from_numpy(cell))
        n_beads, chains = run.starts.n_beads, len(run.starts)
        frames = max(1, BEAD_FRAMES // (n_beads * chains))
        # With many chains a stretch takes longer, so that starting a program stays a small part.
        steps = mover.bead_steps // (n_beads * min(chains, TOGETHER))
        self._longest = max(1, min(steps, frames * self.schedule.per_frame))
        if self._first is not None:
            # Moves of the volume, and their width, are counted anew in each stretch.
            self._longest = max(self._longest // (WINDOW * EVERY), 1) * WINDOW * EVERY

    @property
    def name(self) -> str:
        """Of the engine."""
        return self._mover.name

    @property
    def device(self) -> str:
        """Where it computes."""
        return self._mover.device

    def start(self) -> Chains:
        """The chains before the first step, with Maxwell–Boltzmann velocities."""
        generator = self._run.generator
        noise = torch.randn(
            self._starts.shape, generator=generator, dtype=torch.float64, device=generator.device
        )
        speed = np.sqrt(BOLTZMANN * self._temperature / self._run.system.masses)[:, None]
        velocities = noise.cpu() * torch.from_numpy(speed)
        state = State(self._starts, velocities, torch.zeros_like(velocities))
        broken = torch.zeros(self.ladders.count, dtype=torch.long)
        if self._first is None:
            return Chains(state, broken)
        return Chains(state, broken, boxes=[self._first] * self.ladders.count)

    def prepare(self, chains: Chains, report: Callable[[str], None]) -> None:
        """Nothing has to be compiled."""

    def advance(self, chains: Chains) -> Iterator[Frame]:
        """Move all chains by a stretch, and give the frames on the way.

        Raises:
            InputError: too many chains broke, or the program failed.
        """
        start, end = chains.step, self._end(chains.step)
        moved = [
            self._mover.move(x.numpy(), v.numpy(), self._stretch(start, end, box=box))
            for x, v, box in zip(
                chains.state.positions, chains.state.velocities, chains.each_box, strict=True
            )
        ]
        for number, step in enumerate(self._stretch(start, end, seed=1).frames):
            chains.step = start + step
            frame = torch.from_numpy(np.stack([one.frames[number] for one in moved]))
            cells = None
            if self._first is not None:
                cells = torch.from_numpy(np.stack([one.cells[number] for one in moved]))
            self._mark(chains, frame.double(), cells)
            energy = torch.zeros(len(frame), dtype=torch.float64)
            log_weight = energy.masked_fill(chains.broken > 0, -torch.inf)
            yield Frame(frame, energy, log_weight, cells)
        chains.step = end
        if self._first is not None:
            chains.boxes = [one.box for one in moved]
        positions, velocities = (
            torch.from_numpy(np.stack([getattr(one, name) for one in moved]))
            for name in ("positions", "velocities")
        )
        now = self._mark(chains, positions, chains.cells)
        # Copies of intact chains take the place of broken ones, whose marks stay.
        source = torch.arange(self.ladders.count)
        source[now > 0] = int(torch.nonzero(now == 0)[0])
        chains.boxes = [chains.boxes[one] for one in source.tolist()] if chains.boxes else []
        chains.state = State(positions[source], velocities[source], torch.zeros_like(velocities))

    def _end(self, step: int) -> int:
        """Last step of the stretch: no later than the end of equilibration, or the next look."""
        before = self.schedule.before_frames
        if step < before:
            return min(before, step + self._longest)
        look = self.schedule.frames * self.schedule.per_frame
        next_look = before + ((step - before) // look + 1) * look
        return min(self.schedule.end, next_look, step + self._longest)

    def _stretch(
        self, start: int, end: int, seed: int | None = None, box: Box | None = None
    ) -> Stretch:
        every, done = self.schedule.per_frame, start - self.schedule.before_frames
        if seed is None:
            generator = self._run.generator
            draw = torch.randint(1, SEEDS + 1, (1,), generator=generator, device=generator.device)
            seed = int(draw)
        if done < 0:
            return Stretch(end - start, 0, 0, seed, box)
        return Stretch(end - start, every - done % every, every, seed, box)

    def _mark(
        self, chains: Chains, positions: torch.Tensor, cells: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Mark the chains that are broken now; returns their codes.

        Raises:
            InputError: too many broke.
        """
        codes = self._intact.codes(positions, cells)
        if bool(codes.any()):
            chains.broken = torch.where(chains.broken > 0, chains.broken, codes)
            when = (
                f"at {self._temperature:g} K within "
                f"{chains.step * self._run.simulation.time_step:g} ps"
            )
            gate(chains.broken, self._run.simulation.least_stable, when)
        return codes

    def tensors(self, chains: Chains) -> dict[str, torch.Tensor]:
        """All that changes during the run, except the plain values of the chains."""
        tensors = dataclasses.asdict(chains.state)
        if chains.boxes:
            widths = torch.tensor([box.width for box in chains.boxes], dtype=torch.float64)
            tensors |= {"cells": chains.cells, "volume_steps": widths}
        return tensors | {"broken": chains.broken, "generator": self._run.generator.get_state()}

    def restore(self, tensors: dict[str, torch.Tensor], **plain: int | bool | str) -> Chains:
        """The inverse of `tensors`; `plain` are `step`, `compiled` and `ended` of the chains."""
        self._run.generator.set_state(tensors["generator"])
        state = State(*(tensors[field.name] for field in dataclasses.fields(State)))
        boxes = []
        if self._first is not None:
            both = zip(tensors["cells"], tensors["volume_steps"].tolist(), strict=True)
            boxes = [Box(cell.numpy(), width) for cell, width in both]
        return Chains(state, tensors["broken"], **plain, boxes=boxes)
