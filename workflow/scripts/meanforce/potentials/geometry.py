"""Internal coordinates of beads and their gradients, written out for batches.

Gradients do not go through automatic differentiation: each coordinate's gradient is a sum of
one to three vectors, each with +1 on one bead and −1 on another, so that the total force
vanishes by construction. Dihedral gradients: Blondel, Karplus, J. Comput. Chem. 17, 1132 (1996).
"""

import dataclasses

import torch

from meanforce.settings.collective_variables import CollectiveVariable

AXES = {"x": 0, "y": 1, "z": 2}


@dataclasses.dataclass(frozen=True)
class CoordinateList:
    """Which coordinates of which beads (indices); values come in this order.

    Attributes:
        axes: (bead, 0 | 1 | 2): a Cartesian coordinate, nm.
        distances: (bead, bead), nm.
        angles: (bead, bead, bead), in [0, π].
        dihedrals: (bead, bead, bead, bead), in [−π, π], IUPAC sign.
    """

    axes: tuple[tuple[int, int], ...] = ()
    distances: tuple[tuple[int, int], ...] = ()
    angles: tuple[tuple[int, int, int], ...] = ()
    dihedrals: tuple[tuple[int, int, int, int], ...] = ()

    @property
    def size(self) -> int:
        """Number of coordinates."""
        return len(self.axes) + len(self.distances) + len(self.angles) + len(self.dihedrals)


class InternalCoordinates:
    """Evaluates coordinates, and turns gradients in them into gradients in positions.

    Args:
        coordinates: which ones.
        n_beads: number of beads.
        dtype: floating-point type of positions.
        device: where positions are.
    """

    def __init__(
        self,
        coordinates: CoordinateList,
        n_beads: int,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        self.coordinates, self.n_beads = coordinates, n_beads

        def index(rows: tuple, width: int) -> torch.Tensor:
            return torch.tensor(rows, dtype=torch.long, device=device).reshape(-1, width)

        self._axes = index(coordinates.axes, 2)
        self._pairs = index(coordinates.distances, 2)
        self._angles = index(coordinates.angles, 3)
        self._dihedrals = index(coordinates.dihedrals, 4)
        # Each vector: (coordinate it belongs to, bead with +1, bead with −1 or None).
        columns: list[tuple[int, int, int | None]] = []
        number = 0
        for bead, _ in coordinates.axes:
            columns.append((number, bead, None))
            number += 1
        for i, j in coordinates.distances:
            columns.append((number, j, i))
            number += 1
        first_angle = number
        number += len(coordinates.angles)
        first_dihedral = number
        for end in (0, 2):
            for k, angle in enumerate(coordinates.angles):
                columns.append((first_angle + k, angle[end], angle[1]))
        for plus, minus in ((0, 1), (1, 2), (3, 2)):
            for k, dihedral in enumerate(coordinates.dihedrals):
                columns.append((first_dihedral + k, dihedral[plus], dihedral[minus]))
        self._owner = torch.tensor([c[0] for c in columns], dtype=torch.long, device=device)
        scatter = torch.zeros(n_beads, len(columns), dtype=dtype, device=device)
        for column, (_, plus, minus) in enumerate(columns):
            scatter[plus, column] += 1.0
            if minus is not None:
                scatter[minus, column] -= 1.0
        self._scatter = scatter

    def evaluate(self, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Values and gradient vectors.

        Args:
            positions: nm, shape (n, n_beads, 3).

        Returns:
            values, shape (n, n_coordinates), nm or rad; and vectors, shape (n, n_vectors, 3),
            to be handed to `pull_back`.
        """
        values, vectors = [], []
        if len(self._axes):
            values.append(positions[:, self._axes[:, 0], self._axes[:, 1]])
            unit = torch.eye(3, dtype=positions.dtype, device=positions.device)[self._axes[:, 1]]
            vectors.append(unit.expand(len(positions), -1, -1))
        if len(self._pairs):
            separation = positions[:, self._pairs[:, 1]] - positions[:, self._pairs[:, 0]]
            length = separation.norm(dim=-1)
            values.append(length)
            vectors.append(separation / length[..., None])
        if len(self._angles):
            value, first, last = _angle(*(positions[:, self._angles[:, k]] for k in range(3)))
            values.append(value)
            vectors += [first, last]
        if len(self._dihedrals):
            value, *three = _dihedral(*(positions[:, self._dihedrals[:, k]] for k in range(4)))
            values.append(value)
            vectors += three
        return torch.cat(values, dim=1), torch.cat(vectors, dim=1)

    def pull_back(self, gradient: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
        """Gradient in positions of a function whose gradient in the coordinates is given.

        Args:
            gradient: shape (n, n_coordinates).
            vectors: from `evaluate`.

        Returns:
            shape (n, n_beads, 3).
        """
        return torch.matmul(self._scatter, gradient[:, self._owner, None] * vectors)


def _angle(a, b, c) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    ba, bc = a - b, c - b
    length_a, length_c = ba.norm(dim=-1, keepdim=True), bc.norm(dim=-1, keepdim=True)
    unit_a, unit_c = ba / length_a, bc / length_c
    cosine = (unit_a * unit_c).sum(-1, keepdim=True).clamp(-1 + 1e-7, 1 - 1e-7)
    sine = torch.sqrt(1 - cosine**2)
    first = (cosine * unit_a - unit_c) / (length_a * sine)
    last = (cosine * unit_c - unit_a) / (length_c * sine)
    return torch.acos(cosine)[..., 0], first, last


def _dihedral(a, b, c, d) -> tuple[torch.Tensor, ...]:
    b1, b2, b3 = b - a, c - b, d - c
    m, n = torch.linalg.cross(b1, b2), torch.linalg.cross(b2, b3)
    length = b2.norm(dim=-1, keepdim=True)
    value = torch.atan2(
        (length[..., 0] * (b1 * n).sum(-1)),
        (m * n).sum(-1),
    )
    first = -m * (length / (m * m).sum(-1, keepdim=True).clamp_min(1e-12))
    last = n * (length / (n * n).sum(-1, keepdim=True).clamp_min(1e-12))
    middle = (
        last * (b3 * b2).sum(-1, keepdim=True) - first * (b1 * b2).sum(-1, keepdim=True)
    ) / length**2
    return value, first, middle, last


def coordinates_of(
    variables: list[CollectiveVariable], bead_names: list[str]
) -> tuple[CoordinateList, list[int]]:
    """Coordinates that are the given collective variables.

    Returns:
        the list, and for each variable the column of its value in it.
    """
    groups: dict[str, list[tuple[int, ...]]] = {
        "coordinate": [],
        "distance": [],
        "angle": [],
        "dihedral": [],
    }
    places = []
    for variable in variables:
        beads = tuple(bead_names.index(name) for name in variable.beads)
        entry = (*beads, AXES[variable.axis]) if variable.kind == "coordinate" else beads
        places.append((variable.kind, len(groups[variable.kind])))
        groups[variable.kind].append(entry)
    starts, total = {}, 0
    for kind, entries in groups.items():
        starts[kind] = total
        total += len(entries)
    listed = CoordinateList(*(tuple(entries) for entries in groups.values()))
    return listed, [starts[kind] + number for kind, number in places]


def evaluate_variables(
    variables: list[CollectiveVariable],
    bead_names: list[str],
    positions: torch.Tensor,
    chunk: int = 20000,
) -> torch.Tensor:
    """Values of collective variables, shape (n_frames, n_variables), float64.

    Args:
        variables: settings.
        bead_names: names of the beads, in order.
        positions: nm, shape (n_frames, n_beads, 3).
        chunk: frames evaluated at once.
    """
    listed, columns = coordinates_of(variables, bead_names)
    internal = InternalCoordinates(listed, len(bead_names), torch.float64)
    parts = [
        internal.evaluate(block.to(torch.float64))[0][:, columns]
        for block in positions.split(chunk)
    ]
    return torch.cat(parts) if parts else torch.zeros(0, len(variables), dtype=torch.float64)
