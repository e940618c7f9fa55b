"""Metrics `wasserstein_<kind>`: distributions of bonds, angles and dihedrals."""

import dataclasses

import numpy as np
import torch

from meanforce.analysis.comparison import DRAWS, Comparison
from meanforce.analysis.rows import Row
from meanforce.analysis.samples import Sample
from meanforce.analysis.surfaces import distance_row, resampled, unit_histograms
from meanforce.potentials.geometry import CoordinateList, InternalCoordinates

BINS = 200
UNITS = {"bond": "nm", "angle": "rad", "dihedral": "rad"}


@dataclasses.dataclass(frozen=True)
class Distribution:
    """Block histograms of one internal coordinate in model and reference.

    Attributes:
        kind: bond, angle, dihedral, or what else it is.
        edges: bin edges, nm or rad.
        model: shape (n_units, n_bins).
        reference: likewise.
    """

    kind: str
    edges: np.ndarray
    model: np.ndarray
    reference: np.ndarray


def rows(comparison: Comparison) -> list[Row]:
    """Mean Wasserstein-1 distance over all bonds, all angles and all dihedrals."""
    if comparison.reference is None or not comparison.model.molecule.bonds:
        return []
    listed = distributions(comparison)
    kinds = {kind: [item for item in listed if item.kind == kind] for kind in UNITS}
    return [
        wasserstein_row(f"wasserstein_{kind}", items, UNITS[kind], comparison.rng)
        for kind, items in kinds.items()
        if items
    ]


def wasserstein_row(
    name: str, items: list[Distribution], unit: str, rng: np.random.Generator
) -> Row:
    """Mean Wasserstein-1 distance over some distributions of the same frames."""

    def mean_distance(p: np.ndarray, q: np.ndarray) -> float:
        return float(np.mean([_distance(*three) for three in zip(items, p, q, strict=True)]))

    # All items are resampled together, as their errors are correlated.
    blocks = [
        np.stack([getattr(item, side) for item in items], axis=1) for side in ("model", "reference")
    ]
    draws = [resampled(one, DRAWS // 4, rng) for one in blocks]
    return Row(name, *distance_row(mean_distance, blocks, draws, 2.0, 0.0), unit)


def distributions(comparison: Comparison) -> list[Distribution]:
    """Block histograms of every bond, angle and dihedral along the bonds."""
    model, reference = comparison.model, comparison.reference
    molecule = model.molecule
    listed = CoordinateList(
        distances=molecule.bonds, angles=molecule.angles, dihedrals=molecule.dihedrals
    )
    kinds = (
        ["bond"] * len(listed.distances)
        + ["angle"] * len(listed.angles)
        + ["dihedral"] * len(listed.dihedrals)
    )
    ours, theirs = coordinates_of(listed, model), coordinates_of(listed, reference)
    return [
        distribution(kind, model, ours[:, column, None], reference, theirs[:, column, None])
        for column, kind in enumerate(kinds)
    ]


def distribution(
    kind: str, model: Sample, ours: np.ndarray, reference: Sample, theirs: np.ndarray
) -> Distribution:
    """Histograms of a quantity; values of shape (n, n_copies), copies being alike."""
    if kind == "dihedral":
        edges = np.linspace(-np.pi, np.pi, BINS + 1)
    else:
        low, high = min(ours.min(), theirs.min()), max(ours.max(), theirs.max())
        margin = 1e-6 + 0.01 * (high - low)
        edges = np.linspace(low - margin, high + margin, BINS + 1)
    return Distribution(
        kind, edges, unit_histograms(ours, model, edges), unit_histograms(theirs, reference, edges)
    )


def wasserstein(p: np.ndarray, q: np.ndarray, width: float, circular: bool) -> float:
    """Wasserstein-1 distance of two histograms on equal bins of a width.

    On the circle: ∫|F − G − median(F − G)|; Rabin, Delon, Gousseau, JMIV 41, 147 (2011).
    """
    difference = np.cumsum(p - q)
    if circular:
        difference = difference - np.median(difference)
    return float(np.abs(difference).sum() * width)


def _distance(item: Distribution, p: np.ndarray, q: np.ndarray) -> float:
    width = item.edges[1] - item.edges[0]
    return wasserstein(p / p.sum(), q / q.sum(), width, item.kind == "dihedral")


def coordinates_of(listed: CoordinateList, sample: Sample) -> np.ndarray:
    """Coordinates of all frames, nm or rad, float32, shape (n, n_coordinates)."""
    internal = InternalCoordinates(listed, sample.molecule.size)
    parts = [
        internal.evaluate(block.float())[0]
        for block in torch.from_numpy(np.ascontiguousarray(sample.positions)).split(20000)
    ]
    return torch.cat(parts).numpy()
