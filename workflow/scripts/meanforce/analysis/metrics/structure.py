"""Metrics `wasserstein_<kind>`: distributions of bonds, angles and dihedrals."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.kinds import Group
from meanforce.analysis.rows import Quantity, Row, distance
from meanforce.analysis.samples import Sample, cell_of
from meanforce.analysis.surfaces import histogram, unit_histograms
from meanforce.core.coordinates import CoordinateList
from meanforce.core.topology import Topology
from meanforce.potentials.geometry import InternalCoordinates
from meanforce.statistics.wasserstein import Wasserstein

BINS = 200

BEADS = 10**6
"""Positions of beads of a liquid that are evaluated at once."""

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
    """Block histograms of every bond, angle and dihedral along the bonds.

    Those of the same beads of all molecules of a type are one distribution.
    """
    molecule, several = comparison.model.molecule, comparison.model.molecule.has_copies
    found = []
    for kind, listed in bonded(molecule).items():
        groups = alike(molecule, listed)
        # One by one, values of a thousand molecules fit into memory.
        parts = groups if several else [np.arange(len(listed))] if listed else []
        for part in parts:
            chosen = coordinate_list(kind, [listed[number] for number in part])
            ours, theirs = (
                coordinates_of(chosen, side) for side in (comparison.model, comparison.reference)
            )
            columns = [np.arange(len(part))] if several else groups
            found += [distribution(kind, comparison, ours[:, c], theirs[:, c]) for c in columns]
    return found


def bonded(molecule: Topology) -> dict[str, tuple[tuple[int, ...], ...]]:
    """Beads of all bonds, angles and dihedrals along the bonds, by kind."""
    return {"bond": molecule.bonds, "angle": molecule.angles, "dihedral": molecule.dihedrals}


def coordinate_list(kind: str, listed: Sequence[tuple[int, ...]]) -> CoordinateList:
    """Coordinates of one kind of `bonded`."""
    names = {"bond": "distances", "angle": "angles", "dihedral": "dihedrals"}
    return CoordinateList(**{names[kind]: tuple(listed)})


def alike(molecule: Topology, listed: Sequence[tuple[int, ...]]) -> list[np.ndarray]:
    """Numbers of coordinates of the same beads in molecules of the same type, in order."""
    kinds = [kind.name for kind, count in molecule.composition for _ in range(count)]
    groups: dict[tuple, list[int]] = {}
    for number, beads in enumerate(listed):
        own = molecule.molecule_of_bead[beads[0]]
        first = molecule.offsets[own]
        key = kinds[own], tuple(bead - first for bead in beads)
        groups.setdefault(key, []).append(number)
    return [np.array(numbers) for numbers in groups.values()]


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
    """Coordinates of all frames, nm or rad, float32, shape (n, n_coordinates).

    Of several molecules in a box, they are those of nearest images.
    """
    internal = InternalCoordinates(listed, sample.molecule.size)
    size = 20000 if cell_of(sample.molecule, sample.box) is None else frames_at_once(sample)
    parts = []
    for start in range(0, len(sample.positions), size):
        some = slice(start, start + size)
        block = torch.from_numpy(np.ascontiguousarray(sample.positions[some])).float()
        parts.append(internal.evaluate(block, sample.cell(block, some))[0])
    return torch.cat(parts).numpy()


def frames_at_once(sample: Sample) -> int:
    """Frames of a liquid whose beads are evaluated together."""
    return max(1, BEADS // sample.molecule.size)
