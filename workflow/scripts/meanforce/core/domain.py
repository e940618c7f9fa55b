"""Where training data lie: ranges of the beads' internal coordinates, and frames outside of them.

A model interpolates between its training frames and guesses beyond them. A frame is outside where
any coordinate is beyond its range in the data by more than `MARGIN` of the range's width: new
frames of the same distribution exceed extremes of the data now and then. With 10,000 independent
frames of a normal distribution the margin lies at 4.5 standard deviations, so that less than 0.1 %
of new frames are outside of any of 90 ranges.
"""

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any, Self

import numpy as np

from meanforce.core.cell import nearest_images
from meanforce.core.topology import Topology

MARGIN = 0.1
"""Part of a range's width by which it may be exceeded."""

ALL_PAIRS = 40
"""Beads of a molecule up to which all pair distances count; of more, only those along bonds."""

LEVELS = (0.001, 0.01, 0.5, 0.99, 0.999)
"""Quantiles that are stored beside the ranges."""

PART = 2**22
"""Most numbers of coordinates in memory at once, and most that are kept for quantiles."""


@dataclasses.dataclass(frozen=True)
class Domain:
    """Ranges of coordinates over frames.

    Attributes:
        molecule: the beads.
        names: of the coordinates, by kind and beads; copies of a molecule count as one.
        low: smallest value of each, nm, rad or without a unit, shape (n,).
        high: largest value, shape (n,).
        quantiles: at `LEVELS`, shape (n_levels, n).
        frames: how many there were.
    """

    molecule: Topology
    names: tuple[str, ...]
    low: np.ndarray
    high: np.ndarray
    quantiles: np.ndarray
    frames: int

    @classmethod
    def of_frames(
        cls, molecule: Topology, positions: np.ndarray, cells: np.ndarray | None = None
    ) -> Self | None:
        """Of frames; None where the beads have no internal coordinates.

        Args:
            molecule: the beads.
            positions: nm, shape (n, n_beads, 3).
            cells: periodic box vectors, nm, shape (3, 3) or (n, 3, 3), or None.
        """
        coordinates = Coordinates(molecule)
        if not coordinates.names or not len(positions):
            return None
        lows, highs, some = [], [], []
        step = -(-len(positions) * coordinates.size // PART)
        for start, values in coordinates.values(positions, cells):
            lows.append(np.concatenate([kind.min((0, 1)) for kind in values]))
            highs.append(np.concatenate([kind.max((0, 1)) for kind in values]))
            some.append([kind[-start % step :: step] for kind in values])
        kinds = [np.concatenate(parts) for parts in zip(*some, strict=True)]
        quantiles = [np.quantile(kind, LEVELS, axis=(0, 1)) for kind in kinds]
        return cls(
            molecule, coordinates.names, np.min(lows, axis=0), np.max(highs, axis=0),
            np.concatenate(quantiles, axis=1), len(positions),
        )  # fmt: skip

    def outside(self, positions: np.ndarray, cells: np.ndarray | None = None) -> np.ndarray:
        """Which coordinates are outside, of any copy of a molecule: bool, shape (n_frames, n).

        Args:
            positions: nm, shape (n_frames, n_beads, 3).
            cells: nm, shape (3, 3) or (n_frames, 3, 3), or None.
        """
        margin = MARGIN * (self.high - self.low)
        low, high, found = self.low - margin, self.high + margin, []
        for _, values in Coordinates(self.molecule).values(positions, cells):
            smallest = np.concatenate([kind.min(1) for kind in values], axis=1)
            largest = np.concatenate([kind.max(1) for kind in values], axis=1)
            # Not within, so that what is not a number is outside.
            found.append(~((smallest >= low) & (largest <= high)))
        return np.concatenate(found)

    def parameters(self) -> dict[str, Any]:
        """Plain values, without those of the beads; numbers are rounded to seven digits."""
        return {
            "names": list(self.names),
            "low": _rounded(self.low),
            "high": _rounded(self.high),
            "quantiles": {
                str(level): _rounded(row) for level, row in zip(LEVELS, self.quantiles, strict=True)
            },
            "frames": self.frames,
        }

    @classmethod
    def of(cls, molecule: Topology, parameters: dict[str, Any]) -> Self:
        """The inverse of `parameters`."""
        quantiles = [parameters["quantiles"][str(level)] for level in LEVELS]
        return cls(
            molecule,
            tuple(parameters["names"]),
            *(np.array(parameters[name]) for name in ("low", "high")),
            np.array(quantiles),
            parameters["frames"],
        )


class Coordinates:
    """Distances and angles, and sines and cosines of dihedrals, of molecules by their types.

    Args:
        molecule: the beads.

    Attributes:
        names: of the coordinates of one copy of each type.
        size: number of coordinates of all copies.
    """

    def __init__(self, molecule: Topology) -> None:
        names, first, self.size = [], 0, 0
        self._parts: list[np.ndarray] = []
        for kind, count in molecule.composition:
            own = Topology(((kind, 1),))
            near = list(itertools.combinations(range(kind.size), 2))
            pairs = near if kind.size <= ALL_PAIRS else kind.bonds
            starts = first + kind.size * np.arange(count)
            for beads in (pairs, own.angles, own.dihedrals):
                if not len(beads):
                    continue
                called = ["-".join(kind.names[bead] for bead in one) for one in beads]
                kinds = KINDS[len(beads[0])]
                names += [f"{what} {one}" for what in kinds for one in called]
                self.size += len(kinds) * len(beads) * count
                self._parts.append(np.array(beads)[None] + starts[:, None, None])
            first += kind.size * count
        self.names = tuple(names)

    def values(
        self, positions: np.ndarray, cells: np.ndarray | None
    ) -> Iterator[tuple[int, list[np.ndarray]]]:
        """For parts of the frames: the first one, and values, (n_frames, n_copies, n) by kind."""
        size = max(1, PART // max(1, self.size))
        for start in range(0, len(positions), size):
            own = slice(start, start + size)
            cell = cells[own] if cells is not None and cells.ndim == 3 else cells
            beads = np.asarray(positions[own], dtype=np.float64)
            yield start, [_of_kind(beads, places, cell) for places in self._parts]


KINDS = {2: ("distance",), 3: ("angle",), 4: ("sine of dihedral", "cosine of dihedral")}
"""Kinds of coordinates, by the number of their beads."""


def _of_kind(positions: np.ndarray, places: np.ndarray, cells: np.ndarray | None) -> np.ndarray:
    """Coordinates of beads at `places`, shape (n_copies, n, 2 to 4)."""
    ends = positions[:, places]
    steps = np.diff(ends, axis=3)
    if cells is not None:
        steps = nearest_images(steps.reshape(len(steps), -1, 3), cells).reshape(steps.shape)
    if places.shape[2] == 2:
        return np.linalg.norm(steps[..., 0, :], axis=-1)
    if places.shape[2] == 3:
        back, on = -steps[..., 0, :], steps[..., 1, :]
        across = np.linalg.norm(np.cross(back, on), axis=-1)
        return np.arctan2(across, (back * on).sum(-1))
    b1, b2, b3 = np.moveaxis(steps, 3, 0)
    first, last = np.cross(b1, b2), np.cross(b2, b3)
    sine = np.linalg.norm(b2, axis=-1) * (b1 * last).sum(-1)
    angle = np.arctan2(sine, (first * last).sum(-1))
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=-1)


def _rounded(values: np.ndarray) -> list[float]:
    return [float(f"{value:.7g}") for value in values]
