"""Potential kind `rbf`."""

from typing import Literal, Self

from pydantic import Field, model_validator

from meanforce.settings.potentials.linear import LinearSettings


class RbfSettings(LinearSettings):
    """Gaussian radial basis functions at equal distances, fitted by normal equations.

    They are functions of one collective variable or of a molecule's internal coordinates, as with
    splines.
    """

    kind: Literal["rbf"]
    width: float = Field(
        default=1.5, gt=0.2, le=10, description="width of a Gaussian, in units of their distance"
    )

    @property
    def relative_width(self) -> float:
        """Width of a basis function in units of the distance between two."""
        return self.width

    @model_validator(mode="after")
    def _closed(self) -> Self:
        dihedrals = self.terms and self.terms.dihedrals
        if dihedrals and dihedrals.functions < 12 * self.width:
            raise ValueError(
                f"terms.dihedrals.functions: {dihedrals.functions} Gaussians of width "
                f"{self.width:g} overlap around the circle; give at least {12 * self.width:g}"
            )
        return self
