"""The space of CG runs: endless, without a periodic box."""

import numpy as np

from meanforce.core.graph import molecules
from meanforce.core.topology import Topology
from meanforce.errors import InputError


def refuse_molecules_of_a_box(molecule: Topology, box: np.ndarray | None, where: str) -> None:
    """Refuse several molecules of a periodic system: nothing would hold them together.

    Args:
        molecule: the beads.
        box: of the data, nm, shape (3, 3), or None.
        where: file of the data, for the message.

    Raises:
        InputError: there is a box, and beads are in several molecules.
    """
    number = len(molecules(molecule))
    if box is not None and number > 1:
        raise InputError(
            f"{where}: has beads of {number} molecules in a periodic box, but CG runs have no box, "
            "and molecules would drift apart; allowed are mappings with beads of one molecule"
        )
