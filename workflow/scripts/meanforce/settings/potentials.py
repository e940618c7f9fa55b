"""Section `potentials`: forms of the CG potential and how they are fitted."""

from typing import Annotated

from pydantic import Field

from meanforce.settings.linear_potentials import RbfSettings, SplineSettings
from meanforce.settings.mace_potentials import MaceSettings
from meanforce.settings.network_potentials import CgnetSettings

Potential = Annotated[
    SplineSettings | RbfSettings | CgnetSettings | MaceSettings, Field(discriminator="kind")
]
