"""Molecules of a bond graph, and their ends."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import shortest_path

from meanforce.core.topology import Topology, components


def molecules(beads: Topology) -> list[np.ndarray]:
    """Bead indices of each connected component of the bond graph, in order of their first beads."""
    owner = components(beads.bond_array, beads.size)
    order = np.argsort(owner, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(owner[order])) + 1) if len(owner) else []


def ends(beads: Topology, component: np.ndarray) -> tuple[int, int]:
    """The two beads with most bonds between them; of several such pairs the first.

    Args:
        beads: of the system.
        component: bead indices of one molecule, ascending.
    """
    inside = beads.bond_array[np.isin(beads.bond_array[:, 0], component)]
    graph = _graph(np.searchsorted(component, inside), len(component))
    distances = shortest_path(graph.tocsr(), unweighted=True)
    first, last = np.unravel_index(np.argmax(distances), distances.shape)
    return int(component[first]), int(component[last])


def adjacency(beads: Topology) -> coo_array:
    """Bonds in both directions, shape (n_beads, n_beads)."""
    return _graph(beads.bond_array, beads.size)


def _graph(pairs: np.ndarray, size: int) -> coo_array:
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    return coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (size, size))
