"""Metrics `correlation_bond_<types>_angle_<types>`: do bonds and angles move together?

A CG potential is mostly a sum of terms of single bonds and angles, so that it has the distribution
of each and not what they have in common: in hexane and longer alkanes both depend on the same
torsions of the atoms below them. The correlation coefficient of a bond and an angle that it is a
leg of is that of all such pairs of these types in all molecules,

    r = (⟨bθ⟩ − ⟨b⟩⟨θ⟩)/√((⟨b²⟩ − ⟨b⟩²)(⟨θ²⟩ − ⟨θ⟩²)).

The distances `wasserstein_…` judge the distributions one by one. The curves are their densities, of
all coordinates of the same types. Both are of systems with several molecules of a type; those of a
single molecule have names, and profiles of their own where they matter.
"""

from collections.abc import Sequence

import numpy as np

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.curves import Curve
from meanforce.analysis.kinds import Group
from meanforce.analysis.metrics.structure import (
    CIRCULAR,
    UNITS,
    bonded,
    coordinate_list,
    coordinates_of,
)
from meanforce.analysis.rows import Estimate, Quantity, Row, compared
from meanforce.analysis.samples import Sample
from meanforce.analysis.surfaces import unit_histograms
from meanforce.core.topology import Topology
from meanforce.statistics.resampling import DRAWS, resampled, resampled_means

VALUES = 10**7
"""Values of a coordinate of certain types that are evaluated, over all frames and molecules."""

FROZEN = 1e-6
"""Standard deviation, nm or rad, below which a coordinate is constrained and has no correlation."""


def rows(comparison: Comparison) -> list[Row]:
    """Correlation coefficients of model and reference, and their errors."""
    sides = comparison.samples
    if not sides or not comparison.model.molecule.has_copies:
        return []
    result = []
    for name, pairs in legs(comparison.model.molecule).items():
        quantity = Quantity(f"correlation_{name}", Group.STRUCTURE)
        found = [
            _estimate(comparison, sample, pairs, comparison.stream(quantity.name, side))
            for side, sample in sides.items()
        ]
        if any(one is None for one in found):
            continue
        model, *others = found
        result += compared(quantity, model, others[0] if others else None)
    return result


def curves(comparison: Comparison) -> list[Curve]:
    """Densities of bonds, angles and dihedrals by types, kinds `bond_density` and so on."""
    sides = comparison.samples
    if not sides or not comparison.model.molecule.has_copies:
        return []
    return [
        _curve(comparison, kind, name, listed)
        for kind, listed_of_kind in bonded(comparison.model.molecule).items()
        for name, listed in by_types(comparison.model.molecule, listed_of_kind).items()
    ]


def by_types(
    molecule: Topology, listed: Sequence[tuple[int, ...]]
) -> dict[str, list[tuple[int, ...]]]:
    """Coordinates by the types of their beads, `A_B`; a coordinate has no direction."""
    found: dict[str, list[tuple[int, ...]]] = {}
    for beads in listed:
        found.setdefault(_name(molecule, beads), []).append(beads)
    return dict(sorted(found.items()))


def legs(molecule: Topology) -> dict[str, list[tuple[tuple[int, int], tuple[int, int, int]]]]:
    """Pairs of a bond and an angle that it is a leg of, by the types of both."""
    found: dict[str, list] = {}
    for a, b, c in molecule.angles:
        for bond in ((a, b), (b, c)):
            name = f"bond_{_name(molecule, bond)}_angle_{_name(molecule, (a, b, c))}"
            found.setdefault(name, []).append((bond, (a, b, c)))
    return dict(sorted(found.items()))


def _name(molecule: Topology, beads: tuple[int, ...]) -> str:
    types = [molecule.types[bead] for bead in beads]
    return "_".join(min(types, types[::-1]))


def _estimate(
    comparison: Comparison,
    sample: Sample,
    pairs: list[tuple[tuple[int, int], tuple[int, int, int]]],
    rng: np.random.Generator,
) -> Estimate | None:
    """Correlation coefficient; None where one of the coordinates does not move."""
    frames = sample.some(max(4 * sample.n_units, VALUES // len(pairs)))
    some = sample.take(frames)
    bonds, angles = (
        coordinates_of(coordinate_list(kind, [pair[place] for pair in pairs]), some).astype(float)
        for place, kind in enumerate(("bond", "angle"))
    )
    # About their means, so that no digits are lost in the differences.
    bonds, angles = bonds - bonds.mean(), angles - angles.mean()
    products = (bonds, angles, bonds**2, angles**2, bonds * angles)
    moments = np.stack([part.mean(axis=1) for part in products], axis=1)
    sums = sample.sums_by_unit(frames, moments)
    total = sums.sum(axis=0)
    mean = total[:-1] / total[-1]
    if not min(mean[2] - mean[0] ** 2, mean[3] - mean[1] ** 2) > FROZEN**2:
        return None
    draws = _coefficient(resampled_means(sums, DRAWS, rng))
    return Estimate(
        float(_coefficient(mean)),
        Comparison.noise_of(sample, draws),
        comparison.training_error([]),
    )


def _coefficient(moments: np.ndarray) -> np.ndarray:
    b, a, bb, aa, ab = np.moveaxis(moments, -1, 0)
    return (ab - a * b) / np.sqrt((bb - b**2) * (aa - a**2))


def _curve(comparison: Comparison, kind: str, name: str, listed: list[tuple[int, ...]]) -> Curve:
    taken, values = {}, {}
    for side, sample in comparison.samples.items():
        frames = sample.some(max(4 * sample.n_units, VALUES // len(listed)))
        taken[side] = sample.take(frames)
        values[side] = coordinates_of(coordinate_list(kind, listed), taken[side])
    low, high = -np.pi, np.pi
    if kind not in CIRCULAR:
        low = min(float(one.min()) for one in values.values())
        high = max(float(one.max()) for one in values.values())
        # One value of all has a width, too.
        high = max(high, low + 1e-6)
    edges = np.linspace(low, high, comparison.validation.bins + 1)
    width, found = edges[1] - edges[0], {}
    for side, sample in taken.items():
        units = unit_histograms(values[side], sample, edges)
        draws = resampled(units, DRAWS, comparison.stream(f"curve of {kind}_{name}", side))
        found[side] = units.sum(axis=0) / width, draws.std(axis=0, ddof=1) / width
    nothing = (np.full(len(edges) - 1, np.nan),) * 2
    centers = 0.5 * (edges[1:] + edges[:-1])
    about = f"{kind}_{name}", f"{kind}_density", UNITS[kind]
    return Curve(*about, centers, *found.get("reference", nothing), *found["model"])
