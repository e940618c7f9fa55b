"""Kinds of systems and their builders. One line for each kind."""

import logging
from collections.abc import Callable

from meanforce.settings.systems.registry import System
from meanforce.systems import (
    amber,
    assembled,
    beads,
    channel,
    charmm,
    gromacs,
    liquid,
    muller_brown,
    peptide,
    serialised,
    solvated_peptide,
)
from meanforce.systems.described import Described
from meanforce.systems.prepared import Prepared


def _testsystems():
    """The module of test systems, imported on demand: openmmtools takes half a second to import."""
    # It imports pymbar, which recommends other packages in its log.
    logging.getLogger("pymbar").setLevel(logging.ERROR)
    from meanforce.systems import testsystem

    return testsystem


KINDS: dict[str, Callable[[System, int], Prepared]] = {
    "muller_brown": muller_brown.build,
    "channel": channel.build,
    "peptide": peptide.build,
    "solvated_peptide": solvated_peptide.build,
    "liquid": liquid.build,
    "assembled": assembled.build,
    "gromacs": gromacs.build,
    "amber": amber.build,
    "charmm": charmm.build,
    "openmm": serialised.build,
    "beads": beads.build,
    "testsystem": lambda settings, seed: _testsystems().build(settings, seed),
}

DESCRIPTIONS: dict[str, Callable[[System], Described]] = {
    "peptide": peptide.describe,
    "solvated_peptide": peptide.describe,
    "liquid": liquid.describe,
    "assembled": assembled.describe,
    "gromacs": gromacs.describe,
    "amber": amber.describe,
    "charmm": charmm.describe,
    "openmm": serialised.describe,
    "testsystem": lambda settings: _testsystems().describe(settings),
}
"""How systems are read or made before any job, without minimisation; others are built."""


def build(settings: System, seed: int) -> Prepared:
    """Build the system that the settings describe.

    Args:
        settings: of the system.
        seed: in [0, 2³¹), for what is placed at random.

    Raises:
        InputError: the system cannot be built from its files.
    """
    return KINDS[settings.kind](settings, seed)


def describe(settings: System) -> Described:
    """The system as the settings describe it, for checks before any job.

    Raises:
        InputError: the system cannot be built from its files.
    """
    if settings.kind in DESCRIPTIONS:
        return DESCRIPTIONS[settings.kind](settings)
    return Described.of(build(settings, 0))
