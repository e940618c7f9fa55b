"""Key `fitting` of a potential: how its parameters are found. One line for each kind."""

from typing import Annotated, Literal

from pydantic import Field

from meanforce.settings.base import Settings


class FittingSettings(Settings):
    """How a potential is fitted, and properties of the method that the workflow uses."""

    def deterministic(self, linear: bool) -> bool:
        """Whether it uses no random numbers, so that members differ in their data only.

        Args:
            linear: whether the potential is linear in its parameters.
        """
        return False

    def resumable(self, linear: bool) -> bool:
        """Whether a fit takes long and can continue from a restart bundle.

        Args:
            linear: whether the potential is linear in its parameters.
        """
        return True


class ForceMatchingSettings(FittingSettings):
    """Least squares between the potential's forces and the mapped atomistic forces.

    Potentials that are linear in their parameters are fitted by normal equations, networks by
    gradient descent. Noid et al., J. Chem. Phys. 128, 244114 (2008).
    """

    kind: Literal["force_matching"]

    def deterministic(self, linear: bool) -> bool:
        """Normal equations need no random numbers."""
        return linear

    def resumable(self, linear: bool) -> bool:
        """Normal equations are solved in a short time."""
        return not linear


Fitting = Annotated[ForceMatchingSettings, Field(discriminator="kind")]
