"""Training state points of a fit that iterates: targets, cells and starts of CG runs."""

import dataclasses

import numpy as np
import torch

from meanforce.core.configuration import Configuration
from meanforce.errors import InputError
from meanforce.fitting.frames import Frames
from meanforce.fitting.iterative.histograms import Counts, Histograms
from meanforce.fitting.iterative.moments import Features, Moments
from meanforce.fitting.iterative.tabulated import tabulated_counts
from meanforce.fitting.weights import effective_sample_size

MOST = 16
"""State points of a fit, at most; more of them are boxes of changing size."""

BEADS = 2**18
"""Beads in all frames that are counted at once."""

SAME_CELL = 1e-5
"""Relative difference of cells up to which they are one: rounding to single precision."""


@dataclasses.dataclass(frozen=True)
class State:
    """A training state point: one temperature and one cell.

    Attributes:
        label: end of the names of its distributions; empty where there is only one state point.
        temperature: K.
        cell: nm, float64, shape (3, 3), or None.
        chosen: numbers of its frames, shape (n,).
        target: their distributions.
        moments: of the basis functions, where the method needs them.
    """

    label: str
    temperature: float
    cell: np.ndarray | None
    chosen: np.ndarray
    target: Counts
    moments: Moments | None = None

    @property
    def volume(self) -> float | None:
        """Of the cell, nm³."""
        return volume_of(self.cell)

    def starts(
        self, frames: Frames, chains: int, rng: np.random.Generator
    ) -> Configuration[np.ndarray]:
        """Frames from which chains start, drawn by their weights."""
        shares = None
        if frames.weights is not None:
            shares = frames.weights.double().numpy()[self.chosen]
            shares = shares / shares.sum()
        some = rng.choice(self.chosen, chains, replace=chains > len(self.chosen), p=shares)
        positions = frames.positions[torch.from_numpy(some)].double().numpy()
        return Configuration(positions, self.temperature, self.cell)


def volume_of(cell: np.ndarray | None) -> float | None:
    """nm³, or None without a cell."""
    return None if cell is None else float(abs(np.linalg.det(cell)))


def states_of(
    frames: Frames,
    left_out: int,
    histograms: Histograms,
    smallest: int,
    features: Features | None = None,
) -> list[State]:
    """State points of the frames that are trained on.

    Args:
        frames: of the training.
        left_out: fold that is not used; with targets from tables, all frames are only starts.
        histograms: count the targets.
        smallest: fewest effective frames of a state point.
        features: of which moments are needed, or None.

    Raises:
        InputError: boxes change from frame to frame, or some state point has too few frames.
    """
    kept = frames.folds != left_out
    used = np.arange(len(frames)) if frames.targets else np.flatnonzero(kept.numpy())
    temperatures = frames.temperatures.double().numpy()[used]
    cells = None if frames.cells is None else frames.cells.double().numpy()[used]
    keys = temperatures[:, None]
    if cells is not None:
        keys = np.column_stack([keys, _rounded(cells).reshape(len(cells), 9)])
    known, places = np.unique(keys, axis=0, return_inverse=True)
    if len(known) > MOST:
        raise InputError(
            f"training data: have {len(known)} different pairs of temperature and periodic box, "
            f"but a fit with CG runs at constant volume takes at most {MOST}; allowed are "
            "campaigns at constant volume"
        )
    places, found = places.ravel(), []
    for number, key in enumerate(known):
        chosen = used[places == number]
        own = None if cells is None else cells[places == number].mean(axis=0)
        label = _label(number, known[:, 0]) if len(known) > 1 else ""
        if frames.targets:
            targets = (tabulated_counts(frames, histograms, key[0], volume_of(own)),)
        else:
            _check(frames, chosen, key[0], smallest)
            targets = _targets(frames, chosen, histograms, features)
        found.append(State(label, float(key[0]), own, chosen, *targets))
    return found


def _rounded(cells: np.ndarray) -> np.ndarray:
    step = SAME_CELL * abs(cells).max()
    return np.round(cells / step) * step


def _label(number: int, temperatures: np.ndarray) -> str:
    alone = (temperatures == temperatures[number]).sum() == 1
    return f"_{temperatures[number]:g}K" + ("" if alone else f"_{number + 1}")


def _check(frames: Frames, chosen: np.ndarray, temperature: float, smallest: int) -> None:
    """Refuse too few frames for a distribution."""
    effective = float(len(chosen))
    if frames.weights is not None:
        effective = effective_sample_size(frames.weights[torch.from_numpy(chosen)])
    if effective < smallest:
        how = "" if frames.weights is None else f", which their weights make worth {effective:.0f}"
        raise InputError(
            f"training data: there are {len(chosen)} frames at {temperature:g} K{how}, but "
            f"'fitting.smallest_sample' asks for {smallest} to give a distribution; sample longer"
            + ("" if frames.weights is None else ", use a weaker bias, or fit to forces")
        )


def _targets(
    frames: Frames, chosen: np.ndarray, histograms: Histograms, features: Features | None
) -> tuple[Counts, Moments | None]:
    """Distributions of some frames, by time block, and moments."""
    blocks, units = np.unique(frames.blocks.numpy()[chosen], return_inverse=True)
    sums, totals = np.zeros((len(blocks), histograms.size)), np.zeros(len(blocks))
    size = 0 if features is None else features.size
    first, second = np.zeros((len(blocks), size)), np.zeros((size, size))
    weights = np.ones(len(frames)) if frames.weights is None else frames.weights.double().numpy()
    size = max(1, BEADS // frames.molecule.size)
    for start in range(0, len(chosen), size):
        some, unit = chosen[start : start + size], units[start : start + size]
        where = torch.from_numpy(some)
        cells = None if frames.cells is None else frames.cells[where].double().numpy()
        part = Configuration(frames.positions[where].numpy(), 0.0, cells)
        coordinates, shares = list(histograms.coordinates.of(part)), weights[some, None]
        np.add.at(sums, unit, shares * histograms.counted(coordinates, len(some)))
        np.add.at(totals, unit, weights[some])
        if features is not None:
            values = features.of(coordinates, len(some))
            np.add.at(first, unit, shares * values)
            second += values.T @ (shares * values)
        frames.storage.release()
    effective = effective_sample_size(torch.from_numpy(weights[chosen])) / len(chosen)
    counts = Counts(sums, totals, effective)
    if features is None:
        return counts, None
    return counts, Moments(first, second, totals, effective)
