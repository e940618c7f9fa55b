"""Section `potentials`: forms of the CG potential and how they are fitted."""

from typing import Annotated, Literal, Self

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


class GradientTraining(Settings):
    """Stochastic training of a network on mapped forces."""

    epochs: int = Field(ge=1, le=100000, description="passes over the training frames")
    batch_size: int = Field(default=512, ge=1, le=1000000, description="frames in a step")
    learning_rate: float = Field(default=3e-3, gt=0, le=1, description="peak of the schedule")
    gradient_clip: float = Field(default=10.0, gt=0, description="largest gradient norm")
    weight_decay: float = Field(default=0.0, ge=0, description="decoupled weight decay (AdamW)")
    stride: int = Field(default=1, ge=1, description="use every n-th frame of the datasets")


class Cgnet(Settings):
    """Multilayer perceptron on internal coordinates; Wang et al., ACS Cent. Sci. 5, 755 (2019)."""

    kind: Literal["cgnet"]
    hidden: list[Annotated[int, Field(ge=1, le=10000)]] = Field(
        default=[128, 128, 128], min_length=1, max_length=10, description="widths of hidden layers"
    )
    temperature: Literal["none", "feature"] = Field(
        default="feature", description="none: one potential; feature: T is an input of the network"
    )
    training: GradientTraining = Field(description="how it is trained")


Potential = Annotated[Spline | Rbf | Cgnet, Field(discriminator="kind")]
