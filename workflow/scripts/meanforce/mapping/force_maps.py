"""Force maps: F = B f with B Mᵀ = 1; the ones that need no data, and what holds for all.

Ciccotti, Kapral, Vanden-Eijnden, ChemPhysChem 6, 1809 (2005): any B orthogonal to the
configuration map, and with equal coefficients on rigidly bonded atoms, gives forces whose
average over a fibre is the mean force.
"""

import numpy as np
from scipy.sparse import coo_array, csr_array, diags_array, eye_array
from scipy.sparse.csgraph import connected_components

from meanforce.core.beads import Beads
from meanforce.errors import InputError

TOLERANCE = 1e-10
"""Largest error of what must be zero in a force map."""

RELATIVE = 1e-5
"""Largest relative error of what must be equal, and is not zero."""


def slice_map(beads: Beads, n_atoms: int, constraints: list[tuple[int, int]]) -> csr_array:
    """Forces of the bead's own atoms: B_I = M_I / |M_I|².

    For a bead of one atom this is the force on that atom.
    """
    matrix = beads.matrix(n_atoms)
    return (diags_array(1.0 / (matrix**2).sum(axis=1)) @ matrix).tocsr()


def aggregate_map(beads: Beads, n_atoms: int, constraints: list[tuple[int, int]]) -> csr_array:
    """Sum over the atoms of a bead and those rigidly bonded to them: B_Ii = 1.

    With rows of M that sum to 1 this satisfies B Mᵀ = 1 where rigid groups of different
    beads do not touch.
    """
    groups = rigid_groups(n_atoms, constraints)
    members = csr_array((np.ones(n_atoms), (groups, np.arange(n_atoms))))
    taken = [(row, groups[atom]) for row, atoms in enumerate(beads.atoms) for atom in atoms]
    rows, columns = np.unique(np.array(taken).reshape(-1, 2), axis=0).T
    shape = (len(beads.atoms), members.shape[0])
    matrix = csr_array((np.ones(len(rows)), (rows, columns)), shape=shape) @ members
    matrix.sort_indices()
    return matrix


FORCE_MAPS = {"slice": slice_map, "aggregate": aggregate_map}
"""Force maps that follow from beads and constraints alone; `optimal` ones are fitted."""


def build_force_map(
    kind: str,
    beads: Beads,
    n_atoms: int,
    constraints: list[tuple[int, int]],
    atom_names: list[str],
    where: str,
) -> csr_array:
    """Checked force map.

    Args:
        kind: a key of `FORCE_MAPS`.
        beads: the configuration map.
        n_atoms: number of atoms.
        constraints: pairs of atoms held at a fixed distance.
        atom_names: for messages.
        where: config key, for messages.

    Returns:
        B, sparse, shape (n_beads, n_atoms).

    Raises:
        InputError: B breaks B Mᵀ = 1, or gives constrained partners unequal coefficients.
    """
    matrix = FORCE_MAPS[kind](beads, n_atoms, constraints)
    refuse_wrong(matrix, kind, beads, constraints, atom_names, where)
    return matrix


def refuse_wrong(
    matrix: csr_array,
    kind: str,
    beads: Beads,
    constraints: list[tuple[int, int]],
    atom_names: list[str],
    where: str,
    of_noise: csr_array | None = None,
) -> None:
    """Check a force map B, shape (n_beads, n_atoms), and D of its noise, (n_beads, n_beads).

    Raises:
        InputError: B breaks B Mᵀ + D = 1, or gives constrained partners unequal coefficients.
    """
    pairs = np.array(constraints, dtype=int).reshape(-1, 2)
    columns = matrix.T.tocsr()
    first, second = columns[pairs[:, 0]], columns[pairs[:, 1]]
    unequal = _where_wrong(first - second, second)[0]
    if len(unequal):
        one, other = pairs[unequal.min()]
        raise InputError(
            f"{where}.force_map: '{kind}' gives {atom_names[one]} and {atom_names[other]} "
            "unequal coefficients, but their distance is constrained, so the mean force would "
            "be wrong; use 'aggregate'"
        )
    wanted = eye_array(matrix.shape[0], format="csr")
    identity = matrix @ beads.matrix(matrix.shape[1]).T
    if of_noise is not None:
        identity = identity + of_noise
    rows, columns = _where_wrong(identity - wanted, wanted)
    if len(rows):
        row, column = min(zip(rows.tolist(), columns.tolist(), strict=True))
        raise InputError(
            f"{where}.force_map: '{kind}' breaks B Mᵀ = 1 for the beads "
            f"'{beads.names[row]}' and '{beads.names[column]}', because constraints join them; "
            "put rigidly bonded atoms into one bead"
        )


def _where_wrong(error: csr_array, wanted: csr_array) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of errors that are not zero up to rounding."""
    return (abs(error) - RELATIVE * abs(wanted) > TOLERANCE).nonzero()


def rigid_groups(n_atoms: int, constraints: list[tuple[int, int]]) -> np.ndarray:
    """Group number of each atom; atoms joined by constraints share one. Shape (n_atoms,)."""
    first = [pair[0] for pair in constraints]
    second = [pair[1] for pair in constraints]
    graph = coo_array((np.ones(len(constraints)), (first, second)), shape=(n_atoms, n_atoms))
    return connected_components(graph, directed=False)[1]
