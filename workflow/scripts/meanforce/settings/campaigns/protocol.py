"""Settings of campaigns that are sampled."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from meanforce.settings.base import Name, Rate, Time, TimeOrZero
from meanforce.settings.campaigns.base import CampaignSettings
from meanforce.settings.steps import uneven

MOST_STEPS = 10**12
"""Most integration steps of a copy: years of computing."""


class ProtocolSettings(CampaignSettings):
    """Settings of every campaign that is sampled: how long and how its dynamics run.

    Attributes:
        intervals_of_steps: keys of times that must be zero or a multiple of the time step.
    """

    intervals_of_steps: ClassVar[tuple[str, ...]] = ("stride", "equilibration")

    length: Time = Field(description="sampled time of each copy, after equilibration")
    length_at: dict[Name, Time] = Field(
        default={}, description="state point: length there, if it differs from `length`"
    )
    stride: Time = Field(description="time between stored frames")
    time_step: Time = Field(description="integration step")
    friction: Rate = Field(description="friction of the Langevin thermostat")
    equilibration: TimeOrZero = Field(
        description="time before sampling starts; it is not stored, and no hills are added during "
        "it"
    )
    replicas: int = Field(default=1, ge=1, le=1000, description="independent repeats")
    platform: Literal["auto", "Reference", "CPU", "CUDA", "OpenCL", "HIP"] = Field(
        default="auto", description="OpenMM platform; auto: the fastest in a short timing"
    )
    threads: int = Field(
        default=1,
        ge=1,
        le=256,
        description="processors of each job; with more than one, runs in water on the CPU platform "
        "are faster, but no two of them the same to the last bit",
    )
    store: Literal["all", "solute"] = Field(
        default="all",
        description="atoms of stored frames. all: every atom; a stage of its own then recomputes "
        "the unbiased forces. solute: all but water and ions, with their unbiased forces from the "
        "run itself, and up to 200 frames of every atom, on which the forces are recomputed and "
        "compared. In water this takes about a hundredth of the space and no recomputation; each "
        "stored frame takes as long as a step. Mappings with beads of water need all, and so do "
        "`optimal` force maps with `solvent_groups: whole`",
    )
    on_instability: Literal["stop", "halve_time_step"] = Field(
        default="stop",
        description="if a run becomes unstable: stop, or continue once from the last restart "
        "bundle with half the time step",
    )

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        longest = max([self.length, *self.length_at.values()]) + self.equilibration
        if longest > MOST_STEPS * self.time_step:
            raise ValueError(f"'length' is more than {MOST_STEPS:g} times 'time_step'")
        return self

    @property
    def recomputes_forces(self) -> bool:
        """Whether forces come from a stage of its own."""
        return self.store == "all"

    def length_of(self, state: str) -> float:
        """Sampled time of a copy at a state point, ps."""
        return self.length_at.get(state, self.length)

    @property
    def shortest(self) -> float:
        """Sampled time of a copy at the state point where it is shortest, ps."""
        return min([self.length, *self.length_at.values()])

    def replicas_at(self, state: str) -> int:
        """Number of independent repeats, the same at all state points."""
        return self.replicas

    def sampled_time(self, state: str, job: int) -> float:
        """Time in ps that all copies of a job sample."""
        return self.length_of(state) * self.copies(job)

    @property
    def state_points(self) -> list[tuple[str, str]]:
        """State points with a length of their own."""
        return [("length_at", state) for state in self.length_at]

    @property
    def pulling(self) -> float:
        """Time in ps before equilibration during which a bias moves copies to their windows."""
        return 0.0

    def check(self, where, variables, campaigns):
        super().check(where, variables, campaigns)
        for key in self.intervals_of_steps:
            time = getattr(self, key)
            if 0 < time < self.time_step:
                raise ValueError(f"{where}.{key}: is shorter than one time_step")
            # Defaults are rounded: they are nobody's intention.
            if key in self.model_fields_set and (wrong := uneven(time, self.time_step)):
                raise ValueError(f"{where}.{key}: {wrong}")
        if self.stride > self.shortest:
            raise ValueError(f"{where}.stride: is longer than 'length', so no frame is stored")


class BiasedSettings(ProtocolSettings):
    """A campaign whose bias is a function of collective variables."""

    collective_variables: list[Name] = Field(
        min_length=1, max_length=3, description="collective variables that the bias depends on"
    )

    @property
    def biased_variables(self) -> list[str]:
        """Names of the collective variables that the campaign biases."""
        return self.collective_variables
