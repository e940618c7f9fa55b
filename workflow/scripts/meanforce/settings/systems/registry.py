"""Section `systems`: topology, force field and solvent. One line for each kind."""

from typing import Annotated

from pydantic import Field

from meanforce.settings.systems.amber import AmberSettings
from meanforce.settings.systems.assembled import AssembledSettings
from meanforce.settings.systems.beads import BeadsSettings
from meanforce.settings.systems.channel import ChannelSettings
from meanforce.settings.systems.charmm import CharmmSettings
from meanforce.settings.systems.gromacs import GromacsSettings
from meanforce.settings.systems.liquid import LiquidSettings
from meanforce.settings.systems.muller_brown import MullerBrownSettings
from meanforce.settings.systems.openmm import OpenmmSettings
from meanforce.settings.systems.peptide import PeptideSettings
from meanforce.settings.systems.solvated_peptide import SolvatedPeptideSettings
from meanforce.settings.systems.testsystem import TestSystemSettings

System = Annotated[
    MullerBrownSettings
    | ChannelSettings
    | PeptideSettings
    | SolvatedPeptideSettings
    | LiquidSettings
    | AssembledSettings
    | GromacsSettings
    | AmberSettings
    | CharmmSettings
    | OpenmmSettings
    | BeadsSettings
    | TestSystemSettings,
    Field(discriminator="kind"),
]
