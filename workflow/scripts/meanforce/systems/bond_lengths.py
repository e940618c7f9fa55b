"""Whether a structure's bonds have lengths that bonds can have."""

import numpy as np
from openmm import app

from meanforce.errors import InputError

SHORTEST, LONGEST = 0.05, 0.3
"""nm; O-H is 0.096 and S-S 0.21 nm long."""


def check_bond_lengths(topology: app.Topology, positions: np.ndarray) -> None:
    """Refuse coordinates in another unit, atoms on one another, and gaps in a chain.

    Minimisation would make something of them that nobody meant.

    Args:
        topology: of the structure.
        positions: nm, shape (n_atoms, 3).

    Raises:
        InputError: names the worst bond.
    """
    bonds = [(a, b) for a, b in topology.bonds()]
    if not bonds:
        return
    first, second = np.transpose([(a.index, b.index) for a, b in bonds])
    lengths = np.linalg.norm(positions[first] - positions[second], axis=1)
    off = np.maximum(SHORTEST / np.maximum(lengths, 1e-6), lengths / LONGEST)
    wrong = int((off > 1).sum())
    if not wrong:
        return
    worst = int(off.argmax())
    a, b = (f"{atom.residue.name}{atom.residue.id}-{atom.name}" for atom in bonds[worst])
    raise InputError(
        f"structure: the bond between {a} and {b} is {lengths[worst]:.3g} nm long"
        f"{f', and {wrong - 1} more are as wrong' if wrong > 1 else ''}; allowed are {SHORTEST} to "
        f"{LONGEST} nm: give coordinates in Å, a chain without missing residues, and no atoms on "
        "one another"
    )
