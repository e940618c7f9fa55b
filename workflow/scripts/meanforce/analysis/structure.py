"""Metrics `wasserstein_<kind>`: distributions of bonds, angles and dihedrals."""

import dataclasses

import numpy as np
import torch

from meanforce.analysis.comparison import DRAWS, Comparison
from meanforce.analysis.rows import Row
from meanforce.analysis.samples import Sample
from meanforce.analysis.surfaces import resampled
from meanforce.potentials.geometry import CoordinateList, InternalCoordinates

BINS = 200
UNITS = {"bond": "nm", "angle": "rad", "dihedral": "rad"}


@dataclasses.dataclass(frozen=True)
class Distribution:
    """Block histograms of one internal coordinate in model and reference.

    Attributes:
        kind: bond, angle or dihedral.
        edges: bin edges, nm or rad.
        model: shape (n_blocks, n_bins).
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
    result = []
    listed = distributions(comparison)
    for kind, unit in UNITS.items():
        some = [item for item in listed if item.kind == kind]
        if not some:
            continue
        values = [_distance(item, item.model.sum(0), item.reference.sum(0)) for item in some]
        drawn = np.mean(
            [
                [
                    _distance(item, p, q)
                    for p, q in zip(
                        resampled(item.model, DRAWS // 4, comparison.rng),
                        resampled(item.reference, DRAWS // 4, comparison.rng),
                        strict=True,
                    )
                ]
                for item in some
            ],
            axis=0,
        )
        floor = np.mean([_floor(item) for item in some])
        result.append(
            Row(
                f"wasserstein_{kind}",
                float(np.mean(values)),
                float(np.std(drawn, ddof=1)),
                float(floor),
                unit,
            )
        )
    return result


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
    internal = InternalCoordinates(listed, molecule.size)
    ours, theirs = _values(internal, model), _values(internal, reference)
    result = []
    for column, kind in enumerate(kinds):
        if kind == "dihedral":
            edges = np.linspace(-np.pi, np.pi, BINS + 1)
        else:
            both = (ours[:, column], theirs[:, column])
            low, high = min(v.min() for v in both), max(v.max() for v in both)
            margin = 1e-6 + 0.01 * (high - low)
            edges = np.linspace(low - margin, high + margin, BINS + 1)
        result.append(
            Distribution(
                kind,
                edges,
                _histograms(ours[:, column], model, edges),
                _histograms(theirs[:, column], reference, edges),
            )
        )
    return result


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


def _floor(item: Distribution) -> float:
    """Distance that the finite sampling of both sides causes.

    Two halves of a sample differ by twice as much as the whole differs from the truth.
    """
    halves = [
        _distance(item, blocks[0::2].sum(0), blocks[1::2].sum(0)) / 2
        for blocks in (item.model, item.reference)
    ]
    return float(np.hypot(*halves))


def _values(internal: InternalCoordinates, sample: Sample) -> np.ndarray:
    parts = [
        internal.evaluate(block)[0]
        for block in torch.from_numpy(np.ascontiguousarray(sample.positions)).split(20000)
    ]
    return torch.cat(parts).numpy()


def _histograms(values: np.ndarray, sample: Sample, edges: np.ndarray) -> np.ndarray:
    column = np.clip(np.digitize(values, edges) - 1, 0, BINS - 1) + BINS * sample.blocks
    counts = np.bincount(column, weights=sample.weights, minlength=BINS * sample.n_blocks)
    return counts.reshape(sample.n_blocks, BINS)
