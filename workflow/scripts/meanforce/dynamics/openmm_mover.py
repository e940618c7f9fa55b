"""Chains moved by OpenMM: tabulated potentials in a periodic cell."""

import time

import numpy as np
import openmm
import torch

from meanforce.core.cell import is_reduced
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
        self._langevin = float(run.starts.temperature), settings.friction, settings.time_step
        self._threads = torch.get_num_threads()
        start = np.asarray(run.starts.positions[0], dtype=np.float64)
        self._platform = choose_platform(platform, self._system, start, self._threads)
        self.device = self._platform.getName()
        self.bead_steps = BEAD_STEPS.get(self.device, ON_GPU)
        self._kept: openmm.Context | None = None

    def move(self, positions: np.ndarray, velocities: np.ndarray, stretch: Stretch) -> Moved:
        context = self._context(stretch.seed)
        context.setPositions(positions)
        context.setVelocities(velocities)
        integrator, frames, done = context.getIntegrator(), [], 0
        started = time.perf_counter()
        try:
            for step in stretch.frames:
                integrator.step(step - done)
                done = step
                frames.append(_positions(context.getState(positions=True)))
            integrator.step(stretch.steps - done)
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


def _positions(state: openmm.State) -> np.ndarray:
    return state.getPositions(asNumpy=True)._value
