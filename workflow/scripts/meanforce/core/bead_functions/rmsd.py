"""Root mean square deviation from a reference, after the best superposition.

s = min_R √(Σ_i |x_i − R y_i|²/N), both about their centres. Its gradient is that at fixed R, since
R is a minimum: Coutsias, Seok, Dill, J. Comput. Chem. 25, 1849 (2004).
"""

from meanforce.core.bead_functions.arrays import Array, Arrays
from meanforce.core.bead_functions.superposition import Superposition, about_centre
from meanforce.settings.collective_variables import CollectiveVariableSettings

SMALLEST = 1e-12
"""RMSD in nm below which the gradient, whose direction is undefined at 0, tends to zero."""


class Rmsd:
    """RMSD of beads from one structure.

    Args:
        settings: with the structure.
        arrays: the library to compute with.
    """

    def __init__(self, settings: CollectiveVariableSettings, arrays: Arrays) -> None:
        self._superposition = Superposition(settings.structures, arrays)

    def __call__(self, positions: Array) -> tuple[Array, Array]:
        centred = about_centre(positions)
        rotations, _ = self._superposition.rotations(centred)
        reference = self._superposition.references[0]
        # From the differences themselves, which does not lose digits where they are small.
        apart = centred - reference @ rotations[:, 0].swapaxes(1, 2)
        count = positions.shape[1]
        value = ((apart**2).sum(2).sum(1) / count) ** 0.5
        return value, apart / (count * value.clip(SMALLEST))[:, None, None]
