"""Kinds of systems and their builders. One line for each kind."""

import logging
from collections.abc import Callable

from meanforce.settings.systems.registry import System
from meanforce.systems import channel, muller_brown, peptide, solvated_peptide
from meanforce.systems.prepared import Prepared


def _testsystem(settings: System, seed: int) -> Prepared:
    return _testsystems().build(settings, seed)


def _testsystems():
    """The builder of test systems, imported on demand: openmmtools takes 0.6 s to import."""
    # It imports pymbar, which recommends other packages in its log.
    logging.getLogger("pymbar").setLevel(logging.ERROR)
    from meanforce.systems import testsystem

    return testsystem


KINDS: dict[str, Callable[[System, int], Prepared]] = {
    "muller_brown": muller_brown.build,
    "channel": channel.build,
    "peptide": peptide.build,
    "solvated_peptide": solvated_peptide.build,
    "testsystem": _testsystem,
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


def described(settings: System) -> Prepared:
    """A system without input files as its settings describe it, for checks before any job.

    Test systems are not minimised, and built once in a process.

    Raises:
        InputError: the settings do not fit the system.
    """
    if settings.kind == "testsystem":
        return _testsystems().described(settings)
    return build(settings, 0)
