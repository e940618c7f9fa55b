"""Metric `nematic_order`: do the molecules of a liquid point in one direction?

S of a frame is the largest eigenvalue of Q = ⟨3 u uᵀ − 1⟩/2, u the unit vectors between the ends of
the N molecules (Eppenga, Frenkel, Mol. Phys. 52, 1303 (1984)): 1 if all are parallel, and of the
order of 1/√N for random directions. Models whose chains are too stiff align.
"""

import numpy as np

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.kinds import Group
from meanforce.analysis.metrics.chain_dimensions import chain_ends, mean_of
from meanforce.analysis.metrics.structure import frames_at_once
from meanforce.analysis.molecules import in_boxes
from meanforce.analysis.rows import Estimate, Quantity, Row, compared
from meanforce.analysis.samples import Sample
from meanforce.core.molecules import Molecules


def rows(comparison: Comparison) -> list[Row]:
    """Mean order of model and reference, and its error; none where no molecule has two ends."""
    sides = comparison.samples
    if not in_boxes(*sides.values()):
        return []
    orders = {name: order(sample) for name, sample in sides.items()}
    if any(values is None for values in orders.values()):
        return []
    model, *others = (
        Estimate(*mean_of(sample, orders[name], comparison.stream("nematic_order", name)))
        for name, sample in sides.items()
    )
    return compared(
        Quantity("nematic_order", Group.DIMENSIONS), model, others[0] if others else None
    )


def order(sample: Sample) -> np.ndarray | None:
    """S of each frame, shape (n, 1); None with fewer than two molecules of three beads or more."""
    molecules, found = Molecules.of(sample.molecule), chain_ends(sample.molecule)
    if len(found) < 2:
        return None
    first, last = np.transpose(list(found.values()))
    n, size = len(sample.positions), frames_at_once(sample)
    result = np.empty((n, 1))
    for start in range(0, n, size):
        some = slice(start, start + size)
        whole = molecules.whole(sample.positions[some], sample.boxes(some))
        vectors = (whole[:, last] - whole[:, first]).astype(float)
        vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
        tensor = np.einsum("nmx,nmy->nxy", vectors, vectors) / len(found)
        result[some, 0] = 1.5 * np.linalg.eigvalsh(tensor)[:, -1] - 0.5
    return result
