"""Force maps: F = B f with B Mᵀ = 1; the ones that need no data, and what holds for all.

Ciccotti, Kapral, Vanden-Eijnden, ChemPhysChem 6, 1809 (2005): any B orthogonal to the
configuration map, and with equal coefficients on rigidly bonded atoms, gives forces whose
average over a fibre is the mean force.
"""

import numpy as np

from meanforce.errors import InputError
from meanforce.mapping.configuration import Beads


def slice_map(beads: Beads, n_atoms: int, constraints: list[tuple[int, int]]) -> np.ndarray:
    """Forces of the bead's own atoms: B_I = M_I / |M_I|².

    For a bead of one atom this is the force on that atom.
    """
    matrix = beads.matrix(n_atoms)
    return matrix / (matrix**2).sum(axis=1, keepdims=True)


def aggregate_map(beads: Beads, n_atoms: int, constraints: list[tuple[int, int]]) -> np.ndarray:
    """Sum over the atoms of a bead and those rigidly bonded to them: B_Ii = 1.

    With rows of M that sum to 1 this satisfies B Mᵀ = 1 where rigid groups of different
    beads do not touch.
    """
    groups = rigid_groups(n_atoms, constraints)
    matrix = np.zeros((len(beads.names), n_atoms))
    for row, atoms in enumerate(beads.atoms):
        for atom in atoms:
            matrix[row, groups == groups[atom]] = 1.0
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
) -> np.ndarray:
    """Checked force map.

    Args:
        kind: a key of `FORCE_MAPS`.
        beads: the configuration map.
        n_atoms: number of atoms.
        constraints: pairs of atoms held at a fixed distance.
        atom_names: for messages.
        where: config key, for messages.

    Returns:
        B, shape (n_beads, n_atoms).

    Raises:
        InputError: B breaks B Mᵀ = 1, or gives constrained partners unequal coefficients.
    """
    matrix = FORCE_MAPS[kind](beads, n_atoms, constraints)
    refuse_wrong(matrix, kind, beads, constraints, atom_names, where)
    return matrix


def refuse_wrong(
    matrix: np.ndarray,
    kind: str,
    beads: Beads,
    constraints: list[tuple[int, int]],
    atom_names: list[str],
    where: str,
    of_noise: np.ndarray | float = 0.0,
) -> None:
    """Check a force map B, shape (n_beads, n_atoms), and D of its noise, (n_beads, n_beads).

    Raises:
        InputError: B breaks B Mᵀ + D = 1, or gives constrained partners unequal coefficients.
    """
    for first, second in constraints:
        if not np.allclose(matrix[:, first], matrix[:, second], atol=1e-10):
            raise InputError(
                f"{where}.force_map: '{kind}' gives {atom_names[first]} and {atom_names[second]} "
                "unequal coefficients, but their distance is constrained, so the mean force would "
                "be wrong; use 'aggregate'"
            )
    identity = matrix @ beads.matrix(matrix.shape[1]).T + of_noise
    if not np.allclose(identity, np.eye(len(beads.names)), atol=1e-10):
        row, column = np.argwhere(~np.isclose(identity, np.eye(len(beads.names)), atol=1e-10))[0]
        raise InputError(
            f"{where}.force_map: '{kind}' breaks B Mᵀ = 1 for the beads "
            f"'{beads.names[row]}' and '{beads.names[column]}', because constraints join them; "
            "put rigidly bonded atoms into one bead"
        )


def rigid_groups(n_atoms: int, constraints: list[tuple[int, int]]) -> np.ndarray:
    """Group number of each atom; atoms joined by constraints share one. Shape (n_atoms,)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first = [pair[0] for pair in constraints]
    second = [pair[1] for pair in constraints]
    graph = coo_array((np.ones(len(constraints)), (first, second)), shape=(n_atoms, n_atoms))
    return connected_components(graph, directed=False)[1]
