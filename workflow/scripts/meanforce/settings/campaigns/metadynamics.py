"""Campaign kind `metadynamics`."""

import math
from typing import ClassVar, Literal

from pydantic import Field

from meanforce.settings.base import Coordinate, Energy, Time, TimeOrZero, Width
from meanforce.settings.campaigns.protocol import BiasedSettings
from meanforce.settings.checks import Variables
from meanforce.settings.collective_variables import is_periodic

INTERVALS_PER_WIDTH = 2.0
"""Grid intervals per hill width: splines then deviate by about 0.2 % of a hill's height.

The splines are rebuilt after every hill, which costs more on a finer grid."""

MOST_GRID_POINTS = 10**6
"""Most points of a bias grid, whose splines are rebuilt after every hill."""


class MetadynamicsSettings(BiasedSettings):
    """Well-tempered metadynamics; Barducci, Bussi, Parrinello, PRL 100, 020603 (2008).

    Gaussian hills along the collective variables fill the basins, and become smaller where the bias
    has grown, so that barriers are crossed.
    """

    intervals_of_steps: ClassVar[tuple[str, ...]] = ("stride", "equilibration", "pace")

    kind: Literal["metadynamics"]
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
        description="intervals of the bias grid along each variable; default: 2 per hill width",
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
        description="time between exchanges of hills among replicas, which are separate jobs, "
        "through files; default: each replica has its own bias",
    )

    def intervals(self, lower: float, upper: float, width: float) -> int:
        """Intervals of the bias grid between two ends, for hills of this width."""
        return self.bins or max(20, math.ceil((upper - lower) / width * INTERVALS_PER_WIDTH))

    def copies(self, job: int) -> int:
        """Walkers."""
        return self.walkers

    @property
    def filling(self) -> float:
        """Time in ps at the beginning of `length` whose frames are not used."""
        return self.burn_in

    @property
    def shares_hills(self) -> bool:
        """Whether replicas exchange what they deposit, and so depend on each other."""
        return self.share_every is not None

    def check(self, where, variables, campaigns):
        super().check(where, variables, campaigns)
        variables.check_values(f"{where}.width", self.collective_variables, self.width)
        # Where both ends are missing, the check of the structure suggests some.
        if self._has_ends(variables):
            variables.check_ends(where, self.collective_variables, self)
            self._check_grid(where, variables)
            grid = where, self.collective_variables, self.width, self
            variables.check_widths(*grid, self.bins or 0)
        if self.burn_in + self.stride > self.shortest:
            raise ValueError(f"{where}.burn_in: leaves nothing of 'length' to store")
        if self.pace > self.shortest:
            raise ValueError(f"{where}.pace: is longer than 'length', so that no hill is added")
        if self.share_every and self.share_every < self.pace:
            raise ValueError(f"{where}.share_every: is shorter than 'pace'")
        if self.share_every and self.share_every > self.shortest:
            raise ValueError(
                f"{where}.share_every: is longer than 'length', so that no hill is shared"
            )

    def _has_ends(self, variables: Variables) -> bool:
        """Whether there are ends, or none are needed."""
        given = self.lower is not None and self.upper is not None
        return given or all(is_periodic(variables[n].kind) for n in self.collective_variables)

    def _check_grid(self, where: str, variables: Variables) -> None:
        intervals = []
        for index, name in enumerate(self.collective_variables):
            ends = -math.pi, math.pi
            if not is_periodic(variables[name].kind):
                ends = self.lower[index], self.upper[index]
            intervals.append(self.intervals(*ends, self.width[index]))
        if math.prod(intervals) > MOST_GRID_POINTS:
            given = f"'width' {self.width}" if self.bins is None else self.bins
            raise ValueError(
                f"{where}.bins: {given} in {len(intervals)} dimensions are more than "
                f"{MOST_GRID_POINTS} grid points"
            )
