"""Campaign kind `umbrella`."""

import itertools
import math
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from meanforce.settings.base import Coordinate, Name, Settings, Stiffness, TimeOrZero
from meanforce.settings.campaigns.protocol import BiasedSettings
from meanforce.settings.checks import same_number

MOST_WINDOWS = 10**4
"""Most windows of an umbrella campaign."""

PULL = 20.0
"""Default time in which windows are pulled to their centres, ps."""


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


class UmbrellaSettings(BiasedSettings):
    """Umbrella sampling: harmonic windows, weighted by MBAR over all windows of a replica.

    Torrie, Valleau, J. Comput. Phys. 23, 187 (1977); Shirts, Chodera, JCP 129, 124105 (2008).
    """

    reweighted_together: ClassVar[bool] = True
    intervals_of_steps: ClassVar[tuple[str, ...]] = ("stride", "equilibration", "pull")

    kind: Literal["umbrella"]
    collective_variables: list[Name] = Field(
        min_length=1,
        max_length=2,
        description="collective variables along which windows are placed",
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
        description="centres along each collective variable; each combination of them is a window",
    )
    centers: list[list[Coordinate]] | None = Field(
        default=None, min_length=1, description="centres of single windows (instead of rows)"
    )
    pull: TimeOrZero = Field(
        default=PULL,
        description="time before equilibration during which the centre of each window moves from "
        "the system's start to its own place (ps); not stored",
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

    @property
    def pulling(self) -> float:
        """Time in ps before equilibration during which a bias moves copies to their windows."""
        return self.pull

    def check(self, where, variables, campaigns):
        super().check(where, variables, campaigns)
        names = self.collective_variables
        same_number(f"{where}.force_constant", self.force_constant, names)
        for name, value in zip(names, self.force_constant, strict=True):
            variables[name].check_force_constant(f"{where}.force_constant", name, value)
        if self.rows is not None:
            same_number(f"{where}.rows", self.rows, names)
            for end in ("first", "last"):
                values = [getattr(row, end) for row in self.rows]
                variables.check_values(f"{where}.rows.{end}", names, values)
        for number, center in enumerate(self.centers or []):
            variables.check_values(f"{where}.centers[{number}]", names, center)
