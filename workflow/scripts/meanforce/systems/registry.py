"""Kinds of systems and their builders. One line for each kind."""

from collections.abc import Callable

from meanforce.settings.systems.registry import System
from meanforce.systems import beads, channel, muller_brown, peptide, solvated_peptide
from meanforce.systems.prepared import Prepared

KINDS: dict[str, Callable[[System, int], Prepared]] = {
    "muller_brown": muller_brown.build,
    "channel": channel.build,
    "peptide": peptide.build,
    "solvated_peptide": solvated_peptide.build,
    "beads": beads.build,
}


def build(settings: System, seed: int) -> Prepared:
    """Build the system that the settings describe.

    Args:
        settings: of the system.
        seed: in [0, 2³¹), for what is placed at random.

    Raises:
        InputError: the system cannot be built from its files.
    """
    return KINDS[settings.kind](settings, seed)
