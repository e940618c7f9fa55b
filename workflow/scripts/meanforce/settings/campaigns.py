"""Section `campaigns`: sampling protocols of a system."""

import itertools
import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from meanforce.settings.base import (
    AnyEnergy,
    Coordinate,
    Energy,
    Name,
    Rate,
    Settings,
    Stiffness,
    Temperature,
    Time,
    TimeOrZero,
    Width,
)

INTERVALS_PER_WIDTH = 2.0
"""Grid intervals to a hill's width: a spline through them is off by about 0.2 % of its height.

The splines are made anew with every hill, which costs more the finer the grid is."""

MOST_STEPS = 10**12
"""Integration steps of a copy: years of computing."""

MOST_WINDOWS = 10**4
"""Windows of an umbrella campaign."""


PULL = 20.0
"""Time in which windows are pulled to their centres, where none is given, ps."""


class ProtocolSettings(Settings):
    """What every campaign has."""

    length: Time = Field(description="sampled time of each copy, after equilibration")
    length_at: dict[Name, Time] = Field(
        default={}, description="state point: length there, where it differs from `length`"
    )
    stride: Time = Field(description="time between stored frames")
    time_step: Time = Field(description="integration step")
    friction: Rate = Field(description="friction of the Langevin thermostat")
    equilibration: TimeOrZero = Field(
        description="time before sampling starts; not stored, and no hills are added in it"
    )
    replicas: int = Field(default=1, ge=1, le=1000, description="independent repeats")
    platform: Literal["auto", "Reference", "CPU", "CUDA", "OpenCL", "HIP"] = Field(
        default="auto", description="OpenMM platform; auto: the fastest in a short timing"
    )
    on_instability: Literal["stop", "halve_time_step"] = Field(
        default="stop",
        description="when a run explodes: stop, or go on once from the last restart bundle with "
        "half the time step",
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
    def jobs_per_replica(self) -> int:
        """Jobs that make one replica together."""
        return 1

    @property
    def jobs(self) -> int:
        """Jobs at a state point, replica after replica.

        Each has a number, from 1, and makes one trajectory.
        """
        return self.replicas * self.jobs_per_replica

    def jobs_of(self, replicas: list[int] | None = None) -> list[int]:
        """Jobs that make some replicas, one replica after the other; all, where left out."""
        each = self.jobs_per_replica
        chosen = range(1, self.replicas + 1) if replicas is None else replicas
        return [(replica - 1) * each + job for replica in chosen for job in range(1, each + 1)]

    def replica_of(self, job: int) -> int:
        """Number of the replica that a job is part of, from 1."""
        return (job - 1) // self.jobs_per_replica + 1

    def copies(self, job: int) -> int:
        """Copies of the system that a job runs."""
        return 1


class UnbiasedSettings(ProtocolSettings):
    """Plain dynamics."""

    kind: Literal["unbiased"]


class GaussianSettings(Settings):
    """One Gaussian of a static bias, height·exp[−Σ(s − center)²/(2·width²)]."""

    height: AnyEnergy = Field(description="negative: attracts; positive: repels")
    center: list[Coordinate] = Field(
        min_length=1, max_length=3, description="one value for each collective variable"
    )
    width: list[Width] = Field(
        min_length=1, max_length=3, description="one value for each collective variable"
    )


class StaticSettings(ProtocolSettings):
    """Dynamics under a bias that never changes: Gaussians, a formula, or a frozen bias."""

    kind: Literal["static"]
    collective_variables: list[Name] = Field(
        min_length=1, max_length=3, description="what the bias is a function of"
    )
    gaussians: list[GaussianSettings] | None = Field(
        default=None, min_length=1, description="the bias is their sum"
    )
    formula: str | None = Field(
        default=None,
        max_length=2000,
        description="energy in kJ/mol as an expression in the names of the collective variables "
        "(nm, rad), in OpenMM's syntax",
    )
    bias_of: Name | None = Field(
        default=None,
        description="metadynamics campaign on the same collective variables whose final bias is "
        "used, frozen: each replica takes that of the same number, where there are as many, and "
        "else all take that of the first",
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(v is not None for v in (self.gaussians, self.formula, self.bias_of)) != 1:
            raise ValueError("give exactly one of 'gaussians', 'formula' and 'bias_of'")
        return self

    def bias_from(self, source: ProtocolSettings, job: int) -> int:
        """Job of the campaign `bias_of` whose final bias a job of this one takes."""
        return job if source.replicas >= self.replicas else 1


class MetadynamicsSettings(ProtocolSettings):
    """Well-tempered metadynamics; Barducci, Bussi, Parrinello, PRL 100, 020603 (2008)."""

    kind: Literal["metadynamics"]
    collective_variables: list[Name] = Field(
        min_length=1, max_length=3, description="what the bias is a function of"
    )
    height: Energy = Field(description="height of the first hill")
    width: list[Width] = Field(
        min_length=1, max_length=3, description="width of a hill along each collective variable"
    )
    pace: Time = Field(description="time between hills")
    bias_factor: float = Field(gt=1, le=1000, description="(T + ΔT)/T")
    bins: int | None = Field(
        default=None,
        ge=20,
        le=1000,
        description="intervals of the bias grid, each way; left out: 2 to a hill's width",
    )
    lower: list[Coordinate] | None = Field(
        default=None, description="lower ends of the grid, for non-periodic variables"
    )
    upper: list[Coordinate] | None = Field(
        default=None, description="upper ends of the grid, for non-periodic variables"
    )
    burn_in: TimeOrZero = Field(
        description="time at the start of `length` during which the bias fills; "
        "its frames are not used"
    )
    walkers: int = Field(
        default=1,
        ge=1,
        le=1000,
        description="copies that a job runs and that share one bias; each of them samples `length`",
    )
    share_every: Time | None = Field(
        default=None,
        description="time after which replicas, as jobs of their own, exchange their hills through "
        "files; left out: each replica has a bias of its own",
    )

    def intervals(self, lower: float, upper: float, width: float) -> int:
        """Intervals of the bias grid between two ends, along a variable with hills of a width."""
        return self.bins or max(20, math.ceil((upper - lower) / width * INTERVALS_PER_WIDTH))

    def copies(self, job: int) -> int:
        """Walkers."""
        return self.walkers


class WindowRowSettings(Settings):
    """Evenly spaced window centres along one collective variable."""

    first: Coordinate = Field(description="first centre")
    last: Coordinate = Field(description="last centre")
    number: int = Field(ge=1, le=10000, description="how many centres")

    def values(self) -> list[float]:
        """The centres."""
        if self.number == 1:
            return [self.first]
        step = (self.last - self.first) / (self.number - 1)
        return [self.first + i * step for i in range(self.number)]


class UmbrellaSettings(ProtocolSettings):
    """Umbrella sampling: harmonic windows, weighted by MBAR over all windows of a replica.

    Torrie, Valleau, J. Comput. Phys. 23, 187 (1977); Shirts, Chodera, JCP 129, 124105 (2008).
    """

    kind: Literal["umbrella"]
    collective_variables: list[Name] = Field(
        min_length=1, max_length=2, description="what windows are placed along"
    )
    force_constant: list[Stiffness] = Field(
        min_length=1,
        max_length=2,
        description="k of ½k(s − center)², for each collective variable",
    )
    rows: list[WindowRowSettings] | None = Field(
        default=None,
        min_length=1,
        max_length=2,
        description="centres along each collective variable; windows are all their combinations",
    )
    centers: list[list[Coordinate]] | None = Field(
        default=None, min_length=1, description="centres of single windows (instead of rows)"
    )
    pull: TimeOrZero = Field(
        default=PULL,
        description="time before equilibration in which the centre of each window moves from "
        "where the system starts to where it belongs (ps); not stored",
    )
    windows_per_job: int = Field(default=1, ge=1, le=10000, description="windows that one job runs")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.rows is None) == (self.centers is None):
            raise ValueError("give either 'rows' or 'centers', and not both")
        if math.prod(row.number for row in self.rows or []) > MOST_WINDOWS:
            raise ValueError(f"'rows' make more than {MOST_WINDOWS} windows")
        return self

    def windows(self) -> list[tuple[float, ...]]:
        """Centres of all windows."""
        if self.centers is not None:
            return [tuple(center) for center in self.centers]
        return list(itertools.product(*(row.values() for row in self.rows)))

    @property
    def jobs_per_replica(self) -> int:
        """Jobs that run all windows once."""
        return math.ceil(len(self.windows()) / self.windows_per_job)

    def windows_of(self, job: int) -> list[int]:
        """Indices of the windows that a job runs."""
        first = (job - 1) % self.jobs_per_replica * self.windows_per_job
        return list(range(first, min(first + self.windows_per_job, len(self.windows()))))

    def copies(self, job: int) -> int:
        """Windows of the job."""
        return len(self.windows_of(job))


class ReplicaExchangeSettings(ProtocolSettings):
    """Temperature replica exchange; frames of all levels are stored, at their temperatures.

    A potential that depends on temperature is trained on all of them; another one, and every
    comparison with the reference, takes those at the state point's temperature.
    Sugita, Okamoto, Chem. Phys. Lett. 314, 141 (1999).
    """

    kind: Literal["replica_exchange"]
    highest: Temperature = Field(description="temperature of the hottest level")
    levels: int = Field(
        ge=2, le=200, description="temperatures, in geometric progression from the state point's"
    )
    exchange_every: Time = Field(description="time between attempts to exchange")

    def copies(self, job: int) -> int:
        """Levels."""
        return self.levels

    def temperatures(self, lowest: float) -> list[float]:
        """All levels in K, the state point's first."""
        ratio = (self.highest / lowest) ** (1.0 / (self.levels - 1))
        return [lowest * ratio**level for level in range(self.levels)]


Campaign = Annotated[
    UnbiasedSettings
    | StaticSettings
    | MetadynamicsSettings
    | UmbrellaSettings
    | ReplicaExchangeSettings,
    Field(discriminator="kind"),
]


def collective_variables_of(campaign: Campaign) -> list[str]:
    """Names of the collective variables that a campaign biases."""
    return list(getattr(campaign, "collective_variables", []))
