"""Fraction of native contacts, s = (1/N) Σ 1/(1 + exp[β(r − λ r⁰)]) over the N contacts.

Best, Hummer, Eaton, PNAS 110, 17874 (2013): β = 50/nm, and λ = 1.8 for atoms. Contacts are pairs of
beads that are near in the reference and not near along the chain.
"""

import numpy as np

from meanforce.core.bead_functions.arrays import Array, Arrays
from meanforce.errors import InputError
from meanforce.settings.collective_variables import CONTACT_KEYS, CollectiveVariableSettings

STEEPNESS = 50.0
"""β, 1/nm."""

LARGEST = 80.0
"""Exponent beyond which a contact counts nothing, so that single precision does not overflow."""


class NativeContacts:
    """Fraction of the contacts of one structure.

    Args:
        settings: with the structure and the residues of the beads.
        arrays: the library to compute with.

    Raises:
        InputError: the structure has no contact.
    """

    def __init__(self, settings: CollectiveVariableSettings, arrays: Arrays) -> None:
        pairs, distances = contacts(settings)
        ends = np.zeros((len(pairs), len(settings.structures[0])))
        rows = np.arange(len(pairs))
        ends[rows, pairs[:, 1]], ends[rows, pairs[:, 0]] = 1.0, -1.0
        self._ends = arrays.make(ends)
        tolerance = settings.tolerance or CONTACT_KEYS["tolerance"]
        self._half = arrays.make(tolerance * distances)
        self._library = arrays.library

    def __call__(self, positions: Array) -> tuple[Array, Array]:
        apart = self._ends @ positions
        distance = (apart**2).sum(2) ** 0.5
        exponent = (STEEPNESS * (distance - self._half)).clip(-LARGEST, LARGEST)
        formed = 1.0 / (1.0 + self._library.exp(exponent))
        slopes = -STEEPNESS * formed * (1.0 - formed) / (distance * len(self._ends))
        return formed.mean(1), self._ends.T @ (slopes[..., None] * apart)


def contacts(settings: CollectiveVariableSettings) -> tuple[np.ndarray, np.ndarray]:
    """Contacts of the structure: pairs of places among the beads, and distances in nm.

    Args:
        settings: with the structure and the residues of the beads.

    Returns:
        pairs, shape (n, 2), and distances, shape (n,).

    Raises:
        InputError: there are none.
    """
    structure, residues = np.array(settings.structures[0]), np.array(settings.residues)
    first, second = np.triu_indices(len(structure), 1)
    distances = np.linalg.norm(structure[first] - structure[second], axis=1)
    separation = settings.separation
    if separation is None:
        separation = CONTACT_KEYS["separation"]
    chosen = np.abs(residues[first] - residues[second]) > separation
    found = chosen & (distances < settings.cutoff)
    if not found.any():
        nearest = f"{distances[chosen].min():.3g} nm" if chosen.any() else "no such pair"
        raise InputError(
            f"no two beads that are more than {separation} residues apart are nearer than "
            f"{settings.cutoff:g} nm in the reference (nearest: {nearest}); give a larger 'cutoff' "
            "or a smaller 'separation'"
        )
    return np.stack([first[found], second[found]], axis=1), distances[found]
