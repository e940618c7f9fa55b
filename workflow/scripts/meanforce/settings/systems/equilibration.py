"""How a periodic system is equilibrated at a state point."""

from typing import Literal, Self

from pydantic import Field, model_validator

from meanforce.settings.base import Rate, Settings, Time

PHASE_STEPS = 100
"""Fewest steps of a phase of equilibration, for its averages."""


class EquilibrationSettings(Settings):
    """Constant volume, constant pressure, then constant volume at the mean density.

    With `npt: null` the box keeps the volume that it was built with, whatever the pressure.
    """

    nvt: Time = Field(
        default="20 ps", validate_default=True, description="first phase, at constant volume"
    )
    npt: Time | None = Field(
        default="200 ps",
        validate_default=True,
        description="second phase, at constant pressure; its second half gives the density; "
        "null: none, the density stays as it is",
    )
    nvt_final: Time = Field(
        default="50 ps",
        validate_default=True,
        description="third phase, at constant volume, in a box of that density",
    )
    time_step: Time = Field(
        default="2 fs", validate_default=True, description="integration step in all phases"
    )
    friction: Rate = Field(
        default="1 / ps",
        validate_default=True,
        description="friction of the Langevin thermostat in all phases",
    )
    barostat_interval: Time = Field(
        default="50 fs",
        validate_default=True,
        description="time between the volume moves of the Monte Carlo barostat",
    )
    temperature_allowance: float = Field(
        default=0.01,
        gt=0,
        le=0.2,
        description="allowed relative deviation of the mean temperature of the third phase from "
        "the thermostat's, beyond its statistical error",
    )
    density_allowance: float = Field(
        default=0.01,
        gt=0,
        le=0.2,
        description="allowed relative difference of the mean densities of the third and fourth "
        "quarter of the second phase, beyond the statistical error; also the largest relative "
        "standard error of their mean",
    )
    platform: Literal["auto", "Reference", "CPU", "CUDA", "OpenCL", "HIP"] = Field(
        default="auto", description="OpenMM platform; auto: the fastest in a short timing"
    )
    threads: int = Field(
        default=1,
        ge=1,
        le=256,
        description="processors of the job, as those of a campaign",
    )

    @model_validator(mode="after")
    def _long_enough(self) -> Self:
        for key in self.phases:
            if getattr(self, key) < PHASE_STEPS * self.time_step:
                raise ValueError(f"'{key}' is shorter than {PHASE_STEPS} time steps")
        if self.npt and not self.time_step <= self.barostat_interval <= self.npt / 10:
            raise ValueError(
                "'barostat_interval' must be at least 'time_step', and at most a tenth of 'npt'"
            )
        return self

    @property
    def at_pressure(self) -> bool:
        """Whether there is a phase at constant pressure."""
        return self.npt is not None

    @property
    def phases(self) -> tuple[str, ...]:
        """Keys of the phases, in order."""
        return ("nvt", "npt", "nvt_final") if self.at_pressure else ("nvt", "nvt_final")

    @property
    def time(self) -> float:
        """Simulated time of all phases, ps."""
        return sum(getattr(self, key) for key in self.phases)
