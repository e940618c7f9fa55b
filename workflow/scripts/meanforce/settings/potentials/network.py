"""Potentials that are trained by gradient descent, and how."""

from typing import Literal

from pydantic import Field

from meanforce.settings.base import Settings
from meanforce.settings.potentials.base import PotentialSettings
from meanforce.settings.potentials.priors import PriorSettings

TemperatureForm = Literal["none", "feature", "linear", "quadratic"]

TEMPERATURE = (
    "none: one potential; linear: an energy and an entropy part, U(R; T) = U0(R) + (T - T0) U1(R); "
    "quadratic: and (T - T0)² U2(R), for three or more temperatures; feature: T is an input of the "
    "network, which says nothing of temperatures between two that were trained at"
)


class GradientTrainingSettings(Settings):
    """Stochastic training of a network on mapped forces."""

    epochs: int = Field(ge=1, le=100000, description="passes over the training frames")
    steps: int | None = Field(
        default=None,
        ge=1,
        le=10**9,
        description="most optimisation steps: of many frames fewer passes are made, so that they "
        "cost no more; null: as many as `epochs` are",
    )
    batch_size: int = Field(default=512, ge=1, le=1000000, description="frames in a step")
    learning_rate: float = Field(default=3e-3, gt=0, le=1, description="peak of the schedule")
    schedule: Literal["one_cycle", "cosine"] = Field(
        default="one_cycle",
        description="course of the learning rate; one_cycle: up for 30 % of the steps, then down, "
        "momentum the other way round; cosine: up for 'warm_up' of the steps, then down to zero",
    )
    warm_up: float = Field(
        default=0.05, ge=0, lt=1, description="fraction of the steps; only with schedule cosine"
    )
    gradient_clip: float = Field(default=10.0, gt=0, description="largest gradient norm")
    weight_decay: float = Field(default=0.0, ge=0, description="decoupled weight decay (AdamW)")
    ema: float | None = Field(
        default=None,
        ge=0.5,
        lt=1,
        description="decay per step of an exponential moving average of the weights, which is then "
        "what is validated and kept; null: no average",
    )
    patience: int | None = Field(
        default=None,
        ge=1,
        description="stop after so many epochs without a better validation loss; null: never. The "
        "best epoch is kept in any case",
    )
    bead_weights: Literal["none", "inverse_variance"] = Field(
        default="none",
        description="inverse_variance: each bead's force errors count by one over the variance of "
        "its noise; the best epoch is chosen by that loss",
    )
    stride: int = Field(default=1, ge=1, description="use every n-th frame of the datasets")
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="auto: a GPU if PyTorch finds one"
    )


class NetworkSettings(PotentialSettings):
    """A network, above a prior where there is one."""

    prior: PriorSettings | None = Field(
        default=None, description="energy terms to start from; none, where left out"
    )
    training: GradientTrainingSettings = Field(description="how it is trained")

    @property
    def terms_below(self) -> PriorSettings | None:
        """Prior that is fitted first, where there is one."""
        return self.prior

    @property
    def frame_stride(self) -> int:
        """Every frame of this number is used in fitting."""
        return self.training.stride
