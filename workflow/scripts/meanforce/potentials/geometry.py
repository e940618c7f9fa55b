"""Internal coordinates of beads and their gradients, written out for batches.

Gradients do not go through automatic differentiation: each coordinate's gradient is a sum of
one to three vectors, each with +1 on one bead and −1 on another, so that the total force
vanishes by construction. Dihedral gradients: Blondel, Karplus, J. Comput. Chem. 17, 1132 (1996).
"""

from collections.abc import Sequence

import torch

from meanforce.core.cell import nearest_images
from meanforce.core.coordinates import CoordinateList

FEW = 300
"""Beads up to which matrix products are used; of more beads, most of a matrix would be zeros."""


class InternalCoordinates:
    """Evaluates coordinates, and turns gradients in them into gradients in positions.

    Frames are the last, contiguous index inside, so that differences of few beads and sums over
    coordinates are matrix products, and everything else runs over long rows.

    Args:
        coordinates: which ones.
        n_beads: number of beads.
        dtype: floating-point type of positions.
        device: where positions are.

    Attributes:
        owner: coordinate that each gradient vector belongs to, shape (n_vectors,).
        beads: bead with +1 and bead with −1 of each of them, −1 where there is none, shape
            (n_vectors, 2).
    """

    def __init__(
        self,
        coordinates: CoordinateList,
        n_beads: int,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        self.coordinates, self.n_beads = coordinates, n_beads
        self._options = {"dtype": dtype, "device": device}
        self._axes = torch.tensor(coordinates.axes, dtype=torch.long, device=device).reshape(-1, 2)
        self._pairs = self._signed([(j, i) for i, j in coordinates.distances])
        angles, dihedrals = coordinates.angles, coordinates.dihedrals
        self._arms = self._signed([(a, b) for a, b, _ in angles] + [(c, b) for _, b, c in angles])
        self._chain = self._signed([(d[k + 1], d[k]) for k in range(3) for d in dihedrals])
        # Each gradient vector: (coordinate it belongs to, bead with +1, bead with −1 or None).
        columns: list[tuple[int, int, int | None]] = []
        for number, (bead, _) in enumerate(coordinates.axes):
            columns.append((number, bead, None))
        for number, (i, j) in enumerate(coordinates.distances, len(coordinates.axes)):
            columns.append((number, j, i))
        first_angle = len(coordinates.axes) + len(coordinates.distances)
        first_dihedral = first_angle + len(angles)
        for end in (0, 2):
            for number, angle in enumerate(angles, first_angle):
                columns.append((number, angle[end], angle[1]))
        for plus, minus in ((0, 1), (1, 2), (3, 2)):
            for number, dihedral in enumerate(dihedrals, first_dihedral):
                columns.append((number, dihedral[plus], dihedral[minus]))
        self.owner = torch.tensor([c[0] for c in columns], dtype=torch.long, device=device)
        ends = [(plus, -1 if minus is None else minus) for _, plus, minus in columns]
        self.beads = torch.tensor(ends, dtype=torch.long, device=device).reshape(-1, 2)
        self._ends = [
            (owner * n_beads + bead, column, sign)
            for column, (owner, *ends) in enumerate(columns)
            for bead, sign in zip(ends, (1.0, -1.0), strict=True)
            if bead is not None
        ]
        self._vectors = self._signed([(plus, minus) for _, plus, minus in columns])

    def _signed(self, ends: list[tuple[int, int | None]]) -> "_Dense | _Sparse":
        kind = _Dense if self.n_beads <= FEW else _Sparse
        return kind(ends, self.n_beads, **self._options)

    def evaluate(
        self, positions: torch.Tensor, cell: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Values and gradient vectors.

        Args:
            positions: nm, shape (n, n_beads, 3).
            cell: nm, shape (3, 3) or (n, 3, 3); coordinates are then those of nearest images
                (of each difference of two beads), except the Cartesian ones.

        Returns:
            values, shape (n, n_coordinates), nm or rad; and vectors, shape (n_vectors, 3, n),
            to be handed to `pull_back`.
        """
        n = len(positions)
        beads = positions.permute(1, 2, 0).reshape(self.n_beads, 3 * n)
        values, vectors = [], []
        if len(self._axes):
            values.append(beads.view(self.n_beads, 3, n)[self._axes[:, 0], self._axes[:, 1]])
            unit = torch.eye(3, **self._options)[self._axes[:, 1]]
            vectors.append(unit[:, :, None].expand(-1, -1, n))
        if len(self._pairs):
            separation = _nearest((self._pairs.differences(beads)).view(-1, 3, n), cell)
            direction, length = _unit(separation)
            values.append(length)
            vectors.append(direction)
        if len(self._arms):
            arms = _nearest((self._arms.differences(beads)).view(-1, 3, n), cell)
            first, second = arms.view(2, -1, 3, n)
            value, *ends = _angle(first, second)
            values.append(value)
            vectors += ends
        if len(self._chain):
            bonds = _nearest((self._chain.differences(beads)).view(-1, 3, n), cell)
            value, *three = _dihedral(*bonds.view(3, -1, 3, n))
            values.append(value)
            vectors += three
        return torch.cat(values).T, torch.cat(vectors)

    def pull_back(self, gradient: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
        """Gradient in positions of a function whose gradient in the coordinates is given.

        Args:
            gradient: shape (n, n_coordinates).
            vectors: from `evaluate`.

        Returns:
            shape (n, n_beads, 3).
        """
        n = len(gradient)
        along = gradient.T.contiguous().index_select(0, self.owner)[:, None] * vectors
        return self._vectors.sums(along.view(-1, 3 * n)).view(self.n_beads, 3, n).permute(2, 0, 1)

    def jacobian(self, vectors: torch.Tensor) -> torch.Tensor:
        """Gradients of all coordinates in all positions, shape (n_coordinates, n_beads, 3, n).

        Args:
            vectors: from `evaluate`.
        """
        shape = (self.coordinates.size * self.n_beads, 3, vectors.shape[2])
        result = vectors.new_zeros(shape)
        for row, column, sign in self._ends:
            result[row].add_(vectors[column], alpha=sign)
        return result.view(-1, self.n_beads, *shape[1:])


class _Dense:
    """Rows with +1 on one bead and, optionally, −1 on another one, as matrices.

    Args:
        ends: of each row, the bead with +1 and that with −1 or None.
        n_beads: number of beads.
        dtype: floating-point type.
        device: where they are.
    """

    def __init__(
        self,
        ends: list[tuple[int, int | None]],
        n_beads: int,
        dtype: torch.dtype,
        device: torch.device | str,
    ) -> None:
        matrix = torch.zeros(len(ends), n_beads, dtype=dtype, device=device)
        for row, (plus, minus) in enumerate(ends):
            matrix[row, plus] += 1.0
            if minus is not None:
                matrix[row, minus] -= 1.0
        self._matrix, self._transposed = matrix, matrix.T.contiguous()

    def __len__(self) -> int:
        return len(self._matrix)

    def differences(self, beads: torch.Tensor) -> torch.Tensor:
        """First bead − second one, shape (n_rows, k), of values of beads, shape (n_beads, k)."""
        return self._matrix @ beads

    def sums(self, rows: torch.Tensor) -> torch.Tensor:
        """Rows, shape (n_rows, k), added to their first beads and taken from their second ones."""
        return self._transposed @ rows


class _Sparse:
    """The same by indices: memory and time are linear in the number of rows."""

    def __init__(
        self,
        ends: list[tuple[int, int | None]],
        n_beads: int,
        dtype: torch.dtype,
        device: torch.device | str,
    ) -> None:
        # An additional bead of value 0 takes the place of a missing one.
        pairs = [(plus, n_beads if minus is None else minus) for plus, minus in ends]
        self._ends = torch.tensor(pairs, dtype=torch.long, device=device).reshape(-1, 2)
        self._n_beads = n_beads

    def __len__(self) -> int:
        return len(self._ends)

    def differences(self, beads: torch.Tensor) -> torch.Tensor:
        beads = torch.cat([beads, beads.new_zeros(1, beads.shape[1])])
        return beads.index_select(0, self._ends[:, 0]) - beads.index_select(0, self._ends[:, 1])

    def sums(self, rows: torch.Tensor) -> torch.Tensor:
        result = rows.new_zeros(self._n_beads + 1, rows.shape[1])
        result.index_add_(0, self._ends[:, 0], rows)
        result.index_add_(0, self._ends[:, 1], rows, alpha=-1)
        return result[: self._n_beads]


Components = Sequence[torch.Tensor]
"""x, y, z of vectors, each of shape (m, n): with few frames, indexing costs most of the time."""


def _nearest(differences: torch.Tensor, cell: torch.Tensor | None) -> torch.Tensor:
    """Nearest images of differences of shape (m, 3, n)."""
    if cell is None:
        return differences
    return nearest_images(differences.permute(2, 0, 1), cell).permute(1, 2, 0).contiguous()


def _dot(a: Components, b: Components) -> torch.Tensor:
    """Scalar products, shape (m, n)."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _cross(a: Components, b: Components) -> Components:
    return (
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    )


def _unit(a: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Vectors of shape (m, 3, n) divided by their lengths, and the lengths, shape (m, n)."""
    components = a.unbind(1)
    length = torch.sqrt(_dot(components, components))
    return a / length[:, None], length


def _angle(first: torch.Tensor, second: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Angle between the arms, and its gradients in their ends."""
    (unit_a, length_a), (unit_c, length_c) = _unit(first), _unit(second)
    cosine = _dot(unit_a.unbind(1), unit_c.unbind(1)).clamp(-1 + 1e-7, 1 - 1e-7)
    sine = torch.sqrt(1 - cosine * cosine)
    at_first = (cosine[:, None] * unit_a - unit_c) / (length_a * sine)[:, None]
    at_last = (cosine[:, None] * unit_c - unit_a) / (length_c * sine)[:, None]
    return torch.acos(cosine), at_first, at_last


def _dihedral(*bonds: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Dihedral of three consecutive bonds, and the three vectors of its gradient."""
    b1, b2, b3 = (bond.unbind(1) for bond in bonds)
    m, n = _cross(b1, b2), _cross(b2, b3)
    square = _dot(b2, b2)
    length = torch.sqrt(square)
    value = torch.atan2(length * _dot(b1, n), _dot(m, n))
    first = torch.stack(m, 1) * (-length / _dot(m, m).clamp_min(1e-12))[:, None]
    last = torch.stack(n, 1) * (length / _dot(n, n).clamp_min(1e-12))[:, None]
    middle = last * (_dot(b3, b2) / square)[:, None] - first * (_dot(b1, b2) / square)[:, None]
    return value, first, middle, last
