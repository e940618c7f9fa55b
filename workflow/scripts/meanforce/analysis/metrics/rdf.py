"""Metrics `rdf_rmse_<types>`: radial distribution functions between molecules.

g_AB(r) is the density of beads of type B at distance r from beads of type A of other molecules,
over that of an ideal gas of the same pairs: n(r)·V/(n_pairs·v(r)), with n(r) pairs in the shell and
v(r) its volume; Allen, Tildesley, Computer Simulation of Liquids, 2nd ed., section 8.1.

Pairs within a molecule do not count, however many bonds are between them: those that bonds, angles
and dihedrals describe would be peaks far above all others, and the rest of a chain is judged by its
dimensions.
"""

import functools
import itertools

import numpy as np

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.curves import Curve
from meanforce.analysis.kinds import Group
from meanforce.analysis.molecules import in_boxes, volumes
from meanforce.analysis.rows import Quantity, Row, distance
from meanforce.analysis.samples import Sample
from meanforce.core.cell import smallest_width
from meanforce.core.molecules import Molecules
from meanforce.core.neighbours import pair_distances
from meanforce.statistics.distances import Distance, Noise, quadratic, rooted
from meanforce.statistics.resampling import DRAWS, resampled

FRAMES = 2000
"""Frames of each side that are evaluated, at most."""

PAIRS = 3 * 10**8
"""Distances of each side that are evaluated, about: half a minute."""


def rows(comparison: Comparison) -> list[Row]:
    """Root mean square difference of g(r) over all r up to half the box."""
    if comparison.reference is None:
        return []
    metric = RdfRmse()
    return [
        distance(
            Quantity(f"rdf_rmse_{name}", Group.RADIAL),
            metric.value(*(side.sum(axis=0) for side in units)),
            metric.noise(*units),
        )
        for name, _, units in _all(comparison)
    ]


class RdfRmse(Distance):
    """Root mean square difference of g(r) from weighted sums of it and of weights, (n_bins + 1)."""

    def value(self, p: np.ndarray, q: np.ndarray) -> float:
        return float(np.sqrt(np.mean((_normalised(p) - _normalised(q)) ** 2)))

    def noise(self, model: np.ndarray, reference: np.ndarray) -> Noise:
        whole = [_normalised(side.sum(axis=0)) for side in (model, reference)]
        scale = 1 / np.sqrt(len(whole[0]))
        parts = []
        for units, mean in zip((model, reference), whole, strict=True):
            n, total = len(units), units[:, -1].sum()
            bare = (units[:, :-1] - units[:, -1:] * mean) / total
            parts.append(scale * bare * np.sqrt(n / max(1, n - 1)))
        difference = scale * (whole[0] - whole[1])
        return rooted(quadratic(difference, *parts), float(difference @ difference))


def curves(comparison: Comparison) -> list[Curve]:
    """g(r) of each pair of types, kind `rdf`."""
    result = []
    for name, edges, units in _all(comparison):
        sides = []
        for side, one in zip(("model", "reference"), units, strict=False):
            drawn = resampled(one, DRAWS, comparison.stream(f"rdf_{name}", side))
            sides.append((_normalised(one.sum(axis=0)), _normalised(drawn).std(axis=0, ddof=1)))
        model, *others = sides
        reference = others[0] if others else (np.full(len(edges) - 1, np.nan),) * 2
        centers = 0.5 * (edges[1:] + edges[:-1])
        result.append(Curve(f"rdf_{name}", "rdf", "nm", centers, *reference, *model))
    return result


def _all(comparison: Comparison) -> list[tuple[str, np.ndarray, list[np.ndarray]]]:
    """Types, edges, and unit sums of the model and, if there is one, the reference.

    None for a single molecule, or where a side has no periodic box.
    """
    sides = list(comparison.samples.values())
    if not in_boxes(*sides):
        return []
    reach = 0.5 * min(smallest_width(side.box) for side in sides)
    bins = comparison.validation.bins
    found = [unit_sums(side, reach, bins) for side in sides]
    edges = np.linspace(0.0, reach, bins + 1)
    return [(name, edges, [one[name] for one in found]) for name in found[0]]


@functools.lru_cache(maxsize=4)
def unit_sums(sample: Sample, reach: float, bins: int) -> dict[str, np.ndarray]:
    """Weighted sums of g over the frames of each unit, and of weights in the last column.

    Args:
        sample: several molecules in a box.
        reach: up to which distance, nm; at most half of the box's smallest width.
        bins: how many, from 0.

    Returns:
        types, `A_B`: shape (n_units, bins + 1); pairs of types that have no pairs are left out.
    """
    kinds, types = np.unique(sample.molecule.types, return_inverse=True)
    owner = Molecules.of(sample.molecule).owner
    number, pairs = _pairs_of_types(types, owner)
    shells = 4 / 3 * np.pi * np.diff(np.linspace(0.0, reach, bins + 1) ** 3)
    each = 4 / 3 * np.pi * reach**3 * pairs.sum() / np.min(volumes(sample, np.arange(1)))
    frames = sample.some(min(FRAMES, max(4 * sample.n_units, int(PAIRS / max(1.0, each)))))
    counts = np.zeros((len(frames), len(pairs), bins))
    found = pair_distances(sample.positions[frames], sample.boxes(frames), reach)
    for frame, first, second, r in found:
        if not len(r):
            continue
        column = np.floor(r * (bins / reach)).astype(int)
        kept = (owner[first] != owner[second]) & (column < bins)
        start, own = frame[0], int(frame[-1] - frame[0]) + 1
        row = number[types[first[kept]], types[second[kept]]] + len(pairs) * (frame[kept] - start)
        flat = np.bincount(column[kept] + bins * row, minlength=own * len(pairs) * bins)
        counts[start : start + own] += flat.reshape(own, len(pairs), bins)
    counts *= volumes(sample, frames)[:, None, None] / shells
    return {
        f"{kinds[a]}_{kinds[b]}": sample.sums_by_unit(
            frames, counts[:, number[a, b]] / pairs[number[a, b]]
        )
        for a, b in itertools.combinations_with_replacement(range(len(kinds)), 2)
        if pairs[number[a, b]]
    }


def _pairs_of_types(types: np.ndarray, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number of each pair of types, shape (n, n), and how many pairs of beads each has.

    Args:
        types: of the beads, by number.
        owner: molecule of each bead; pairs within a molecule do not count.
    """
    n = int(types.max()) + 1
    each = np.bincount(types + n * owner, minlength=n * (int(owner.max()) + 1)).reshape(-1, n)
    total = each.sum(axis=0).astype(float)
    between = np.outer(total, total) - each.astype(float).T @ each
    between[np.diag_indices(n)] /= 2
    first, second = np.triu_indices(n)
    number = np.empty((n, n), dtype=int)
    number[first, second] = number[second, first] = np.arange(len(first))
    return number, between[first, second]


def _normalised(sums: np.ndarray) -> np.ndarray:
    return sums[..., :-1] / sums[..., -1:]
