"""What the CG run of an iteration leaves behind: histograms, pressures, and maybe frames."""

import dataclasses

import numpy as np
import torch

from meanforce.core.configuration import Configuration
from meanforce.core.molecules import Molecules
from meanforce.core.pressure import BAR
from meanforce.dynamics.engine import CgRun, Frame
from meanforce.fitting.iterative.histograms import Counts, Histograms
from meanforce.fitting.iterative.moments import Features, Moments
from meanforce.potentials.interface import Potential
from meanforce.potentials.virial import virial_pressure

SEGMENTS = 20
"""Parts of each chain's time: after each of them a run may end."""

UNITS = 5
"""Independent units of each chain, at most: as many parts of its time as are finished."""

FEWEST, FEWEST_OF_MOMENTS = 2, 8
"""Segments after which a run may end early: one of which histograms are enough, and one of which
moments or frames are needed."""

PRESSURES = 40
"""Frames of each chain of which the pressure is computed, about: it costs two energies."""


@dataclasses.dataclass(frozen=True)
class Kept:
    """Frames of a CG run.

    Attributes:
        positions: of intact chains, nm, float32, shape (n, n_beads, 3).
        chains: chain of each, shape (n,).
        log_weights: of the unbiased ensemble, ln w = V/kT, shape (n,).
    """

    positions: np.ndarray
    chains: np.ndarray
    log_weights: np.ndarray


@dataclasses.dataclass(frozen=True)
class Observed:
    """Results of a CG run.

    Attributes:
        counts: its histograms, by parts of chains.
        pressure: mean and standard error, bar; None without several molecules in a box.
        moments: of the basis functions, where the method needs them.
        frames: where the method needs them.
    """

    counts: Counts
    pressure: tuple[float, float] | None
    moments: Moments | None = None
    frames: Kept | None = None


class Pressures:
    """Virial pressure of the CG potential in some frames.

    Args:
        run: whose potential it is.
    """

    def __init__(self, run: CgRun) -> None:
        self._potential: Potential = run.potential.to(torch.float64)
        self._molecules = Molecules.of(run.system.molecule)
        self._masses, self._starts = run.system.masses, run.starts

    def of(self, positions: np.ndarray) -> np.ndarray:
        """bar, shape (n,), of positions of shape (n, n_beads, 3)."""
        parts, cell = self._molecules, self._starts.cell
        whole = parts.whole(positions, cell)
        centres = parts.centres(whole, self._masses)[:, parts.owner]
        frames = Configuration(
            torch.from_numpy(whole), self._starts.temperature, torch.from_numpy(cell)
        )
        found = virial_pressure(self._potential, frames, torch.from_numpy(centres), parts.count)
        return found / BAR


class Observer:
    """Takes the frames of a CG run and keeps sums over parts of its chains, or the frames, too.

    Args:
        histograms: count the coordinates.
        run: whose frames they are.
        frames: of each chain, at most.
        features: of which moments are summed, or None.
        keeps: whether positions are kept.

    Attributes:
        arrays: the sums, by name; they change in place.
        done: frames of each chain so far.
    """

    def __init__(
        self,
        histograms: Histograms,
        run: CgRun,
        frames: int,
        features: Features | None = None,
        keeps: bool = False,
    ) -> None:
        self._features = features
        self._histograms, self._run, self._total = histograms, run, frames
        self._chains = len(run.starts)
        units = self._chains * SEGMENTS
        self.arrays = {
            "sums": np.zeros((units, histograms.size)),
            "weights": np.zeros(units),
            "pressures": np.zeros(units),
            "evaluated": np.zeros(units),
        }
        self._biased = run.simulation.bias is not None
        if self._biased:
            self.arrays["squared_weights"] = np.zeros(units)
        if features is not None:
            self.arrays["features"] = np.zeros((units, features.size))
            self.arrays["squares"] = np.zeros((features.size, features.size))
        if keeps:
            shape = (frames, *run.starts.positions.shape)
            self.arrays["kept"] = np.zeros(shape, dtype=np.float32)
            self.arrays["log_weights"] = np.full(shape[:2], -np.inf)
        self.done, self._seen = 0, 0
        in_box = run.starts.cell is not None and histograms.molecules_in_a_box
        self._pressures = Pressures(run) if in_box else None
        self._every = max(1, frames // PRESSURES)

    def add(self, time: float, frame: Frame) -> None:
        """Add a frame of all chains, with their weights; broken chains do not count."""
        log_weights = frame.log_weight.double().numpy()
        whole = np.flatnonzero(np.isfinite(log_weights))
        weights = np.exp(log_weights[whole])
        units = whole * SEGMENTS + min(self.done * SEGMENTS // self._total, SEGMENTS - 1)
        positions = frame.positions.double().numpy()[whole]
        here = Configuration(positions, self._run.starts.temperature, self._run.starts.cell)
        found = list(self._histograms.coordinates.of(here))
        counted = self._histograms.counted(found, len(here))
        self.arrays["sums"][units] += weights[:, None] * counted if self._biased else counted
        if self._features is not None:
            values = self._features.of(found, len(here))
            shared = weights[:, None] * values if self._biased else values
            self.arrays["features"][units] += shared
            self.arrays["squares"] += values.T @ shared
        self.arrays["weights"][units] += weights
        if self._biased:
            self.arrays["squared_weights"][units] += weights**2
        if self._pressures is not None and self.done % self._every == self._every - 1:
            self.arrays["pressures"][units] += weights * self._pressures.of(positions)
            self.arrays["evaluated"][units] += weights
        if "kept" in self.arrays:
            self.arrays["kept"][self.done, whole] = positions
            self.arrays["log_weights"][self.done, whole] = log_weights[whole]
        self.done += 1

    def positions(self, first: int) -> np.ndarray:
        """Convergence is not tested, for which frames would be needed."""
        raise NotImplementedError

    def boxes(self) -> None:
        """Runs are at constant volume."""

    def may_end(self) -> bool:
        """Whether another segment of all chains is finished, and enough of them; true only once."""
        finished = self.done * SEGMENTS // self._total
        fresh, self._seen = finished > self._seen, finished
        more = self._features is not None or "kept" in self.arrays
        fewest = FEWEST_OF_MOMENTS if more else FEWEST
        return fresh and fewest <= finished < SEGMENTS

    def restore(self, arrays: dict[str, np.ndarray], done: int) -> None:
        """Take the sums of an earlier process."""
        self.arrays, self.done = {name: array.copy() for name, array in arrays.items()}, done
        self._seen = done * SEGMENTS // self._total

    def _by_units(self, name: str, counted: str = "weights") -> np.ndarray:
        """Sums over the frames of each unit, of those that have some.

        Args:
            name: of the sums.
            counted: sums of weights, positive where a unit has frames.
        """
        begun = -(-self.done * SEGMENTS // self._total)
        first = np.arange(0, SEGMENTS, -(-begun // UNITS) or 1)
        sums = [
            np.add.reduceat(array.reshape(self._chains, SEGMENTS, *array.shape[1:]), first, axis=1)
            for array in (self.arrays[name], self.arrays[counted])
        ]
        return sums[0][sums[1] > 0]

    @property
    def counts(self) -> Counts:
        """Histograms so far."""
        return Counts(self._by_units("sums"), self._by_units("weights"), self._effective)

    @property
    def _effective(self) -> float:
        """Effective number of frames, (Σw)²/Σw², over the sum of their weights."""
        if not self._biased:
            return 1.0
        squares = self.arrays["squared_weights"].sum()
        return float(self.arrays["weights"].sum() / squares) if squares else 1.0

    @property
    def moments(self) -> Moments | None:
        """Moments so far."""
        if self._features is None:
            return None
        features, weights = self._by_units("features"), self._by_units("weights")
        return Moments(features, self.arrays["squares"], weights, self._effective)

    @property
    def observed(self) -> Observed:
        """Results so far."""
        kept, logs = None, self.arrays.get("log_weights")
        if logs is not None:
            intact = np.isfinite(logs)
            kept = Kept(self.arrays["kept"][intact], np.nonzero(intact)[1], logs[intact])
        return Observed(self.counts, self.pressure, self.moments, kept)

    @property
    def pressure(self) -> tuple[float, float] | None:
        """Mean pressure so far and its standard error, bar."""
        if self._pressures is None or not self.arrays["evaluated"].any():
            return None
        totals = self._by_units("pressures", "evaluated")
        numbers = self._by_units("evaluated", "evaluated")
        mean, n = totals.sum() / numbers.sum(), len(numbers)
        bare = (totals - numbers * mean) / numbers.sum()
        stderr = float(np.sqrt((bare**2).sum() * n / max(1, n - 1)))
        return float(mean), stderr
