"""Histograms of the coordinates of each curve, for atomistic frames and CG frames alike."""

import dataclasses
import functools
import itertools
from collections.abc import Iterable

import numpy as np
import torch

from meanforce.core.configuration import Configuration
from meanforce.core.topology import Topology
from meanforce.fitting.iterative.coordinates import CurveCoordinates, Values
from meanforce.fitting.iterative.unit_sums import UnitSums
from meanforce.potentials.curves import EnergyCurve
from meanforce.potentials.linear import LinearPotential
from meanforce.potentials.whole import is_one

PER_FUNCTION = 4
"""Bins of a histogram for each basis function of the curve."""


@dataclasses.dataclass(frozen=True)
class Bins:
    """Equal bins over the range of a curve; one more below it and one above take the rest.

    Attributes:
        lower: where the first bin begins, nm or rad.
        width: of a bin.
        count: of the bins inside of the range.
    """

    lower: float
    width: float
    count: int

    @classmethod
    def of(cls, curve: EnergyCurve) -> "Bins":
        """Bins over the range of the training data; of pairs, up to the cutoff."""
        low, high = (-np.pi, np.pi) if curve.periodic else curve.range
        count = PER_FUNCTION * max(1, round((high - low) / curve.spacing))
        return cls(low, (high - low) / count, count)

    @property
    def places(self) -> np.ndarray:
        """Middles of the bins; of the outer two, the ends of the range, shape (count + 2,)."""
        inner = self.lower + self.width * (np.arange(self.count) + 0.5)
        return np.concatenate([[self.lower], inner, [self.lower + self.width * self.count]])

    def merged(self, counts: np.ndarray) -> np.ndarray:
        """Counts in bins of the width of a basis function, and outside, shape (..., n + 2)."""
        inner = counts[..., 1:-1]
        inner = inner.reshape(*inner.shape[:-1], -1, PER_FUNCTION).sum(axis=-1)
        return np.concatenate([counts[..., :1], inner, counts[..., -1:]], axis=-1)

    def numbers(self, values: np.ndarray) -> np.ndarray:
        """Bin of each value, 0 … count + 1."""
        found = np.floor((values - self.lower) / self.width) + 1
        return np.clip(found, 0, self.count + 1).astype(np.int64)


@dataclasses.dataclass(frozen=True)
class Counts(UnitSums):
    """Histograms of all curves, by independent units (time blocks, or parts of chains).

    Attributes:
        sums: weighted counts, shape (n_units, n_bins of all curves).
        weights: sum of the weights of the frames of each unit, shape (n_units,).
        effective: effective number of frames, over the sum of their weights.
    """

    sums: np.ndarray
    weights: np.ndarray
    effective: float = 1.0

    @property
    def number(self) -> np.ndarray:
        """Counts as the number that they are worth."""
        return self.sums.sum(axis=0) * self.effective

    @property
    def frames(self) -> float:
        """Frames as the number that they are worth."""
        return float(self.weights.sum() * self.effective)


class Histograms:
    """Counts the coordinates of each curve of a potential.

    Args:
        potential: a sum of terms; its coefficients do not matter.

    Attributes:
        bins: of each curve.
        parts: where the bins of each curve are among all bins.
        size: number of all bins.
        coordinates: finds what is counted.
        numbers: how many coordinates share each curve.
        molecules_in_a_box: whether there are several molecules, so that pairs have a density.
    """

    def __init__(self, potential: LinearPotential) -> None:
        self.curves = potential.curves
        self.bins = [Bins.of(curve) for curve in self.curves]
        ends = np.cumsum([0, *(bins.count + 2 for bins in self.bins)])
        self.parts = [slice(int(a), int(b)) for a, b in itertools.pairwise(ends)]
        self.size = int(ends[-1])
        self.coordinates = CurveCoordinates(potential.to(torch.float64))
        self.numbers = potential.coordinates_of_curves()
        of_terms = "collective_variable" not in potential.values
        self.molecules_in_a_box = of_terms and not is_one(Topology.of(potential.values))

    def of(self, frames: Configuration[np.ndarray]) -> np.ndarray:
        """Counts in each frame, shape (n_frames, size)."""
        return self.counted(self.coordinates.of(frames), len(frames))

    def counted(self, coordinates: Iterable[Values], n_frames: int) -> np.ndarray:
        """The same for coordinates that were found before."""
        counts = np.zeros(n_frames * self.size)
        for part in coordinates:
            inner = self.bins[part.curve].numbers(part.values)
            bins = part.frames * self.size + self.parts[part.curve].start + inner
            counts += np.bincount(bins, minlength=len(counts))
        return counts.reshape(n_frames, self.size)

    def ideal(self, curve: int) -> np.ndarray:
        """Measure of each bin: what coordinates without any potential would fill, any factor.

        The volume of a shell for distances, sin θ for angles; the outer bins have none.
        """
        bins, kind = self.bins[curve], self.curves[curve].kind
        edges = bins.lower + bins.width * np.arange(bins.count + 1)
        if kind in ("bonds", "pairs"):
            inner = 4 / 3 * np.pi * np.diff(edges**3)
        elif kind == "angles":
            inner = -np.diff(np.cos(np.clip(edges, 0.0, np.pi)))
        else:
            inner = np.diff(edges)
        return np.concatenate([[0.0], inner, [0.0]])

    @functools.cache  # noqa: B019 (few arguments, and as long-lived as the fit)
    def factor(self, curve: int, volume: float | None) -> np.ndarray:
        """Factor from merged counts in a frame to a distribution without a unit.

        For pairs of molecules in a box this is g(r): the density of pairs over that of an ideal
        gas. For other coordinates it is their density, times the range of the bins.

        Args:
            curve: its number.
            volume: of the cell, nm³, or None.
        """
        bins, number = self.bins[curve], max(1, self.numbers[curve])
        if volume is None or self.curves[curve].kind != "pairs" or not self.molecules_in_a_box:
            inner = bins.count // PER_FUNCTION
            return np.full(inner + 2, inner / number)
        shells = bins.merged(self.ideal(curve))
        shells[0], shells[-1] = 4 / 3 * np.pi * bins.lower**3, np.inf
        return volume / number / shells
