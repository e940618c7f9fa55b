"""Internal coordinates of one configuration, and gradients in them pulled back to the beads.

The formulas are those of `meanforce.potentials.geometry`, which takes batches. For one
configuration of a few beads a call of NumPy takes about a microsecond whatever it computes, so the
number of calls is what counts: vectors that are treated alike lie side by side, and dihedrals are
points on the unit circle, so that no angle has to be found and turned back.
"""

import dataclasses

import numpy as np

from meanforce.core.coordinates import CoordinateList

FEW = 40
"""Beads up to which sums over vectors are a matrix product; of more beads, most would be zeros."""

LIMIT = 1 - 1e-7
"""Largest cosine of an angle: at a straight angle its gradient has no direction."""

TINY = 1e-12
"""Least square of a normal (nm⁴): beads in a row have no dihedral, and no gradient of it."""

DOTS = np.array([(0, 1), (1, 1), (2, 1), (3, 3), (4, 4), (3, 4), (0, 4)]).T
"""Pairs of vectors whose scalar products dihedrals need, of b1, b2, b3, b1×b2 and b2×b3."""

ONES = np.ones(3)
"""The product with it sums over the components."""


@dataclasses.dataclass(frozen=True)
class Values:
    """Internal coordinates of one configuration, and what their gradients need.

    Attributes:
        plain: lengths of pairs in nm, then angles in rad, shape (n_pairs + n_angles,).
        turns: e^{iφ} of the dihedrals φ, shape (n_dihedrals,); 0 where beads are in a row.
        vectors: gradients, each with a plus on one bead and a minus on another, shape
            (3, n_vectors).
    """

    plain: np.ndarray
    turns: np.ndarray
    vectors: np.ndarray


class Coordinates:
    """Evaluates coordinates of one configuration.

    Args:
        coordinates: distances, angles and dihedrals; none of Cartesian axes.
        n_beads: number of beads.
    """

    def __init__(self, coordinates: CoordinateList, n_beads: int) -> None:
        pairs, angles = coordinates.distances, coordinates.angles
        dihedrals = coordinates.dihedrals
        self._sizes = len(pairs), len(angles), len(dihedrals)
        arms = [(a, b) for a, b, _ in angles] + [(c, b) for _, b, c in angles]
        bonds = [(d[k + 1], d[k]) for k in range(3) for d in dihedrals]
        ends = [(d[plus], d[minus]) for plus, minus in ((0, 1), (1, 2), (3, 2)) for d in dihedrals]
        straight = [(j, i) for i, j in pairs] + arms
        columns = np.arange(5 * len(dihedrals)).reshape(5, -1)
        self._left, self._right = (columns[vectors].reshape(-1) for vectors in DOTS)
        self._differences = _Rows(straight + bonds, n_beads)
        self._vectors = _Rows(straight + ends, n_beads)

    def evaluate(self, positions: np.ndarray) -> Values:
        """Values of all coordinates at positions in nm, float64, shape (n_beads, 3)."""
        n_pairs, n_angles, n_dihedrals = self._sizes
        vectors = self._differences.differences(positions)
        straight = n_pairs + 2 * n_angles
        units = vectors[:, :straight]
        plain = np.sqrt(_sum(units * units))
        units /= plain
        if n_angles:
            angles = _angles(units[:, n_pairs:], plain[n_pairs:], n_angles)
            plain = np.concatenate((plain[:n_pairs], angles))
        turns = self._dihedrals(vectors[:, straight:]) if n_dihedrals else np.zeros(0, complex)
        return Values(plain, turns, vectors)

    def _dihedrals(self, bonds: np.ndarray) -> np.ndarray:
        """e^{iφ} of dihedrals of three bonds in a row, which are replaced by the gradients of φ.

        Blondel, Karplus, J. Comput. Chem. 17, 1132 (1996).
        """
        n = self._sizes[2]
        # x, y, z, x, y: a cross product is then a difference of two products of slices.
        around = np.concatenate((bonds, bonds[:2]))
        left, right = around[:, : 2 * n], around[:, n:]
        normals = left[1:4] * right[2:5] - left[2:5] * right[1:4]
        five = np.concatenate((bonds, normals), axis=1)
        dots = _sum(five.take(self._left, axis=1) * five.take(self._right, axis=1)).reshape(7, n)
        length = np.sqrt(dots[1])
        squares = np.maximum(dots[3:5], TINY)
        slopes = normals.reshape(3, 2, n) * (length / squares)
        # The first vector is −length b1×b2/|b1×b2|²; the sign is carried along.
        along = slopes * (dots[0:3:2] / dots[1])
        np.negative(slopes[:, 0], out=bonds[:, :n])
        np.add(along[:, 0], along[:, 1], out=bonds[:, n : 2 * n])
        bonds[:, 2 * n :] = slopes[:, 1]
        turns = np.empty(n, complex)
        size = np.sqrt(squares[0] * squares[1])
        np.divide(dots[5], size, out=turns.real)
        np.divide(length * dots[6], size, out=turns.imag)
        return turns

    def pull_back(self, values: Values, plain: np.ndarray, turns: np.ndarray) -> np.ndarray:
        """Gradient in the positions, kJ/mol/nm, shape (n_beads, 3).

        Args:
            values: from `evaluate`; used up.
            plain: derivatives in lengths and angles, kJ/mol/nm and kJ/mol/rad.
            turns: derivatives in the dihedrals φ, kJ/mol/rad.
        """
        angles, vectors = plain[self._sizes[0] :], values.vectors
        vectors *= np.concatenate((plain, angles, turns, turns, turns))
        return self._vectors.sums(vectors)


class _Rows:
    """Differences of two beads each, and sums of vectors over the beads they belong to.

    Args:
        ends: of each row, the bead with +1 and that with −1.
        n_beads: number of beads.
    """

    def __init__(self, ends: list[tuple[int, int]], n_beads: int) -> None:
        plus, minus = np.array(ends, dtype=np.intp).reshape(-1, 2).T
        self._plus, self._minus, self._matrix = plus.copy(), minus.copy(), None
        if n_beads <= FEW:
            self._matrix = np.zeros((len(ends), n_beads))
            np.add.at(self._matrix, (np.arange(len(ends)), plus), 1.0)
            np.add.at(self._matrix, (np.arange(len(ends)), minus), -1.0)
            self._transposed = self._matrix.T.copy()
        # All rows of one bead follow each other; a row of zeros stands for a bead without any.
        owners = np.concatenate([plus, minus, np.arange(n_beads)])
        self._order = np.argsort(owners, kind="stable")
        self._starts = np.searchsorted(owners[self._order], np.arange(n_beads))
        self._zeros = np.zeros((3, n_beads))

    def differences(self, positions: np.ndarray) -> np.ndarray:
        """Bead with +1 less that with −1, shape (3, n_rows)."""
        if self._matrix is not None:
            return positions.T @ self._transposed
        columns = np.ascontiguousarray(positions.T)
        return columns.take(self._plus, axis=1) - columns.take(self._minus, axis=1)

    def sums(self, rows: np.ndarray) -> np.ndarray:
        """Rows, shape (3, n_rows), added to one bead and taken from the other: (n_beads, 3)."""
        if self._matrix is not None:
            return (rows @ self._matrix).T
        both = np.concatenate((rows, -rows, self._zeros), axis=1)
        return np.add.reduceat(both.take(self._order, axis=1), self._starts, axis=1).T


def _sum(products: np.ndarray) -> np.ndarray:
    """Sum over the three components, which are the rows."""
    return ONES @ products


def _angles(units: np.ndarray, lengths: np.ndarray, count: int) -> np.ndarray:
    """Angles between arms, whose unit vectors are replaced by the gradients in the arms' ends."""
    arms = units.reshape(3, 2, count)
    cosine = np.minimum(np.maximum(_sum(arms[:, 0] * arms[:, 1]), -LIMIT), LIMIT)
    sine = np.sqrt(1.0 - cosine * cosine)
    gradients = cosine * arms - arms[:, ::-1]
    gradients /= lengths.reshape(2, count) * sine
    units[:] = gradients.reshape(3, 2 * count)
    return np.arccos(cosine)
