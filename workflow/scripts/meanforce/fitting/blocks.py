"""Time blocks of the training data, long compared with the memory of the conformations.

The members of an ensemble differ in the blocks that they are trained on. Their spread measures the
error of the ensemble, as far as the blocks are independent. With a memory exp(−t/τ), the sum over a
block of the length L has the variance 2σ²τ(L − τ(1 − exp(−L/τ))) instead of its share of a long
run, 2σ²τL. An error bar from blocks is too small by the factor √(1 − τ(1 − exp(−L/τ))/L) if no
motion is faster than τ: 0.75, 0.83 and 0.90 for L = 2, 3 and 5 τ.
"""

import dataclasses
import itertools
import math
from typing import Any

import numpy as np

from meanforce.core.topology import Topology
from meanforce.data.dataset import Dataset
from meanforce.mapping.memory import conformations, liquid, slow_modes_of_liquid, stride_of
from meanforce.settings.experiments import BLOCKS_PER_FOLD

MEMORIES = 3.0
"""Least length of a block in autocorrelation times, as far as the data allow. The autocorrelation
time is taken at the upper end of its error bar."""

BEADS = 2**18
"""Beads in all frames of a liquid that are read at once, at most."""

CARRYING = 1000
"""Number of frames from which the components that carry force are found."""


@dataclasses.dataclass(frozen=True)
class Blocks:
    """Blocks of one or several datasets, dealt to folds in turn.

    Attributes:
        numbers: block of each frame, over all datasets, int32, shape (n,).
        folds: fold of each frame, int16, shape (n,).
        per_fold: number of blocks of a dataset in each fold; the smallest of several datasets.
        length: of a block, ps; the shortest of several datasets.
        memory: autocorrelation time of the slowest conformations, ps; the longest of several
            datasets, None where one is too short for an estimate.
        too_short: whether blocks of a dataset are shorter than `MEMORIES` asks for.
    """

    numbers: np.ndarray
    folds: np.ndarray
    per_fold: int
    length: float
    memory: float | None
    too_short: bool

    def about(self) -> dict[str, Any]:
        """Plain values for the model's file."""
        return {
            "blocks": {
                "per_fold": self.per_fold,
                "length": self.length if math.isfinite(self.length) else None,
                "memory": self.memory,
                "unit": "ps",
            },
            "blocks_too_short": self.too_short,
        }

    def text(self) -> str:
        """A line for the log; a warning, where blocks are too short."""
        memory = "longer than can be measured" if self.memory is None else f"{self.memory:.3g} ps"
        line = (
            f"{self.per_fold} time blocks per fold, of {self.length:.4g} ps; "
            f"memory of conformations {memory}"
        )
        if not self.too_short:
            return line
        return (
            f"warning: {line}; blocks should be {MEMORIES:g} times as long as the memory with its "
            "error; otherwise the ensemble's error bars may be too small and left-out data are "
            "not independent; sample longer or use fewer folds"
        )


def cut(dataset: Dataset, folds: int) -> Blocks:
    """Cut each file into blocks: `BLOCKS_PER_FOLD` per fold, or fewer where its memory is long.

    Args:
        dataset: with at least `folds` frames in each file.
        folds: number of folds that the blocks are dealt to.
    """
    each = [_of_one(file, folds) for file in dataset.files()]
    starts = itertools.accumulate((one.per_fold * folds for one in each), initial=0)
    memories = [one.memory for one in each]
    return Blocks(
        numbers=np.concatenate([one.numbers + s for one, s in zip(each, starts, strict=False)]),
        folds=np.concatenate([one.folds for one in each]),
        per_fold=min(one.per_fold for one in each),
        length=min(one.length for one in each),
        memory=None if None in memories else max(memories),
        too_short=any(one.too_short for one in each),
    )


def uncut(n_frames: int) -> Blocks:
    """All frames as one block of one fold."""
    zeros = np.zeros(n_frames)
    return Blocks(zeros.astype(np.int32), zeros.astype(np.int16), 1, math.inf, None, False)


def _of_one(file: Dataset, folds: int) -> Blocks:
    """Blocks of a single file."""
    levels = len({part.temperature for part in file.parts}) > 1
    series = [_Series.of(Dataset((part,)), levels) for part in file.parts]
    memories = [one.memory for one in series]
    memory = None if None in memories else max(memories)
    wanted = math.inf if memory is None else MEMORIES * max(one.longest for one in series)

    def length(per_fold: int) -> float:
        """Length of a block, ps."""
        return min(one.length(per_fold * folds) for one in series)

    per_fold = next((b for b in range(BLOCKS_PER_FOLD, 1, -1) if length(b) >= wanted), 1)
    numbers = file.block_numbers(per_fold * folds).astype(np.int32)
    return Blocks(
        numbers=numbers,
        folds=(numbers % folds).astype(np.int16),
        per_fold=per_fold,
        length=length(per_fold),
        memory=memory,
        too_short=length(per_fold) < wanted,
    )


@dataclasses.dataclass(frozen=True)
class _Series:
    """Frames of one part of a file.

    Attributes:
        frames: number of frames.
        walkers: number of walkers that take turns in them.
        interval: between frames of the same walker, ps.
        memory: autocorrelation time of the slowest conformations, ps; None where it is longer than
            can be measured.
        longest: the upper end of the error bar of `memory`. Short series underestimate the memory;
            the median of this upper end is the true memory even in data that are only twelve times
            as long.
    """

    frames: int
    walkers: int
    interval: float
    memory: float | None
    longest: float

    @classmethod
    def of(cls, part: Dataset, levels: bool) -> "_Series":
        """Measure a part; with replica exchange it is one level, which several copies visit."""
        walkers = part.observable("chain")
        if levels:
            walkers = np.zeros_like(walkers)
        own = part.times()[walkers == walkers[0]]
        interval = float(np.median(np.diff(own))) if len(own) > 1 else 0.0
        step = stride_of(walkers)
        chosen = Dataset((dataclasses.replace(part.parts[0], frames=part.parts[0].frames[::step]),))
        molecule = Topology.of(part.parameters)
        if molecule.has_copies:
            found = liquid(_modes(chosen, molecule), walkers[::step])
        else:
            head = dataclasses.replace(part.parts[0], frames=part.parts[0].frames[:CARRYING])
            carries = (Dataset((head,)).forces() != 0).any(axis=0)
            found = conformations(chosen.positions(), carries, walkers[::step])
        unit = 0.5 * step * interval
        return cls(
            frames=len(part),
            walkers=len(np.unique(walkers)),
            interval=interval,
            memory=unit * found.inefficiency if found.resolved else None,
            longest=unit * (found.inefficiency + found.error),
        )

    def length(self, blocks: int) -> float:
        """Length of one of `blocks` blocks, ps; walkers that take turns share its frames."""
        return self.frames // blocks // self.walkers * self.interval


def _modes(dataset: Dataset, molecule: Topology) -> np.ndarray:
    """Slow modes of all frames of a liquid, shape (n, n_modes)."""
    parts = dataset.chunks(max(1, BEADS // molecule.size))
    return np.concatenate(
        [slow_modes_of_liquid(part.positions(), part.boxes(), molecule) for part in parts]
    )
