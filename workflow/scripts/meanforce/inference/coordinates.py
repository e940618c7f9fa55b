"""Internal coordinates of one configuration, and gradients in them pulled back to the beads.

The formulas are those of `meanforce.potentials.geometry`, which takes batches. Dihedrals are points
on the unit circle, so that no angle has to be found and turned back.
"""

import math
from typing import NamedTuple, Self

import numpy as np

from meanforce.core.coordinates import CoordinateList
from meanforce.inference.compiled import compiled

LIMIT = 1 - 1e-7
"""Largest cosine of an angle: at a straight angle its gradient has no direction."""

TINY = 1e-12
"""Least square of a normal (nm⁴): beads in a row have no dihedral, and no gradient of it."""


class Terms(NamedTuple):
    """Beads of coordinates, as indices.

    Attributes:
        pairs: shape (n_pairs, 2).
        angles: shape (n_angles, 3).
        dihedrals: shape (n_dihedrals, 4).
    """

    pairs: np.ndarray
    angles: np.ndarray
    dihedrals: np.ndarray

    @classmethod
    def of(cls, coordinates: CoordinateList) -> Self:
        """Distances, angles and dihedrals; there must be no Cartesian axes."""
        lists = coordinates.distances, coordinates.angles, coordinates.dihedrals
        arrays = (
            np.array(beads, dtype=np.int64).reshape(-1, n) for n, beads in enumerate(lists, 2)
        )
        return cls(*arrays)


class Values(NamedTuple):
    """Internal coordinates of one configuration, and what their gradients need.

    Attributes:
        plain: lengths of pairs in nm, then angles in rad, shape (n_pairs + n_angles,).
        cosine: of the dihedrals, shape (n_dihedrals,); 0 where beads are in a row, as is `sine`.
        sine: of the dihedrals.
        vectors: gradients, each with a plus on one bead and a minus on another, shape
            (n_vectors, 3): one for each pair, two for each angle, three for each dihedral.
    """

    plain: np.ndarray
    cosine: np.ndarray
    sine: np.ndarray
    vectors: np.ndarray


@compiled
def evaluate(positions: np.ndarray, terms: Terms) -> Values:
    """All coordinates at positions in nm, float64, shape (n_beads, 3)."""
    n_pairs, n_angles, n_turns = len(terms.pairs), len(terms.angles), len(terms.dihedrals)
    plain = np.empty(n_pairs + n_angles)
    cosine, sine = np.empty(n_turns), np.empty(n_turns)
    vectors = np.empty((n_pairs + 2 * n_angles + 3 * n_turns, 3))
    for pair in range(n_pairs):
        first, second = terms.pairs[pair]
        plain[pair] = _unit(positions, second, first, vectors[pair])
    for number in range(n_angles):
        first, middle, last = terms.angles[number]
        at = n_pairs + 2 * number
        plain[n_pairs + number] = _angle(positions, first, middle, last, vectors[at : at + 2])
    for number in range(n_turns):
        at = n_pairs + 2 * n_angles + 3 * number
        turn = _dihedral(positions, terms.dihedrals[number], vectors[at : at + 3])
        cosine[number], sine[number] = turn
    return Values(plain, cosine, sine, vectors)


@compiled
def _unit(positions: np.ndarray, plus: int, minus: int, unit: np.ndarray) -> float:
    """Distance of two beads; `unit` becomes its direction, from `minus` to `plus`."""
    square = 0.0
    for axis in range(3):
        unit[axis] = positions[plus, axis] - positions[minus, axis]
        square += unit[axis] * unit[axis]
    length = math.sqrt(square)
    for axis in range(3):
        unit[axis] /= length
    return length


@compiled
def _angle(positions: np.ndarray, first: int, middle: int, last: int, ends: np.ndarray) -> float:
    """An angle; `ends` become its gradients in the first and the last bead."""
    arms = _unit(positions, first, middle, ends[0]), _unit(positions, last, middle, ends[1])
    cosine = min(max(_dot(ends[0], ends[1]), -LIMIT), LIMIT)
    sine = math.sqrt(1.0 - cosine * cosine)
    for axis in range(3):
        one, other = ends[0, axis], ends[1, axis]
        ends[0, axis] = (cosine * one - other) / (arms[0] * sine)
        ends[1, axis] = (cosine * other - one) / (arms[1] * sine)
    return math.acos(cosine)


@compiled
def _dihedral(
    positions: np.ndarray, beads: np.ndarray, gradients: np.ndarray
) -> tuple[float, float]:
    """cos φ and sin φ; `gradients` of φ: Blondel, Karplus, J. Comput. Chem. 17, 1132 (1996)."""
    bonds, normals = np.empty((3, 3)), np.empty((2, 3))
    for bond in range(3):
        for axis in range(3):
            bonds[bond, axis] = positions[beads[bond + 1], axis] - positions[beads[bond], axis]
    for side in range(2):
        for axis in range(3):
            one, two = (axis + 1) % 3, (axis + 2) % 3
            normals[side, axis] = (
                bonds[side, one] * bonds[side + 1, two] - bonds[side, two] * bonds[side + 1, one]
            )
    square = _dot(bonds[1], bonds[1])
    length = math.sqrt(square)
    before = max(_dot(normals[0], normals[0]), TINY)
    after = max(_dot(normals[1], normals[1]), TINY)
    back, ahead = _dot(bonds[0], bonds[1]) / square, _dot(bonds[2], bonds[1]) / square
    for axis in range(3):
        first = -length / before * normals[0, axis]
        last = length / after * normals[1, axis]
        gradients[0, axis] = first
        gradients[1, axis] = last * ahead - first * back
        gradients[2, axis] = last
    size = math.sqrt(before * after)
    return _dot(normals[0], normals[1]) / size, length * _dot(bonds[0], normals[1]) / size


@compiled
def _dot(a: np.ndarray, b: np.ndarray) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@compiled
def pull_back(
    n_beads: int, terms: Terms, values: Values, plain: np.ndarray, turns: np.ndarray
) -> np.ndarray:
    """Gradient in the positions, kJ/mol/nm, shape (n_beads, 3).

    Args:
        n_beads: number of beads.
        terms: the coordinates.
        values: from `evaluate`.
        plain: derivatives in lengths and angles, kJ/mol/nm and kJ/mol/rad.
        turns: derivatives in the dihedrals φ, kJ/mol/rad.
    """
    gradient, row = np.zeros((n_beads, 3)), 0
    for pair in range(len(terms.pairs)):
        first, second = terms.pairs[pair]
        _add(gradient, second, first, plain[pair], values.vectors[row])
        row += 1
    for number in range(len(terms.angles)):
        first, middle, last = terms.angles[number]
        slope = plain[len(terms.pairs) + number]
        _add(gradient, first, middle, slope, values.vectors[row])
        _add(gradient, last, middle, slope, values.vectors[row + 1])
        row += 2
    for number in range(len(terms.dihedrals)):
        first, second, third, fourth = terms.dihedrals[number]
        _add(gradient, first, second, turns[number], values.vectors[row])
        _add(gradient, second, third, turns[number], values.vectors[row + 1])
        _add(gradient, fourth, third, turns[number], values.vectors[row + 2])
        row += 3
    return gradient


@compiled
def _add(gradient: np.ndarray, plus: int, minus: int, slope: float, vector: np.ndarray) -> None:
    for axis in range(3):
        gradient[plus, axis] += slope * vector[axis]
        gradient[minus, axis] -= slope * vector[axis]
