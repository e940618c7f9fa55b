"""Chains moved by OpenMM: tabulated potentials in a periodic cell."""

import time

import numpy as np
import openmm
import torch

from meanforce.core.cell import is_reduced
from meanforce.core.molecules import Molecules
from meanforce.dynamics.barostat import EVERY, Tally, VolumeMoves
from meanforce.dynamics.engine import CgRun
from meanforce.dynamics.stretches import Moved, Stretch
from meanforce.errors import InputError
from meanforce.systems.platform import choose_platform, platform_properties
from meanforce.tables.curve_tables import Tabulated
from meanforce.tables.openmm_box import build_box_system

BEAD_STEPS = {"Reference": 200_000, "CPU": 1_000_000}
"""Steps times beads of a stretch: some seconds. A new context for each one makes restarts exact."""

ON_GPU = 200_000_000
"""The same on a GPU, whose forces are not the same to the last bit in any case."""


class OpenmmMover:
    """BAOAB-type splitting of OpenMM's `LangevinMiddleIntegrator`.

    Zhang et al., J. Phys. Chem. A 123, 6056 (2019). On the platforms Reference and, with one
    thread, CPU the same start and seed give the same bits.

    Args:
        run: what to run.
        tabulated: its potential at its temperature.
        platform: name of OpenMM's platform; `auto` times all.

    Raises:
        InputError: the cell is not in reduced form, or the platform does not exist here.
    """

    name = "openmm"

    def __init__(self, run: CgRun, tabulated: Tabulated, platform: str = "auto") -> None:
        cell, settings = run.starts.cell, run.simulation
        if not is_reduced(cell):
            raise InputError(
                "engine: 'openmm' needs a cell whose first vector lies along x, the second in the "
                "plane of x and y, and whose vectors are reduced; give 'engine: torch'"
            )
        self._system = build_box_system(*tabulated, run.system.masses, cell)
        self._volume_moves: VolumeMoves | None = None
        if settings.pressure is not None:
            pairs = [table.cutoff for table in tabulated[1] if table.kind == "pairs"]
            self._volume_moves = VolumeMoves(
                Molecules.of(run.system.molecule),
                run.system.masses,
                settings.pressure,
                float(run.starts.temperature),
                cell,
                max(pairs, default=0.0),
            )
        self._langevin = float(run.starts.temperature), settings.friction, settings.time_step
        self._threads = torch.get_num_threads()
        start = np.asarray(run.starts.positions[0], dtype=np.float64)
        self._platform = choose_platform(platform, self._system, start, self._threads)
        self.device = self._platform.getName()
        self.bead_steps = BEAD_STEPS.get(self.device, ON_GPU)
        self._kept: openmm.Context | None = None

    def move(self, positions: np.ndarray, velocities: np.ndarray, stretch: Stretch) -> Moved:
        context = self._context(stretch.seed)
        moving = None
        if stretch.box is not None:
            moving = _MovingBox(context, self._volume_moves, stretch)
        context.setPositions(positions)
        context.setVelocities(velocities)
        advance = context.getIntegrator().step if moving is None else moving.advance
        frames, cells, done = [], [], 0
        started = time.perf_counter()
        try:
            for step in stretch.frames:
                advance(step - done)
                done = step
                frames.append(_positions(context.getState(positions=True)))
                if moving is not None:
                    cells.append(moving.box.cell)
            advance(stretch.steps - done)
            state = context.getState(positions=True, velocities=True)
        except openmm.OpenMMException as error:
            if "NaN" not in str(error):
                raise InputError(f"engine: OpenMM stopped ({error})") from error
            return Moved.exploded(stretch, len(positions))
        seconds = time.perf_counter() - started
        shape = (len(frames), *positions.shape)
        return Moved(
            _positions(state),
            state.getVelocities(asNumpy=True)._value,
            np.array(frames, dtype=np.float32).reshape(shape),
            seconds,
            None if moving is None else moving.box,
            None if moving is None else np.array(cells).reshape(-1, 3, 3),
        )

    def energy_and_forces(self, positions: np.ndarray) -> tuple[float, np.ndarray]:
        """kJ/mol, and kJ/mol/nm, shape (n_beads, 3), at positions of that shape in nm."""
        context = self._context(1)
        context.setPositions(positions)
        state = context.getState(energy=True, forces=True)
        return state.getPotentialEnergy()._value, state.getForces(asNumpy=True)._value

    def _context(self, seed: int) -> openmm.Context:
        if self.device in BEAD_STEPS or self._kept is None:
            integrator = openmm.LangevinMiddleIntegrator(*self._langevin)
            integrator.setRandomNumberSeed(seed)
            properties = platform_properties(self._platform, self._threads)
            self._kept = openmm.Context(self._system, integrator, self._platform, properties)
        return self._kept


class _MovingBox:
    """Steps of a context between moves of its volume.

    Attributes:
        box: now.
    """

    def __init__(self, context: openmm.Context, moves: VolumeMoves, stretch: Stretch) -> None:
        self.box = stretch.box
        self._context, self._moves = context, moves
        self._rng = np.random.default_rng(stretch.seed)
        # Without frames it is equilibration, in which the width of the moves may change.
        self._tally = None if stretch.every else Tally()
        self._done = 0
        self._set(self.box.cell)

    def advance(self, steps: int) -> None:
        """Take steps, with a move after every `EVERY` of all steps."""
        last = self._done + steps
        while self._done < last:
            until = min(last, (self._done // EVERY + 1) * EVERY)
            self._context.getIntegrator().step(until - self._done)
            self._done = until
            if until % EVERY == 0:
                self._attempt()

    def _attempt(self) -> None:
        positions = _positions(self._context.getState(positions=True))
        accepted = self._moves.attempt(
            self._energy, positions, self.box, self._rng, self._tally is not None
        )
        positions, self.box = accepted or (positions, self.box)
        self._set(self.box.cell)
        self._context.setPositions(positions)
        if self._tally is not None:
            self._tally.attempts += 1
            self._tally.accepted += accepted is not None
            self.box = self._moves.adapted(self.box, self._tally)

    def _energy(self, positions: np.ndarray, cell: np.ndarray) -> float:
        self._set(cell)
        self._context.setPositions(positions)
        return self._context.getState(energy=True).getPotentialEnergy()._value

    def _set(self, cell: np.ndarray) -> None:
        self._context.setPeriodicBoxVectors(*map(openmm.Vec3, *cell.T.tolist()))


def _positions(state: openmm.State) -> np.ndarray:
    return state.getPositions(asNumpy=True)._value
