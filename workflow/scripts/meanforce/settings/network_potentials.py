"""Potentials that are trained by gradient descent, and how."""

from typing import Annotated, Literal

from pydantic import Field

from meanforce.settings.base import Settings


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
