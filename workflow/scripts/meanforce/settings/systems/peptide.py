"""System kind `peptide`."""

from typing import Literal

from pydantic import Field

from meanforce.settings.base import Length, Mass
from meanforce.settings.systems.base import MoleculeSettings


class PeptideSettings(MoleculeSettings):
    """A molecule from a structure file, in vacuum or implicit solvent.

    Implicit solvent comes from the force field: one of its files must define such a model, for
    example `amber99_obc.xml`.
    """

    kind: Literal["peptide"]
    nonbonded_cutoff: Length | None = Field(
        default=None, description="cutoff of the nonbonded interactions; default: no cutoff"
    )
    hydrogen_mass: Mass | None = Field(
        default=None,
        description="mass of hydrogens, taken from their neighbours, for longer time steps",
    )
