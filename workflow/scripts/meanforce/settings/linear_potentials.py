"""Potentials that are linear in their coefficients."""

from typing import Literal, Self

from pydantic import Field, model_validator

from meanforce.settings.base import Coordinate, Name, Settings


class Linear(Settings):
    """What the potentials that are linear in their coefficients have."""

    collective_variable: Name = Field(description="the potential is a function of this variable")
    lower: Coordinate = Field(description="lower end of the basis")
    upper: Coordinate = Field(description="upper end of the basis")
    functions: int = Field(ge=4, le=500, description="number of basis functions")
    temperature: Literal["none", "linear"] = Field(
        default="linear", description="none: one curve; linear: coefficients linear in T"
    )
    ridge: list[float] = Field(
        default=[1e-8, 1e-6, 1e-4, 1e-2],
        min_length=1,
        description="regularisation strengths (relative to the largest eigenvalue) among which "
        "block cross-validation chooses",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.lower >= self.upper:
            raise ValueError("'lower' must be below 'upper'")
        if min(self.ridge) < 0:
            raise ValueError("'ridge' values must be 0 or more")
        return self


class Spline(Linear):
    """Cubic B-splines on equal knots, fitted by normal equations."""

    kind: Literal["spline"]


class Rbf(Linear):
    """Gaussian radial basis functions at equal distances, fitted by normal equations."""

    kind: Literal["rbf"]
    width: float = Field(
        default=1.5, gt=0.2, le=10, description="width of a Gaussian, in units of their distance"
    )
