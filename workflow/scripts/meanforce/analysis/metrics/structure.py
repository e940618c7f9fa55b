"""Metrics `wasserstein_<kind>`: distributions of bonds, angles and dihedrals."""

import dataclasses

import numpy as np
import torch

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.kinds import Group
from meanforce.analysis.rows import Quantity, Row, distance
from meanforce.analysis.samples import Sample
from meanforce.analysis.surfaces import histogram, unit_histograms
from meanforce.core.coordinates import CoordinateList
from meanforce.potentials.geometry import InternalCoordinates
from meanforce.statistics.wasserstein import Wasserstein

BINS = 200
UNITS = {"bond": "nm", "angle": "rad", "dihedral": "rad"}

CIRCULAR = ("dihedral",)
"""Kinds that live on a circle."""


@dataclasses.dataclass(frozen=True)
class Distribution:
    """Block histograms of one internal coordinate in model and reference.

    Attributes:
        kind: bond, angle, dihedral, or the name of another quantity.
        edges: bin edges, nm or rad.
        model: shape (n_units, n_bins).
        reference: likewise.
        members: histograms of the members of the ensemble, each of shape (n_bins,).
    """

    kind: str
    edges: np.ndarray
    model: np.ndarray
    reference: np.ndarray
    members: tuple[np.ndarray, ...] = ()


def rows(comparison: Comparison) -> list[Row]:
    """Mean Wasserstein-1 distance over all bonds, all angles and all dihedrals."""
    if comparison.reference is None or not comparison.model.molecule.bonds:
        return []
    listed = distributions(comparison)
    kinds = {kind: [item for item in listed if item.kind == kind] for kind in UNITS}
    return [
        wasserstein_row(
            comparison, Quantity(f"wasserstein_{kind}", Group.STRUCTURE, UNITS[kind]), items
        )
        for kind, items in kinds.items()
        if items
    ]


def wasserstein_row(comparison: Comparison, quantity: Quantity, items: list[Distribution]) -> Row:
    """Mean Wasserstein-1 distance over some distributions of the same frames."""
    metric = Wasserstein(
        np.array([item.edges[1] - item.edges[0] for item in items]),
        np.array([item.kind in CIRCULAR for item in items]),
    )
    # All items are taken together, as their errors are correlated.
    units = [
        np.stack([getattr(item, side) for item in items], axis=1) / len(items)
        for side in ("model", "reference")
    ]
    model, reference = (side.sum(axis=0) for side in units)
    members = [np.stack(one) / len(items) for one in zip(*(i.members for i in items), strict=True)]
    training = comparison.training_error_of(metric, members, reference)
    return distance(quantity, metric.value(model, reference), metric.noise(*units), training)


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
        distribution(kind, comparison, ours[:, column, None], theirs[:, column, None])
        for column, kind in enumerate(kinds)
    ]


def distribution(
    kind: str, comparison: Comparison, ours: np.ndarray, theirs: np.ndarray
) -> Distribution:
    """Histograms of a quantity; values of shape (n, n_copies), copies being alike."""
    if kind in CIRCULAR:
        edges = np.linspace(-np.pi, np.pi, BINS + 1)
    else:
        low, high = min(ours.min(), theirs.min()), max(ours.max(), theirs.max())
        margin = 1e-6 + 0.01 * (high - low)
        edges = np.linspace(low - margin, high + margin, BINS + 1)
    members = (histogram(ours[f], weights, edges) for f, weights in comparison.member_weights)
    return Distribution(
        kind,
        edges,
        unit_histograms(ours, comparison.model, edges),
        unit_histograms(theirs, comparison.reference, edges),
        tuple(members),
    )


def coordinates_of(listed: CoordinateList, sample: Sample) -> np.ndarray:
    """Coordinates of all frames, nm or rad, float32, shape (n, n_coordinates)."""
    internal = InternalCoordinates(listed, sample.molecule.size)
    parts = [
        internal.evaluate(block.float())[0]
        for block in torch.from_numpy(np.ascontiguousarray(sample.positions)).split(20000)
    ]
    return torch.cat(parts).numpy()
