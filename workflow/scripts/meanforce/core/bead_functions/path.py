"""Progress along a path of structures, and distance from it.

Branduardi, Gervasio, Parrinello, J. Chem. Phys. 126, 054103 (2007): with the mean square deviations
d_k from K structures after the best superposition, s = Σ_k t_k e^(−λ d_k)/Σ_k e^(−λ d_k) with
t_k = (k − 1)/(K − 1), and z = −(1/λ) ln Σ_k e^(−λ d_k). λ is 2.3 over the mean of d between
neighbouring structures, so that a neighbour counts a tenth.
"""

import itertools

import numpy as np

from meanforce.core.bead_functions.arrays import NUMPY, Array, Arrays
from meanforce.core.bead_functions.superposition import Superposition, about_centre
from meanforce.errors import InputError
from meanforce.settings.collective_variables import CollectiveVariableSettings

NEIGHBOUR = 2.3
"""λ times the mean square deviation of neighbours."""


class Path:
    """s (`path_s`) or z (`path_z`) of beads.

    Args:
        settings: with the structures.
        arrays: the library to compute with.

    Raises:
        InputError: two neighbouring structures are equal.
    """

    def __init__(self, settings: CollectiveVariableSettings, arrays: Arrays) -> None:
        structures = np.array(settings.structures)
        self._sharpness = NEIGHBOUR / float(steps(structures).mean())
        self._superposition = Superposition(structures, arrays)
        self._places = arrays.make(np.linspace(0.0, 1.0, len(structures)))
        self._along, self._library = settings.kind == "path_s", arrays.library

    def __call__(self, positions: Array) -> tuple[Array, Array]:
        centred = about_centre(positions)
        rotations, deviations = self._superposition.rotations(centred)
        nearest = deviations.min(1)
        # PyTorch also returns where the minimum is.
        nearest = getattr(nearest, "values", nearest)[:, None]
        weights = self._library.exp(-self._sharpness * (deviations - nearest))
        total = weights.sum(1)[:, None]
        shares = weights / total
        if self._along:
            value = shares @ self._places
            slopes = -self._sharpness * shares * (self._places - value[:, None])
        else:
            value = (nearest - self._library.log(total) / self._sharpness)[:, 0]
            slopes = shares
        # Σ_k slope_k ∂d_k/∂x, with ∂d_k/∂x = 2 (x − R_k y_k)/N.
        n, count, beads = len(positions), len(self._places), positions.shape[1]
        turned = (slopes[..., None, None] * rotations).swapaxes(1, 2).reshape(n, 3, 3 * count)
        references = self._superposition.references.swapaxes(1, 2).reshape(3 * count, beads)
        moved = (turned @ references).swapaxes(1, 2)
        gradient = slopes.sum(1)[:, None, None] * centred - moved
        return value, gradient * (2.0 / beads)


def steps(structures: np.ndarray) -> np.ndarray:
    """Mean square deviations of neighbouring structures, nm², shape (n_structures − 1,).

    Raises:
        InputError: two neighbours are equal.
    """
    found = []
    for number, (one, following) in enumerate(itertools.pairwise(structures)):
        _, deviations = Superposition(one[None], NUMPY).rotations(about_centre(following[None]))
        if deviations[0, 0] < 1e-8:
            raise InputError(
                f"structures {number + 1} and {number + 2} of the path are equal; leave one out"
            )
        found.append(deviations[0, 0])
    return np.array(found)
