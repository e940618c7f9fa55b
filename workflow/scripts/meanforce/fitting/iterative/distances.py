"""How far the distributions of a CG run are from their targets, and how much of it is noise.

The distance of a curve is the root mean square of Δg over its range, in bins as wide as its basis
functions: finer structure is not in the potential's reach, and only adds noise. Its floor is what
two samples of one distribution would score, given the finite data of both sides, and `resolution`
what they exceed in one of twenty cases (`statistics.distances`).
"""

import dataclasses

import numpy as np

from meanforce.fitting.iterative.histograms import Counts, Histograms
from meanforce.statistics.distances import quadratic, rooted

SMALLEST = 1e-12
"""Floor of a term that has none, as of a coordinate that never changes."""


@dataclasses.dataclass(frozen=True)
class TermDistance:
    """Distance of one distribution from its target.

    Attributes:
        name: of the term.
        curve: its number.
        differences: Δg in the bins, shape (n_bins,).
        floor: mean of `rms` of a perfect model.
        resolution: what a perfect model exceeds in one of twenty cases.
    """

    name: str
    curve: int
    differences: np.ndarray
    floor: float
    resolution: float

    @property
    def rms(self) -> float:
        """Root mean square of Δg."""
        return float(np.sqrt(np.mean(self.differences**2)))

    @property
    def largest(self) -> float:
        """Largest |Δg|."""
        return float(abs(self.differences).max())

    @property
    def at_floor(self) -> bool:
        """Whether the difference is within the noise."""
        return self.rms <= self.resolution


def distances(
    histograms: Histograms,
    sampled: Counts,
    target: Counts,
    volume: float | None,
    label: str = "",
) -> list[TermDistance]:
    """Distances of all curves at one state point.

    Args:
        histograms: that counted.
        sampled: of the CG run.
        target: of the atomistic frames.
        volume: of the cell, nm³, or None.
        label: of the state point, at the end of the names.
    """
    found = []
    for number, (curve, part) in enumerate(
        zip(histograms.curves, histograms.parts, strict=True)
    ):  # fmt: skip
        factor = histograms.factor(number, volume)
        merged = histograms.bins[number].merged
        difference = merged(sampled.mean[part] - target.mean[part]) * factor
        scale = 1 / np.sqrt(len(difference))
        sides = [merged(side.residuals[:, part]) * factor * scale for side in (sampled, target)]
        square = float(difference @ difference) * scale**2
        noise = rooted(quadratic(difference * scale, *sides), square)
        name = f"{curve.kind}_{curve.name.replace(' – ', '_')}{label}"
        found.append(
            TermDistance(
                name=name,
                curve=number,
                differences=difference,
                floor=noise.floor,
                resolution=noise.resolution,
            )
        )
    return found


def floors_of(terms: list[TermDistance]) -> np.ndarray:
    """Floor of each term, shape (n_terms,)."""
    return np.array([max(term.floor, SMALLEST) for term in terms])


def stacked(terms: list[TermDistance]) -> tuple[np.ndarray, np.ndarray]:
    """Δg in all bins, such that squares add up to those of the distances, and the number of the
    term of each: (n,), (n,).
    """
    sizes = [len(term.differences) for term in terms]
    parts = [term.differences / np.sqrt(size) for term, size in zip(terms, sizes, strict=True)]
    return np.concatenate(parts), np.repeat(np.arange(len(terms)), sizes)


def score(terms: list[TermDistance], floors: np.ndarray) -> float:
    """Root mean square over the terms of their distances in floors.

    In their own floors it is about 1 for a perfect model. Runs that are stuck or short have higher
    floors, so that two iterates are compared in the floors of one of them.
    """
    return float(np.sqrt(np.mean([(t.rms / f) ** 2 for t, f in zip(terms, floors, strict=True)])))
