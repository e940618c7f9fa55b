"""The course of a CG run: steps, frames, checks of convergence."""

import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from meanforce.dynamics.choice import AnyEngine
from meanforce.dynamics.engine import CgRun, Chains, Frame, TorchEngine
from meanforce.dynamics.shared_bias import SharedBias
from meanforce.dynamics.stability import counts
from meanforce.progress import Progress, Rate
from meanforce.statistics.settling import change_of_halves


class FrameStore(Protocol):
    """Takes the frames of a run, and returns their positions."""

    def add(self, time: float, frame: Frame) -> None:
        """Add a frame at a time in ps."""

    def positions(self, first: int) -> np.ndarray:
        """Positions from a frame on, nm, shape (n_frames, n_ladders, n_beads, 3)."""

    def boxes(self) -> np.ndarray | None:
        """Boxes of all frames, nm, shape (n_frames, n_chains, 3, 3); None at constant volume."""


class Course:
    """Takes chains to the end of their run.

    Args:
        run: what to run.
        engine: moves the chains.
        store: takes the frames.
        report: called with lines of progress.
    """

    def __init__(
        self, run: CgRun, engine: AnyEngine, store: FrameStore, report: Callable[[str], None]
    ) -> None:
        self._run, self.engine, self._store, self._report = run, engine, store, report
        self._schedule, self._ladders = self.engine.schedule, self.engine.ladders
        self._convergence = run.system.convergence(run.simulation, run.starts.cell)
        self._starts: dict[str, list[float]] = {}
        if self._convergence is not None:
            lowest = self._ladders.lowest(run.starts.positions)
            self._starts = self._convergence.starts(lowest)
        self._looked: list[np.ndarray] = []

    def to_end(self, chains: Chains, between: Callable[[], None] = lambda: None) -> float:
        """Build the bias, equilibrate, and store frames of all chains.

        Chains that break get the log-weight −inf from then on.

        Args:
            chains: new ones, or those of an earlier process; changed in place.
            between: called after every call of the engine: a step, a few, or a stretch of many.

        Returns:
            time that the steps took, without their compilation, s.

        Raises:
            InputError: too many chains broke.
        """
        self.engine.prepare(chains, self._report)
        schedule, started = self._schedule, time.perf_counter()
        rate = Rate("replica-steps/s", len(self._run.starts))
        progress = Progress(self._report, schedule.end, chains.step, rate, at_most=self._looks)
        count = self._ladders.count
        while chains.step < schedule.end and not chains.ended:
            progress.advance(
                chains.step,
                schedule.phase(chains.step),
                lambda: f"{int((chains.broken == 0).sum())} of {count} chains stable",
            )
            for frame in self.engine.advance(chains):
                self._store.add(self._sampled(chains), frame)
                if self._looks and schedule.is_look(chains.step):
                    self._look(chains)
            between()
        progress.finish()
        return time.perf_counter() - started

    def about(self, chains: Chains) -> dict[str, Any]:
        """Plain values that describe the run."""
        about = self._run.system.molecule.parameters() | {
            "temperature": float(self._run.starts.temperature),
            "chains": self._ladders.count,
            "broken": counts(chains.broken),
            "length": self._sampled(chains),
            "ended": chains.ended or "at its longest",
            "engine": self.engine.name,
        }
        if isinstance(self.engine, TorchEngine) and self.engine.bias is not None:
            about |= self._off_grid(self.engine.bias)
        if self._run.simulation.pressure is not None:
            about["constant_pressure"] = self._run.simulation.pressure
            about["converged"] = self._volume_has_settled(chains)
        if self._starts:
            about["starts"] = self._starts
        if self._looked:
            about["converged"] = bool(chains.ended)
        return about | ({"exchange": self._ladders.about()} if self._ladders.levels > 1 else {})

    def _off_grid(self, bias: SharedBias) -> dict[str, float]:
        """Share of the hills beyond the ends of the grid of the bias, if it has ends."""
        if not bias.visits.possible:
            return {}
        if bias.where_outside:
            self._report(
                f"warning: {bias.visits.share:.1%} of the hills of the CG bias are outside its "
                f"grid, where they have no effect; {bias.where_outside}; give 'lower' and 'upper' "
                "that contain these values"
            )
        return {"bias_hills_outside": bias.visits.share}

    def _volume_has_settled(self, chains: Chains) -> bool:
        whole = (chains.broken == 0).numpy()
        volumes = np.linalg.det(self._store.boxes()[:, whole])
        change, limit = change_of_halves(volumes)
        percent = 100 / volumes.mean()
        self._report(
            f"volume of the box: changes by {percent * change:.2g} % from the first to the second "
            f"half of the run; noise explains {percent * limit:.2g} %"
        )
        # A volume that never changes has not been moved.
        settled = 0 < abs(change) <= limit
        if not settled:
            self._report(
                "warning: the volume has not settled; run longer ('equilibration', 'length')"
            )
        return settled

    def _sampled(self, chains: Chains) -> float:
        """Time since the frames began, ps."""
        steps = chains.step - self._schedule.before_frames
        return steps * self._run.simulation.time_step

    @property
    def _looks(self) -> bool:
        return self._run.simulation.until is not None and self._convergence is not None

    def _look(self, chains: Chains) -> None:
        """End the run, if it has converged."""
        known = sum(map(len, self._looked))
        self._looked.append(self._convergence.quantities(self._store.positions(known)))
        whole = (chains.broken == 0).numpy()
        intact = np.concatenate(self._looked)[:, whole]
        starts = {name: np.array(values)[whole] for name, values in self._starts.items()}
        climbed = self._ladders.round_trips() if self._ladders.levels > 1 else None
        holds, found = self._convergence.reached(intact, starts, climbed)
        self._report(f"{self._sampled(chains):g} ps: {found}")
        if holds:
            chains.ended = found
        elif chains.step == self._schedule.end:
            self._report(f"not converged ({found}) within 'until.at_most'")
