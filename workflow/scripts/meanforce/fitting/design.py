"""Rows of the design matrix of molecules in a box, for a few frames at a time.

A has three rows for each bead and a column for each basis function: A = −Σ_q ∂q/∂R φ'(q), summed
over all coordinates q. Non-bonded pairs are found by neighbour search, and at each place only a few
splines differ from zero, so that the entries to be added up are few; Noid et al., J. Chem. Phys.
128, 244114 (2008). Everything is in double precision.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np
import torch

from meanforce.core.neighbours import pair_vectors
from meanforce.fitting.frames import Frames
from meanforce.potentials.linear import LinearPotential

ROWS = 4_000
"""Beads in all frames that are taken together, at most (but one frame at least)."""

PAIRS = 200_000
"""Gradient vectors that are added at once, at most."""


@dataclasses.dataclass(frozen=True)
class Gradients:
    """Coordinates that share a curve; their gradient vectors are +1 on a bead, −1 on another.

    Attributes:
        curve: its number.
        coordinates: their values, shape (n,).
        frames: frame of each coordinate, shape (n,).
        owner: coordinate of each vector, shape (m,); None: each coordinate has one, in order.
        plus: row of the bead with +1, counted through all frames, shape (m,).
        minus: row of the other bead, shape (m,).
        vectors: shape (3, m).
    """

    curve: int
    coordinates: np.ndarray
    frames: np.ndarray
    owner: np.ndarray | None
    plus: np.ndarray
    minus: np.ndarray
    vectors: np.ndarray


@dataclasses.dataclass(frozen=True)
class Rows:
    """Rows of some frames: directions, then frame by frame, bead by bead; K columns.

    Attributes:
        matrix: A, shape (3, n_frames·n_beads, K).
        forces: shape (3, n_frames·n_beads).
        weights: of the rows of one direction, shape (n_frames·n_beads, 1), or None.
        count: weighted number of frames.
        activation: Σ φ_k over coordinates and weighted frames, shape (K,).
    """

    matrix: np.ndarray
    forces: np.ndarray
    weights: np.ndarray | None
    count: float
    activation: np.ndarray


class Design:
    """Makes rows of frames.

    Args:
        potential: gives the basis; a sum of terms.
        frames: of the training.

    Attributes:
        size: number of columns.
        at_once: frames to be taken together.
    """

    def __init__(self, potential: LinearPotential, frames: Frames) -> None:
        self._potential, self._frames = potential.to(torch.float64), frames
        curves = self._potential.curves
        self._bases = [self._potential.of_curve(number) for number in range(len(curves))]
        self._columns = self._potential.of_curves.index.numpy()
        self.size = self._potential.of_curves.size
        self.at_once = max(1, ROWS // frames.molecule.size)
        self._cutoff = max((curve.cutoff or 0.0 for curve in curves), default=0.0)

    def rows(self, part: slice) -> Rows:
        """Rows of consecutive frames, best `at_once` or fewer."""
        some = self._frames.select(part)
        n_rows = some.positions.shape[0] * some.positions.shape[1]
        weights = None if some.weights is None else some.weights.double().numpy()
        matrix, activation = np.zeros((3, n_rows, self.size)), np.zeros(self.size)
        for each in self._gradients(some):
            functions = self._potential.curves[each.curve].functions
            first = self._columns[each.curve, 0]
            places, values, slopes = (
                tensor.numpy()
                for tensor in self._bases[each.curve].near(
                    torch.from_numpy(each.coordinates), self._potential.pieces
                )
            )
            if weights is not None:
                values = values * weights[each.frames]
            own = slice(first, first + functions)
            activation[own] += np.bincount(places.ravel(), values.ravel(), functions)
            matrix[:, :, own] = _added(each, places, slopes, n_rows, functions)
        return Rows(
            matrix=matrix,
            forces=some.forces.double().permute(2, 0, 1).reshape(3, n_rows).numpy(),
            weights=None if weights is None else weights.repeat(n_rows // len(some))[:, None],
            count=float(len(some) if weights is None else weights.sum()),
            activation=activation,
        )

    def _gradients(self, some: Frames) -> Iterator[Gradients]:
        """Gradient vectors of all coordinates, by curve."""
        if self._potential.bonded_terms is not None:
            yield from self._bonded(some)
        if self._potential.pair_terms is not None:
            yield from self._pairs(some)

    def _bonded(self, some: Frames) -> Iterator[Gradients]:
        internal, basis = self._potential.bonded_terms
        cells = None if some.cells is None else some.cells.double()
        q, vectors = (part.numpy() for part in internal.evaluate(some.positions.double(), cells))
        curve_of, owner = basis.owners.numpy(), internal.owner.numpy()
        starts = some.molecule.size * np.arange(len(some))
        for curve in np.unique(curve_of).tolist():
            columns = np.flatnonzero(curve_of == curve)
            own = np.flatnonzero(curve_of[owner] == curve)
            of_frame = np.searchsorted(columns, owner[own])
            plus, minus = internal.beads.numpy()[own].T
            yield Gradients(
                curve=curve,
                coordinates=q[:, columns].ravel(),
                frames=np.arange(len(some)).repeat(len(columns)),
                owner=np.add.outer(len(columns) * np.arange(len(some)), of_frame).ravel(),
                plus=np.add.outer(starts, plus).ravel(),
                minus=np.add.outer(starts, minus).ravel(),
                vectors=vectors[own].transpose(1, 2, 0).reshape(3, -1),
            )

    def _pairs(self, some: Frames) -> Iterator[Gradients]:
        terms, bases = self._potential.pair_terms
        cells = None if some.cells is None else some.cells.double().numpy()
        found = pair_vectors(some.positions.double().numpy(), cells, self._cutoff)
        curves = terms.curves_of(found.first, found.second)
        for curve in bases:
            own = np.flatnonzero(curves == curve)
            if len(own) == len(curves):
                own = slice(None)
            starts, distances = some.molecule.size * found.frame[own], found.distances[own]
            yield Gradients(
                curve=curve,
                coordinates=distances,
                frames=found.frame[own],
                owner=None,
                plus=starts + found.second[own],
                minus=starts + found.first[own],
                vectors=found.vectors[:, own] / distances,
            )


def _added(
    gradients: Gradients, places: np.ndarray, slopes: np.ndarray, n_rows: int, functions: int
) -> np.ndarray:
    """Columns of a curve, shape (3, n_rows, functions).

    Args:
        gradients: of the coordinates.
        places: numbers of basis functions, shape (count, n_coordinates).
        slopes: of these functions at the coordinates.
        n_rows: of one direction.
        functions: of the curve.
    """
    size, owner = n_rows * functions, gradients.owner
    result = np.zeros((3, size))
    for start in range(0, len(gradients.plus), PAIRS):
        part = slice(start, start + PAIRS)
        of = part if owner is None else owner[part]
        number, slope = places[:, of], slopes[:, of]
        cells = np.concatenate(
            [end[part] * functions + number for end in (gradients.plus, gradients.minus)]
        ).ravel()
        for total, along in zip(result, gradients.vectors[:, part], strict=True):
            pull = slope * along
            total += np.bincount(cells, np.concatenate([-pull, pull]).ravel(), size)
    return result.reshape(3, n_rows, functions)
