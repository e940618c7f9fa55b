"""The space of CG runs: the periodic cell of the data for several molecules, none for one."""

import numpy as np

from meanforce.core.graph import molecules
from meanforce.core.topology import Topology
from meanforce.errors import InputError
from meanforce.potentials.interface import Potential


def cell_of(
    molecule: Topology, box: np.ndarray | None, potential: Potential, where: str
) -> np.ndarray | None:
    """Periodic cell of a CG run.

    A single molecule that bonds hold together runs without a cell, as its data hold it whole.
    Several molecules of a periodic system would drift apart there.

    Args:
        molecule: the beads.
        box: of the data, nm, shape (3, 3), or None.
        potential: that is to run.
        where: file of the data, for messages.

    Returns:
        nm, shape (3, 3); None without periodic boundaries.

    Raises:
        InputError: a cell is needed, but the potential does not support one.
    """
    number = len(molecules(molecule))
    if box is None or number == 1:
        return None
    try:
        potential.require_periodic()
    except InputError as error:
        raise InputError(
            f"{where}: has beads of {number} molecules in a periodic box, and they would drift "
            "apart without one; allowed are mappings with beads of one molecule, or a potential "
            f"that supports a periodic cell ({error})"
        ) from error
    return box
