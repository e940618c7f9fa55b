"""Metrics `rdf_rmse_<types>`: radial distribution functions between molecules.

g_AB(r) is the density of beads of type B at distance r from beads of type A of other molecules,
over that of an ideal gas of the same pairs: n(r)·V/(n_pairs·v(r)), with n(r) pairs in the shell and
v(r) its volume; Allen, Tildesley, Computer Simulation of Liquids, 2nd ed., section 8.1.
"""

import itertools

import numpy as np

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.curves import Curve
from meanforce.analysis.kinds import Group
from meanforce.analysis.rows import Quantity, Row, distance
from meanforce.analysis.samples import Sample
from meanforce.core.cell import nearest_images, smallest_width
from meanforce.core.graph import molecules
from meanforce.statistics.distances import Distance, Noise, quadratic, rooted
from meanforce.statistics.resampling import DRAWS, resampled

FRAMES = 2000
"""Frames of each side that are evaluated."""

PAIRS = 2 * 10**6
"""Distances that are kept at once."""


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
    if not sides or any(side.box is None for side in sides):
        return []
    if len(molecules(comparison.model.molecule)) < 2:
        return []
    reach = 0.5 * min(smallest_width(side.box) for side in sides)
    edges = np.linspace(0.0, reach, comparison.validation.bins + 1)
    return [
        (name, edges, [unit_sums(side, pairs, edges) for side in sides])
        for name, pairs in pairs_by_type(comparison.model).items()
    ]


def pairs_by_type(sample: Sample) -> dict[str, np.ndarray]:
    """Pairs of beads of different molecules by their types, `A_B`; each of shape (n_pairs, 2)."""
    owner = np.empty(sample.molecule.size, dtype=int)
    for number, part in enumerate(molecules(sample.molecule)):
        owner[part] = number
    found: dict[str, list] = {}
    for i, j in itertools.combinations(range(sample.molecule.size), 2):
        if owner[i] != owner[j]:
            types = sorted((sample.molecule.types[i], sample.molecule.types[j]))
            found.setdefault("_".join(types), []).append((i, j))
    return {name: np.array(pairs) for name, pairs in sorted(found.items())}


def unit_sums(sample: Sample, pairs: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Weighted sums of g over the frames of each unit, and of weights in the last column.

    Returns:
        shape (n_units, n_bins + 1).
    """
    frames = np.arange(0, len(sample.weights), max(1, len(sample.weights) // FRAMES))
    bins, box = len(edges) - 1, sample.box
    shells = 4 / 3 * np.pi * np.diff(edges**3)
    ideal = len(pairs) * shells / abs(np.linalg.det(box))
    result = np.zeros((sample.n_units, bins + 1))
    for chunk in np.array_split(frames, max(1, len(frames) * len(pairs) // PAIRS)):
        positions = sample.positions[chunk].astype(float)
        separation = nearest_images(positions[:, pairs[:, 1]] - positions[:, pairs[:, 0]], box)
        distance = np.linalg.norm(separation, axis=2)
        column = np.floor(distance / edges[-1] * bins).astype(int)
        inside = column < bins
        row = np.broadcast_to(np.arange(len(chunk))[:, None], column.shape)
        flat = (column + bins * row)[inside]
        counts = np.bincount(flat, minlength=bins * len(chunk)).reshape(len(chunk), bins)
        values = np.concatenate([counts / ideal, np.ones((len(chunk), 1))], axis=1)
        weighted = values * sample.weights[chunk, None]
        np.add.at(result, sample.units[chunk], weighted)
        if sample.response is not None:
            result += sample.response[chunk].T @ weighted
    return result


def _normalised(sums: np.ndarray) -> np.ndarray:
    return sums[..., :-1] / sums[..., -1:]
