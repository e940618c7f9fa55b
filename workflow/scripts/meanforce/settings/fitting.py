"""Key `fitting` of a potential: how its parameters are found. One line for each kind."""

from typing import Annotated, Literal

from pydantic import Field

from meanforce.settings.base import Settings


class ForceMatchingSettings(Settings):
    """Least squares between the potential's forces and the mapped atomistic forces.

    Potentials that are linear in their parameters are fitted by normal equations, networks by
    gradient descent. Noid et al., J. Chem. Phys. 128, 244114 (2008).
    """

    kind: Literal["force_matching"]


Fitting = Annotated[ForceMatchingSettings, Field(discriminator="kind")]
