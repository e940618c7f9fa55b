"""A molecule in a periodic cell, made whole through its bonds."""

import numpy as np
import torch
from scipy.sparse.csgraph import breadth_first_order

from meanforce.core.cell import turns
from meanforce.core.graph import adjacency, molecules
from meanforce.core.topology import Topology
from meanforce.errors import InputError

SEVERAL = (
    "its beads are several molecules, whose pair distances have no nearest image; allowed are "
    "configurations without a cell, or beads that bonds connect"
)
"""Why a potential of one molecule takes no cell, and what is allowed; the end of a message."""


class WholeMolecule:
    """Puts every bead beside the one it is attached to, by whole box vectors; the first one stays.

    Bonds must be shorter than half of the cell's smallest width. Up to a box vector of the whole
    molecule, the result is then the same for any choice of images, so that a function of its inner
    coordinates is periodic: moving a bead by a box vector changes nothing.

    Args:
        molecule: beads that bonds connect; see `is_one`.
        dtype: floating-point type of positions.
        device: where positions are.
    """

    def __init__(
        self, molecule: Topology, dtype: torch.dtype, device: torch.device | str = "cpu"
    ) -> None:
        order, parents = breadth_first_order(adjacency(molecule).tocsr(), 0, directed=False)
        children = order[1:]
        above = np.zeros((molecule.size, len(children)))
        for step, child in enumerate(children):
            above[child] = above[parents[child]]
            above[child, step] = 1.0
        self._children = torch.as_tensor(children, dtype=torch.long, device=device)
        self._parents = torch.as_tensor(parents[children], dtype=torch.long, device=device)
        # Which steps lead from the first bead to each one, shape (n_beads, n_steps).
        self._path = torch.as_tensor(above, dtype=dtype, device=device)

    def __call__(self, positions: torch.Tensor, cell: torch.Tensor) -> torch.Tensor:
        """The molecule in one piece.

        Args:
            positions: nm, shape (n, n_beads, 3).
            cell: nm, shape (3, 3) or (n, 3, 3).
        """
        steps = positions[:, self._children] - positions[:, self._parents]
        return positions - (self._path @ turns(steps, cell)) @ cell


def is_one(molecule: Topology) -> bool:
    """Whether bonds connect all beads."""
    return len(molecules(molecule)) == 1


def refuse_several(molecule: Topology, kind: str) -> None:
    """Refuse configurations with a cell to a potential of one molecule.

    Args:
        molecule: the beads.
        kind: of the potential.

    Raises:
        InputError: bonds do not connect all beads.
    """
    if not is_one(molecule):
        raise InputError(
            f"potential of kind '{kind}': was given configurations with a periodic cell, "
            f"but {SEVERAL}"
        )
