"""Metrics of molecules' extent: radius of gyration and end-to-end distance."""

import functools

import numpy as np

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.kinds import Group
from meanforce.analysis.metrics.structure import (
    distribution,
    frames_at_once,
    wasserstein_row,
)
from meanforce.analysis.rows import Estimate, Quantity, Row, compared
from meanforce.analysis.samples import Sample, cell_of
from meanforce.core.graph import ends
from meanforce.core.molecules import Molecules
from meanforce.core.topology import Topology
from meanforce.statistics.errors import Error
from meanforce.statistics.resampling import DRAWS, resampled

FEWEST_BEADS = 3
"""Fewest beads of a molecule whose extent is more than a bond."""


def rows(comparison: Comparison) -> list[Row]:
    """Mean of each extent in model and reference, and the distance of its distributions; nm.

    Without a reference there are the model's means alone.
    """
    if not comparison.samples:
        return []
    ours, reference = extents(comparison.model), comparison.reference
    theirs = {} if reference is None else extents(reference)
    result = []
    for name, values in ours.items():
        members = [
            weights @ values[frames].mean(1) for frames, weights in comparison.member_weights
        ]
        model = Estimate(
            *mean_of(comparison.model, values, comparison.stream(name, "model")),
            comparison.training_error(members),
        )
        quantity = Quantity(name, Group.DIMENSIONS, "nm")
        if reference is None:
            result += compared(quantity, model, None)
            continue
        found = mean_of(reference, theirs[name], comparison.stream(name, "reference"))
        result += compared(quantity, model, Estimate(*found))
        item = distribution(name, comparison, values, theirs[name])
        quantity = Quantity(f"wasserstein_{name}", Group.DIMENSIONS, "nm")
        result.append(wasserstein_row(comparison, quantity, [item]))
    return result


@functools.lru_cache(maxsize=2)
def extents(sample: Sample) -> dict[str, np.ndarray]:
    """Extent of every molecule of at least three beads, in nm, each of shape (n, n_molecules).

    R_g² = Σ m|r − r_cm|²/Σ m; ends are the two beads with most bonds between them. Empty where
    there is no such molecule.
    """
    molecules, found = Molecules.of(sample.molecule), chain_ends(sample.molecule)
    if not found:
        return {}
    one = cell_of(sample.molecule, sample.box) is None
    n = len(sample.positions)
    size = n if one else frames_at_once(sample)
    # Of a single molecule in the precision of its positions; of a liquid, they fill the memory.
    radii = np.empty((n, len(found)), dtype=float if one else np.float32)
    lengths = np.empty((n, len(found)), dtype=sample.positions.dtype if one else np.float32)
    for start in range(0, n, size):
        some = slice(start, start + size)
        whole = sample.positions[some]
        if not one:
            whole = molecules.whole(whole, sample.boxes(some))
        for column, (number, (first, last)) in enumerate(found.items()):
            part = molecules.parts[number]
            positions, masses = whole[:, part], sample.masses[part]
            positions = positions - np.tensordot(positions, masses, (1, 0))[:, None] / masses.sum()
            radii[some, column] = np.sqrt((positions**2).sum(2) @ masses / masses.sum())
            lengths[some, column] = np.linalg.norm(whole[:, last] - whole[:, first], axis=1)
    return {"radius_of_gyration": radii, "end_to_end": lengths}


def chain_ends(beads: Topology) -> dict[int, tuple[int, int]]:
    """The two end beads of each molecule of at least three beads, by the molecule's number."""
    molecules = Molecules.of(beads)
    # Alike in all molecules of a kind, and slow to find.
    places: dict[int, np.ndarray] = {}
    found = {}
    for number, (kind, part) in enumerate(zip(molecules.kinds, molecules.parts, strict=True)):
        if len(part) < FEWEST_BEADS:
            continue
        if kind not in places:
            places[kind] = np.searchsorted(part, ends(beads, part))
        first, last = part[places[kind]]
        found[number] = int(first), int(last)
    return found


def mean_of(sample: Sample, values: np.ndarray, rng: np.random.Generator) -> tuple[float, Error]:
    """Mean over frames and molecules, and its standard error by the bootstrap."""
    # The second column is the weight that the first one is divided by.
    sums = np.stack([sample.sums(values.mean(1)), sample.sums(np.ones(len(values)))], axis=1)
    draws = resampled(sums, DRAWS, rng)
    total = sums.sum(axis=0)
    return float(total[0] / total[1]), Comparison.noise_of(sample, draws[:, 0] / draws[:, 1])
