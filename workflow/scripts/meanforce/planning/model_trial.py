"""Training and dynamics of a CG model for a few seconds, on made-up forces: seconds for each step.

Positions are those of the frames of a short atomistic run, mapped onto the beads. Forces are random
numbers: the work of a step does not depend on them.
"""

import dataclasses
import time
from collections.abc import Callable

import numpy as np
import torch

from meanforce.core.beads import Beads
from meanforce.core.configuration import Configuration
from meanforce.dynamics.sample import sample
from meanforce.dynamics.system import CgSystem
from meanforce.fitting.frames import Frames
from meanforce.fitting.iterative.registry import KINDS
from meanforce.fitting.registry import fit
from meanforce.planning.amounts import Cost
from meanforce.potentials.interface import Potential
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.potentials.registry import Potential as PotentialSettings
from meanforce.settings.simulations import SimulationSettings

FORCE = 500.0
"""Standard deviation of made-up forces, kJ/mol/nm."""

JITTER = 0.001
"""Displacements that tell copies of a frame apart, nm."""

FEW_BEADS = 10
"""Beads of a frame of which trials take as many frames as they take at most."""

LEAST = 40
"""Fewest made-up frames of a trial: some for each fold and block."""

BATCHES = 4
"""Batches of the made-up training data."""

LINEAR = 2000
"""Made-up frames of few beads that a potential without training steps is fitted to; its frames are
timed with four times as many."""

CG_STEPS = 60
"""Steps of the shortest CG run."""

TINY = 1e-6
"""Time step of a trial of CG dynamics, ps: its length does not change the work of a step."""

SURE = 2.0
"""Seconds of work that a trial takes at least."""


@dataclasses.dataclass(frozen=True)
class TrialFrames:
    """Frames of a trial.

    Attributes:
        beads: what they consist of.
        positions: nm, shape (n_frames, n_beads, 3).
        temperatures: of the state points that are trained at, K.
        cell: periodic box vectors, nm, shape (3, 3), where the model needs it; else None.
    """

    beads: Beads
    positions: np.ndarray
    temperatures: tuple[float, ...]
    cell: np.ndarray | None = None

    def number(self, of_few_beads: int) -> int:
        """Frames that take about as long as a number of frames of few beads: fewer of many."""
        return max(LEAST, min(of_few_beads, of_few_beads * FEW_BEADS // len(self.beads.masses)))

    def repeated(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """As many frames as are asked for, copies with small displacements."""
        chosen = self.positions[np.arange(count) % len(self.positions)]
        return chosen + JITTER * rng.standard_normal(chosen.shape)


def mapped(beads: Beads, positions: np.ndarray) -> np.ndarray:
    """Positions of beads, shape (n, n_beads, 3), from those of atoms of whole molecules."""
    rows = zip(beads.atoms, beads.weights, strict=True)
    return np.stack([np.einsum("i,nid->nd", row, positions[:, list(own)]) for own, row in rows], 1)


def try_training(
    settings: PotentialSettings,
    variables: dict[str, CollectiveVariableSettings],
    frames: TrialFrames,
) -> tuple[Cost, Potential]:
    """Seconds of an optimisation step, validation included, or of a frame, and a potential.

    A potential without optimisation steps is fitted in one pass over its frames. One that is
    fitted with CG runs costs nothing here.

    Raises:
        InputError: the potential cannot be fitted to such frames.
    """
    if not hasattr(settings, "training"):
        return _try_linear(settings, variables, frames)
    made = _frames(frames, 2 * BATCHES * settings.training.batch_size)

    # The work of a step is the same with any weight decay.
    changes = {"steps": None, "weight_decay": 0.0}

    def run(epochs: int) -> Potential:
        training = settings.training.model_copy(update=changes | {"epochs": epochs})
        chosen = settings.model_copy(update={"training": training})
        return fit(chosen, made, variables, 1, 1, _silent, methods=KINDS).potential

    potential = run(1)
    return Cost(_each(run, 1) / BATCHES), potential


def _try_linear(
    settings: PotentialSettings,
    variables: dict[str, CollectiveVariableSettings],
    frames: TrialFrames,
) -> tuple[Cost, Potential]:
    def run(count: int) -> tuple[float, Potential]:
        made = _frames(frames, count)
        started = time.perf_counter()
        potential = fit(settings, made, variables, 1, 1, _silent, methods=KINDS).potential
        return time.perf_counter() - started, potential

    few = frames.number(LINEAR)
    _, potential = run(few)  # with what is done once in a process
    if settings.fitting.makes_runs:
        return Cost(0.0), potential
    (short, _), (long, _) = run(few), run(4 * few)
    # The member leaves out one of the two folds of the made-up frames.
    each = max(0.0, long - short) / (3 * few / 2)
    return Cost(each, max(0.0, short - each * few / 2)), potential


def _each(run: Callable[[int], object], least: int) -> float:
    """Seconds of one unit of work, from runs of different lengths; the set-up drops out."""
    run(least)  # what is done once in a process
    shortest = min(_spent(run, least) for _ in range(2))
    units = least
    while True:
        units *= 4
        longer = _spent(run, units) - shortest
        if longer > SURE:
            return longer / (units - least)


def _spent(run: Callable[[int], object], units: int) -> float:
    started = time.perf_counter()
    run(units)
    return time.perf_counter() - started


def try_dynamics(
    potential: Potential,
    simulation: SimulationSettings,
    variables: dict[str, CollectiveVariableSettings],
    surface: tuple[str, ...],
    frames: TrialFrames,
) -> float:
    """Seconds of a step of all chains, without compilation.

    Raises:
        InputError: the potential cannot be run.
    """
    rng = np.random.default_rng(1)
    positions = frames.repeated(simulation.chains, rng)
    starts = Configuration(positions, frames.temperatures[0], frames.cell)
    system = CgSystem(frames.beads.topology, frames.beads.masses, variables, surface)

    def run(steps: int) -> None:
        generator = torch.Generator(potential.device).manual_seed(1)
        sample(potential, starts, _shortened(simulation, steps), generator, system)

    return _each(run, CG_STEPS)


def _shortened(simulation: SimulationSettings, steps: int) -> SimulationSettings:
    """The same with few steps, which are so short that made-up forces break no chain."""
    scale = TINY / simulation.time_step
    bias, exchange = simulation.bias, simulation.exchange
    if bias is not None:
        bias = bias.model_copy(update={"build": 20 * TINY})
    if exchange is not None:
        exchange = exchange.model_copy(update={"every": exchange.every * scale})
    return simulation.model_copy(
        update={
            "time_step": TINY, "equilibration": 0.0, "length": steps * TINY,
            "stride": min(simulation.stride * scale, CG_STEPS * TINY), "bias": bias,
            "exchange": exchange, "until": None, "least_stable": 1e-9, "compile": "never",
        }
    )  # fmt: skip


def _frames(frames: TrialFrames, count: int) -> Frames:
    """Training data in two folds of equal size."""
    rng = np.random.default_rng(1)
    positions = torch.from_numpy(frames.repeated(count, rng).astype(np.float32))
    numbers = torch.arange(count)
    # One temperature after the other in each fold, as in data from files: linear fits take frames
    # of one temperature together.
    states = len(frames.temperatures)
    temperatures = torch.tensor(frames.temperatures)[numbers * 2 * states // count % states]
    cell = frames.cell
    return Frames(
        positions,
        torch.from_numpy((FORCE * rng.standard_normal(positions.shape)).astype(np.float32)),
        temperatures.float(),
        (numbers >= count // 2).long(),
        (numbers * 8) // count,
        frames.beads.topology,
        cells=None if cell is None else torch.from_numpy(cell).float().expand(count, 3, 3),
    )


def _silent(line: str) -> None:
    return
