"""Whether starts fit into the periodic cell and the potential of a CG run."""

from collections.abc import Sequence

import numpy as np

from meanforce.core.cell import nearest_images, smallest_width
from meanforce.core.neighbours import neighbours, require_width
from meanforce.core.topology import Topology
from meanforce.dynamics.engine import CgRun
from meanforce.errors import InputError
from meanforce.potentials.terms import near_beads
from meanforce.tables.curve_tables import AnyTable, Tabulated, pair_table

OVERLAP = 0.5
"""Beads overlap below this fraction of the shortest distance that the potential was fitted to."""


def check_box(run: CgRun, tabulated: Tabulated | None) -> None:
    """Refuse starts that cannot be run in their cell.

    Args:
        run: what to run.
        tabulated: its potential at its temperature, if it has that form.

    Raises:
        InputError: a bond is longer than half of the cell, a curve of pairs reaches farther than
            that, or beads overlap.
    """
    if run.starts.cell is None:
        return
    cell = np.asarray(run.starts.cell, dtype=np.float64)
    positions = np.asarray(run.starts.positions, dtype=np.float64)
    _check_bonds(run.system.molecule, positions, cell)
    if tabulated is None:
        return
    molecule, tables = tabulated
    if pairs := [table for table in tables if table.kind == "pairs"]:
        require_width(cell, max(table.cutoff for table in pairs), "the longest curve of pairs")
        _check_overlap(molecule, pairs, positions, cell)


def _check_bonds(molecule: Topology, positions: np.ndarray, cell: np.ndarray) -> None:
    bonds, half = molecule.bond_array, smallest_width(cell) / 2
    if not len(bonds):
        return
    vectors = nearest_images(positions[:, bonds[:, 1]] - positions[:, bonds[:, 0]], cell)
    lengths = np.linalg.norm(vectors, axis=-1)
    chain, bond = np.unravel_index(np.argmax(lengths), lengths.shape)
    if lengths[chain, bond] > half:
        first, second = (molecule.names[bead] for bead in bonds[bond])
        raise InputError(
            f"starts: chain {chain + 1} has a bond of {lengths[chain, bond]:.3g} nm between "
            f"{first} and {second}, but half of the cell's smallest width is {half:.3g} nm; "
            "allowed are bonds shorter than that"
        )


def _check_overlap(
    molecule: Topology, tables: Sequence[AnyTable], positions: np.ndarray, cell: np.ndarray
) -> None:
    kinds = list(dict.fromkeys(molecule.types))
    own = np.array([kinds.index(one) for one in molecule.types])
    least = np.zeros((len(kinds), len(kinds)))
    for (i, j), number in pair_table(tables, kinds).items():
        least[i, j] = least[j, i] = OVERLAP * tables[number].sampled[0]
    if not least.max() > 0:
        return
    near = neighbours(positions, cell, least.max())
    apart = positions[near.frame, near.second] - positions[near.frame, near.first]
    distances = np.linalg.norm(apart + near.offsets(cell), axis=1)
    close = np.flatnonzero(distances < least[own[near.first], own[near.second]])
    bonded = near_beads(molecule, tables[0].exclude) if len(close) else []
    for pair in close:
        first, second = int(near.first[pair]), int(near.second[pair])
        if second not in bonded[first]:
            raise InputError(
                f"starts: beads {molecule.names[first]} and {molecule.names[second]} of chain "
                f"{near.frame[pair] + 1} overlap: they are {distances[pair]:.3g} nm apart, but "
                f"the potential was fitted to {least[own[first], own[second]] / OVERLAP:.3g} nm "
                "or more; give starts without overlapping beads"
            )
