"""Section `experiments`: what is trained on what, simulated how, and validated against what."""

from typing import Literal, Self

from pydantic import Field, model_validator

from meanforce.settings.base import Coordinate, Name, Rate, Settings, Time, TimeOrZero, Width
from meanforce.settings.campaigns import MOST_STEPS


class CgBias(Settings):
    """Well-tempered bias shared by all chains of a CG run: built, then frozen and harvested."""

    collective_variables: list[Name] = Field(
        min_length=1, max_length=2, description="what the bias is a function of"
    )
    width: list[Width] = Field(
        min_length=1, max_length=2, description="width of a hill along each collective variable"
    )
    bias_factor: float = Field(gt=1, le=1000, description="(T + ΔT)/T")
    build: Time = Field(description="time over which the bias is built")
    bins: int = Field(default=120, ge=20, le=1000, description="grid points, each way")
    lower: list[Coordinate] | None = Field(
        default=None, description="lower ends of the grid, for non-periodic variables"
    )
    upper: list[Coordinate] | None = Field(
        default=None, description="upper ends of the grid, for non-periodic variables"
    )


class Simulation(Settings):
    """CG Langevin dynamics of many chains at once."""

    chains: int = Field(ge=2, le=100000, description="independent copies, run as one batch")
    time_step: Time = Field(description="integration step")
    friction: Rate = Field(description="friction of the Langevin thermostat")
    equilibration: TimeOrZero = Field(description="time before frames are stored")
    length: Time = Field(description="stored time of each chain")
    stride: Time = Field(description="time between stored frames")
    bias: CgBias | None = Field(
        default=None, description="flattening bias for slow collective variables, reweighted"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.time_step <= self.stride <= self.length:
            raise ValueError("'stride' must be at least 'time_step', and at most 'length'")
        build = self.bias.build if self.bias else 0.0
        if self.equilibration + build + self.length > MOST_STEPS * self.time_step:
            raise ValueError(f"'length' is more than {MOST_STEPS:g} times 'time_step'")
        return self


class Experiment(Settings):
    """One potential: its training data, its CG runs and its validation."""

    system: Name = Field(description="entry of the section `systems`")
    mapping: Name = Field(description="one of the system's mappings")
    campaigns: list[Name] = Field(min_length=1, description="campaigns that give training data")
    replicas: list[int] | None = Field(
        default=None, description="replicas used of these campaigns; all, where left out"
    )
    weights: Literal["none", "bias"] = Field(
        default="none",
        description="bias: each frame counts e^{βV}, V being its bias energy, in training and in "
        "force errors; needed where a bias is not a function of the mapping's beads, and wasteful "
        "elsewhere",
    )
    potential: Name = Field(description="entry of the section `potentials`")
    train: list[Name] = Field(min_length=1, description="state points trained at")
    held_out: list[Name] = Field(default=[], description="state points that are only validated at")
    reference: Name | None = Field(
        default=None, description="campaign that the model is validated against"
    )
    ensemble: int = Field(
        default=2,
        ge=1,
        le=50,
        description="members; each has its own seed and leaves out its own blocks of the data",
    )
    folds: int = Field(
        default=5, ge=2, le=50, description="groups of time blocks; a member leaves out one"
    )
    simulation: Name = Field(description="entry of the section `simulations`")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        shared = sorted(set(self.train) & set(self.held_out))
        if shared:
            raise ValueError(
                f"{', '.join(shared)} stands in 'train' and in 'held_out'; "
                "a held-out state point must not be trained at"
            )
        for key in ("train", "held_out", "campaigns"):
            values = getattr(self, key)
            if len(set(values)) != len(values):
                raise ValueError(f"'{key}' names an entry twice: {values}")
        if self.replicas is not None and len(set(self.replicas)) != max(1, len(self.replicas)):
            raise ValueError(
                f"'replicas' is {self.replicas}; name at least one, and none twice, or leave it out"
            )
        if self.ensemble > self.folds:
            raise ValueError(
                f"'ensemble' is {self.ensemble}, but 'folds' only {self.folds}; "
                "every member leaves out a fold of its own"
            )
        return self
