"""Potentials that are trained by gradient descent, and how."""

from typing import Annotated, Literal

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, field_validator

from meanforce.settings.base import Settings
from meanforce.settings.potentials.base import PotentialSettings
from meanforce.settings.potentials.priors import PriorSettings

TemperatureForm = Literal["none", "feature", "linear", "quadratic"]

TEMPERATURE = (
    "none: one potential; linear: an energy and an entropy part, U(R; T) = U0(R) + (T - T0) U1(R); "
    "quadratic: also (T - T0)² U2(R), for three or more temperatures; feature: T is an input of "
    "the network, whose form between training temperatures is then not constrained"
)


OF_DECAYS = 3
"""Trainings from which `weight_decay: auto` chooses."""


class GradientTrainingSettings(Settings):
    """Stochastic training of a network on mapped forces."""

    epochs: int = Field(ge=1, le=100000, description="passes over the training frames")
    steps: int | None = Field(
        default=None,
        ge=1,
        le=10**9,
        description="maximum number of optimisation steps: with many frames, fewer passes are "
        "made, so that the cost does not grow; null: only `epochs` limits the training",
    )
    batch_size: int = Field(default=512, ge=1, le=1000000, description="frames in a step")
    learning_rate: float = Field(default=3e-3, gt=0, le=1, description="peak of the schedule")
    schedule: Literal["one_cycle", "cosine"] = Field(
        default="one_cycle",
        description="course of the learning rate; one_cycle: up for 30 % of the steps, then down, "
        "momentum in the opposite direction; cosine: up for 'warm_up' of the steps, then down to "
        "zero",
    )
    warm_up: float = Field(
        default=0.05, ge=0, lt=1, description="fraction of the steps; only with schedule cosine"
    )
    gradient_clip: float = Field(default=10.0, gt=0, description="largest gradient norm")
    weight_decay: Annotated[float, Field(ge=0)] | Literal["auto"] = Field(
        default="auto",
        description="decoupled weight decay (AdamW); auto: the best of three trainings with "
        "different decays, by the held-out time blocks; a number takes a third of the time",
    )
    ema: float | None = Field(
        default=None,
        ge=0.5,
        lt=1,
        description="decay per step of an exponential moving average of the weights, which is then "
        "validated and kept; null: no average",
    )
    patience: int | None = Field(
        default=None,
        ge=1,
        description="stop after this number of epochs without a better validation loss; null: "
        "never. The best epoch is always kept",
    )
    bead_weights: Literal["none", "inverse_variance"] = Field(
        default="none",
        description="inverse_variance: each bead's force errors are weighted by the inverse "
        "variance of its noise; the best epoch is chosen by that loss",
    )
    torque_weight: float = Field(
        default=3.0,
        ge=0,
        le=100,
        description="how much errors of the torques about rotatable bonds count, each beside one "
        "component of a force, relative to their noise; 0: not at all. Torques are small and make "
        "the free energies of dihedrals; what a network of any size would learn is the same. Only "
        "where bonds connect all beads",
    )
    stride: int = Field(default=1, ge=1, description="use every n-th frame of the datasets")
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="auto: a GPU if PyTorch finds one"
    )

    @field_validator("weight_decay", mode="wrap")
    @classmethod
    def _decay(cls, value: object, validated: ValidatorFunctionWrapHandler) -> float | str:
        try:
            return validated(value)
        except ValidationError:
            # Otherwise there is an error for each of the two types.
            raise ValueError(f"given {value!r}; allowed: a number of at least 0, or auto") from None

    @property
    def trainings(self) -> int:
        """Number of trainings, with different weight decays, of which the best is kept."""
        return OF_DECAYS if self.weight_decay == "auto" else 1


class NetworkSettings(PotentialSettings):
    """A network, with or without a prior."""

    prior: PriorSettings | None = Field(
        default=None, description="energy terms that the network is added to; default: none"
    )
    training: GradientTrainingSettings = Field(description="how it is trained")

    @property
    def terms_below(self) -> PriorSettings | None:
        """Prior that is fitted first, or None."""
        return self.prior

    @property
    def frame_stride(self) -> int:
        """Every n-th frame is used in fitting; this is n."""
        return self.training.stride
