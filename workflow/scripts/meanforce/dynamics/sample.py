"""The one way to run a CG model, without files and without a job."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from meanforce.core.configuration import Configuration
from meanforce.dynamics.choice import engine_of
from meanforce.dynamics.course import Course
from meanforce.dynamics.engine import CgRun, Frame
from meanforce.dynamics.system import CgSystem
from meanforce.potentials.interface import Potential
from meanforce.settings.simulations import SimulationSettings


@dataclasses.dataclass(frozen=True)
class Trajectory:
    """Frames of all chains of a CG run, in memory.

    Attributes:
        times: ps, shape (n_frames,).
        positions: nm, float32, shape (n_frames, n_chains, n_beads, 3).
        bias_energy: kJ/mol, shape (n_frames, n_chains).
        log_weight: of the unbiased ensemble, shape (n_frames, n_chains); −inf of chains that are
            broken.
        temperature: of the state point, K.
        cell: periodic box vectors in nm, in rows, shape (3, 3); None without periodic boundaries.
            At constant pressure it is that of the starts.
        boxes: at constant pressure those of each frame, shape (n_frames, n_chains, 3, 3); else
            None.
        about: plain values that describe the run: why it ended, how many chains broke, ....
    """

    times: np.ndarray
    positions: np.ndarray
    bias_energy: np.ndarray
    log_weight: np.ndarray
    temperature: float
    cell: np.ndarray | None
    about: dict[str, Any]
    boxes: np.ndarray | None = None

    @property
    def configurations(self) -> Configuration[np.ndarray]:
        """All frames of all chains, one frame after the other."""
        flat = self.positions.reshape(-1, *self.positions.shape[2:])
        cell = self.cell if self.boxes is None else self.boxes.reshape(-1, 3, 3)
        return Configuration(flat, self.temperature, cell)

    @property
    def weights(self) -> np.ndarray:
        """Weights of `configurations` in the unbiased ensemble; their sum is 1."""
        log_weight = self.log_weight.reshape(-1)
        weights = np.exp(log_weight - log_weight.max(initial=-np.inf))
        return weights / weights.sum()


class MemoryStore:
    """Frames of a run in memory."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.frames: list[Frame] = []

    def add(self, time: float, frame: Frame) -> None:
        """Add a frame at a time in ps."""
        # On a CPU, a frame's tensors are views of what the next step may change.
        values = (getattr(frame, field.name) for field in dataclasses.fields(Frame))
        self.times.append(time)
        self.frames.append(Frame(*(None if one is None else one.clone() for one in values)))

    def positions(self, first: int) -> np.ndarray:
        """Positions from a frame on, nm, float32, shape (n_frames, n_chains, n_beads, 3)."""
        return np.stack([frame.positions.float().numpy() for frame in self.frames[first:]])

    def boxes(self) -> np.ndarray | None:
        """Boxes of all frames, nm, shape (n_frames, n_chains, 3, 3); None at constant volume."""
        boxes = [frame.boxes.numpy() for frame in self.frames if frame.boxes is not None]
        return np.stack(boxes) if boxes else None


@torch.no_grad()
def sample(
    potential: Potential,
    starts: Configuration[np.ndarray],
    simulation: SimulationSettings,
    generator: torch.Generator,
    system: CgSystem,
    report: Callable[[str], None] = lambda line: None,
) -> Trajectory:
    """Run Langevin dynamics of many chains and keep their frames.

    The same arguments and the same engine give the same bits as the stage `simulate`, which is
    this with files and restarts (module `job`).

    Args:
        potential: the CG potential; the run computes in its type and on its device.
        starts: one for each chain, at the temperature of the state point; with a periodic cell,
            molecules in any of their images.
        simulation: settings; those of bias, exchange and convergence included.
        generator: of all random numbers, on the potential's device; its state is advanced.
        system: the beads.
        report: called with lines of progress.

    Raises:
        InputError: too many chains broke, the potential does not support the cell, or `starts`
            and settings do not fit.
    """
    store = MemoryStore()
    run = CgRun(potential, starts, simulation, generator, system)
    course = Course(run, engine_of(run, report), store, report)
    chains = course.engine.start()
    course.to_end(chains)
    return Trajectory(
        times=np.array(store.times),
        positions=store.positions(0),
        bias_energy=np.stack([frame.bias_energy.numpy() for frame in store.frames]),
        log_weight=np.stack([frame.log_weight.numpy() for frame in store.frames]),
        temperature=float(starts.temperature),
        cell=starts.cell,
        about=course.about(chains),
        boxes=store.boxes(),
    )
