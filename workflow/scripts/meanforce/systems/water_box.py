"""The cubic box of water around a molecule: how large it is, and whether that is enough."""

import numpy as np

from meanforce.errors import InputError
from meanforce.settings.systems.solvated_peptide import SolvatedPeptideSettings


def diameter(positions: np.ndarray) -> float:
    """Diameter in nm of the sphere, around the middle of a molecule, in which all atoms lie.

    Args:
        positions: nm, shape (n_atoms, 3).
    """
    center = 0.5 * (positions.min(axis=0) + positions.max(axis=0))
    return 2.0 * float(np.linalg.norm(positions - center, axis=1).max())


def edge(settings: SolvatedPeptideSettings, positions: np.ndarray) -> float:
    """Edge of the cubic box, nm; the molecule fits in any orientation.

    Args:
        settings: of the system.
        positions: of the molecule, nm, shape (n_atoms, 3).

    Raises:
        InputError: the box is too small for the molecule and the cutoff.
    """
    size = diameter(positions)
    least = max(settings.smallest_box, size + settings.nonbonded_cutoff)
    found = size + settings.padding if settings.box is None else settings.box
    if found < least:
        key = "padding" if settings.box is None else "box"
        given = settings.padding if settings.box is None else settings.box
        enough = least - size if settings.box is None else least
        raise InputError(
            f"{key}: {given:g} nm is too small for a molecule of {size:.3g} nm and a "
            f"nonbonded_cutoff of {settings.nonbonded_cutoff:g} nm; give at least {enough:.3g} nm"
        )
    return found
