"""Section `potentials`: forms of the CG potential. One line for each kind."""

from typing import Annotated

from pydantic import Field

from meanforce.settings.potentials.cgnet import CgnetSettings
from meanforce.settings.potentials.local_cgnet import LocalCgnetSettings
from meanforce.settings.potentials.mace import MaceSettings
from meanforce.settings.potentials.rbf import RbfSettings
from meanforce.settings.potentials.spline import SplineSettings

Potential = Annotated[
    SplineSettings | RbfSettings | CgnetSettings | LocalCgnetSettings | MaceSettings,
    Field(discriminator="kind"),
]
