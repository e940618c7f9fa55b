"""Kinds of systems and their builders."""

from meanforce.settings.systems import System
from meanforce.systems import analytic, peptide, solvated_peptide
from meanforce.systems.prepared import Prepared

BUILDERS = {
    **{kind: lambda settings, seed: analytic.build(settings) for kind in analytic.BUILDERS},
    "peptide": lambda settings, seed: peptide.build(settings),
    "solvated_peptide": solvated_peptide.build,
}


def build(settings: System, seed: int) -> Prepared:
    """Build the system that the settings describe.

    Args:
        settings: of the system.
        seed: in [0, 2³¹), for what is placed at random.

    Raises:
        InputError: the system cannot be built from its files.
    """
    return BUILDERS[settings.kind](settings, seed)
