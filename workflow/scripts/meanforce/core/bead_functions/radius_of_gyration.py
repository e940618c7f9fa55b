"""Radius of gyration of beads of equal weight, s = √(Σ_i |x_i − x̄|²/N)."""

from meanforce.core.bead_functions.arrays import Array, Arrays
from meanforce.core.bead_functions.superposition import about_centre
from meanforce.settings.collective_variables import CollectiveVariableSettings


class RadiusOfGyration:
    """Radius of gyration; needs no structure.

    Args:
        settings: without further values.
        arrays: the library to compute with.
    """

    def __init__(self, settings: CollectiveVariableSettings, arrays: Arrays) -> None:
        pass

    def __call__(self, positions: Array) -> tuple[Array, Array]:
        centred = about_centre(positions)
        count = positions.shape[1]
        value = ((centred**2).sum(2).sum(1) / count) ** 0.5
        return value, centred / (count * value)[:, None, None]
