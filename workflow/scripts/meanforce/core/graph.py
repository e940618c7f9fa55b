"""Molecules of a bond graph, and their ends."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, shortest_path

from meanforce.core.topology import Topology


def molecules(beads: Topology) -> list[np.ndarray]:
    """Bead indices of each connected component of the bond graph, in order."""
    _, labels = connected_components(adjacency(beads), directed=False)
    return [np.flatnonzero(labels == label) for label in range(labels.max() + 1)]


def ends(beads: Topology, component: np.ndarray) -> tuple[int, int]:
    """The two beads with most bonds between them; of several such pairs the first."""
    distances = shortest_path(adjacency(beads), unweighted=True, indices=component)[:, component]
    first, last = np.unravel_index(np.argmax(distances), distances.shape)
    return int(component[first]), int(component[last])


def adjacency(beads: Topology) -> coo_array:
    """Bonds, both ways, shape (n_beads, n_beads)."""
    pairs = np.array(beads.bonds, dtype=int).reshape(-1, 2)
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    return coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (beads.size, beads.size))
