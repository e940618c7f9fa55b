"""Settings that every kind of campaign has."""

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from meanforce.settings.base import Name, Rate, Settings, Time, TimeOrZero
from meanforce.settings.checks import Variables

MOST_STEPS = 10**12
"""Most integration steps of a copy: years of computing."""


class ProtocolSettings(Settings):
    """Settings of every campaign, and properties of its kind that the rest of the workflow uses.

    Attributes:
        dynamical: whether a replica is one stretch of dynamics without a bias.
        reweighted_together: whether the weights of frames come from all jobs of a replica at once.
        intervals_of_steps: keys of times that must be zero or at least one time step.
    """

    dynamical: ClassVar[bool] = False
    reweighted_together: ClassVar[bool] = False
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

    def length_of(self, state: str) -> float:
        """Sampled time of a copy at a state point, ps."""
        return self.length_at.get(state, self.length)

    @property
    def shortest(self) -> float:
        """Sampled time of a copy at the state point where it is shortest, ps."""
        return min([self.length, *self.length_at.values()])

    @property
    def jobs_per_replica(self) -> int:
        """Number of jobs that together make one replica."""
        return 1

    @property
    def jobs(self) -> int:
        """Number of jobs at a state point.

        They are numbered from 1, replica after replica, and each makes one trajectory.
        """
        return self.replicas * self.jobs_per_replica

    def jobs_of(self, replicas: list[int] | None = None) -> list[int]:
        """Numbers of the jobs of some replicas, one replica after the other; by default of all."""
        each = self.jobs_per_replica
        chosen = range(1, self.replicas + 1) if replicas is None else replicas
        return [(replica - 1) * each + job for replica in chosen for job in range(1, each + 1)]

    def replica_of(self, job: int) -> int:
        """Number of the replica that a job is part of, from 1."""
        return (job - 1) // self.jobs_per_replica + 1

    def copies(self, job: int) -> int:
        """Copies of the system that a job runs."""
        return 1

    @property
    def biased_variables(self) -> list[str]:
        """Names of the collective variables that the campaign biases."""
        return []

    @property
    def bias_source(self) -> str | None:
        """Campaign whose final bias this one uses, frozen."""
        return None

    @property
    def bias_formula(self) -> str | None:
        """Bias as an expression in the names of the collective variables."""
        return None

    @property
    def filling(self) -> float:
        """Time in ps at the beginning of `length` whose frames are not used."""
        return 0.0

    @property
    def refuses_failed_checks(self) -> bool:
        """Whether frames that cannot be right are refused; sampled ones are only reported."""
        return False

    @property
    def pulling(self) -> float:
        """Time in ps before equilibration during which a bias moves copies to their windows."""
        return 0.0

    @property
    def shares_hills(self) -> bool:
        """Whether replicas exchange what they deposit, and so depend on each other."""
        return False

    def temperatures(self, lowest: float) -> list[float]:
        """Temperatures in K at which frames are stored, that of the state point first."""
        return [lowest]

    def check_state_point(self, where: str, state: str, temperature: float) -> None:
        """Refuse a state point at which the campaign cannot run.

        Args:
            where: the campaign in the config.
            state: name of the state point.
            temperature: its temperature, K.

        Raises:
            ValueError: names the key, what was given and what is allowed.
        """

    def check(
        self, where: str, variables: Variables, campaigns: Mapping[str, "ProtocolSettings"]
    ) -> None:
        """Refuse settings that do not fit other sections of the config.

        Args:
            where: the campaign in the config.
            variables: collective variables of its system.
            campaigns: of its system, by name.

        Raises:
            ValueError: names the key, what was given and what is allowed.
        """
        variables.check_names(f"{where}.collective_variables", self.biased_variables)
        for key in self.intervals_of_steps:
            if 0 < getattr(self, key) < self.time_step:
                raise ValueError(f"{where}.{key}: is shorter than one time_step")
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
