"""Kinds of systems and their builders."""

from meanforce.settings.systems import System
from meanforce.systems import muller_brown, peptide
from meanforce.systems.prepared import Prepared

BUILDERS = {"muller_brown": muller_brown.build, "peptide": peptide.build}


def build(settings: System) -> Prepared:
    """Build the system that the settings describe."""
    return BUILDERS[settings.kind](settings)
