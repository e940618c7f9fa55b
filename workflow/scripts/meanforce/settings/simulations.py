"""Section `simulations`: how a CG model is run."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from meanforce.settings.base import (
    Coordinate,
    Name,
    Pressure,
    Rate,
    Settings,
    Temperature,
    Time,
    TimeOrZero,
    Width,
)
from meanforce.settings.campaigns.protocol import MOST_STEPS
from meanforce.settings.checks import Variables
from meanforce.settings.steps import in_words, uneven


class CgBiasSettings(Settings):
    """Well-tempered bias shared by all chains of a CG run: built, then frozen and harvested."""

    collective_variables: list[Name] = Field(
        min_length=1, max_length=2, description="collective variables that the bias depends on"
    )
    width: list[Width] = Field(
        min_length=1, max_length=2, description="width of a hill along each collective variable"
    )
    bias_factor: float = Field(gt=1, le=1000, description="(T + ΔT)/T")
    build: Time = Field(description="time over which the bias is built")
    bins: int = Field(default=120, ge=20, le=1000, description="grid points along each variable")
    lower: list[Coordinate] | None = Field(
        default=None, description="lower ends of the grid, for non-periodic variables"
    )
    upper: list[Coordinate] | None = Field(
        default=None, description="upper ends of the grid, for non-periodic variables"
    )

    def check(self, where: str, variables: Variables) -> None:
        """Refuse variables that a system does not have, and values that do not fit them.

        Args:
            where: the key of these settings.
            variables: collective variables of the system.

        Raises:
            ValueError: names the key, what was given and what is allowed.
        """
        names = self.collective_variables
        variables.check_names(f"{where}.collective_variables", names)
        variables.check_values(f"{where}.width", names, self.width)
        variables.check_ends(where, names, self)
        variables.check_widths(where, names, self.width, self, self.bins - 1)


class TemperatureExchangeSettings(Settings):
    """Temperature replica exchange inside the batch: chains are ladders of `levels` copies.

    The potential is that of the state point at every level, so that the lowest one, which alone
    is stored, samples exp(−U(R; T)/kT). Sugita, Okamoto, Chem. Phys. Lett. 314, 141 (1999).
    """

    highest: Temperature = Field(description="thermostat temperature of the hottest level")
    levels: int = Field(
        ge=2, le=200, description="temperatures, in geometric progression from the state point's"
    )
    every: Time = Field(description="time between attempts to exchange")

    def temperatures(self, lowest: float) -> list[float]:
        """All levels in K, the state point's first."""
        ratio = (self.highest / lowest) ** (1.0 / (self.levels - 1))
        return [lowest * ratio**level for level in range(self.levels)]


FEWEST_CHAINS = 4
"""Fewest chains for a comparison of different starts: two groups of two."""

LONGER = 4
"""Default of `until.at_most`, in units of `length`."""


class UntilSettings(Settings):
    """When a CG run has converged: tested after `length`, and again after every further `length`.

    The tests use the stored values of the collective variables of the system's surface (cosine and
    sine of periodic ones). All criteria that are set must hold; otherwise the run ends after
    `at_most` and is marked as not converged.

    Nested R-hat (Margossian et al., Bayesian Analysis (2024), arXiv:2110.13017) compares chains
    that started in different places. It is about 1 for chains that have forgotten their start,
    however short they are; 1.01 means that a seventh of the spread of the variable still comes from
    the starts. If all chains started in one basin, R-hat has nothing to compare, and only `drift`
    detects that they move together. Neither detects a basin that no chain has visited.
    """

    r_hat: float | None = Field(
        default=1.01, gt=1, le=2, description="largest nested R-hat of a collective variable"
    )
    drift: float | None = Field(
        default=3.0,
        gt=0,
        description="largest change of the mean of a collective variable from the first to the "
        "second half of the run, in standard errors",
    )
    round_trips: float | None = Field(
        default=None,
        gt=0,
        description="fewest round trips of a chain, on average: between the lowest and the "
        "highest quarter of the values of a collective variable; with `exchange`, between the "
        "lowest and the highest temperature",
    )
    at_most: Time | None = Field(
        default=None,
        description="stored time after which the run always ends; default: 4 times `length`",
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.r_hat is None and self.drift is None and self.round_trips is None:
            raise ValueError(
                "give 'r_hat', 'drift' or 'round_trips'; for a run of 'length', 'until: null'"
            )
        return self


def constant_volume(engine: str) -> str:
    """Why an engine takes no pressure, in words."""
    return (
        f"'{engine}' runs at constant volume only, but 'pressure' is given; give 'engine: openmm', "
        "or 'pressure: null'"
    )


class SimulationSettings(Settings):
    """CG Langevin dynamics of many chains at once."""

    chains: int = Field(ge=2, le=100000, description="independent copies, run as one batch")
    time_step: Time = Field(description="integration step")
    friction: Rate = Field(description="friction of the Langevin thermostat")
    equilibration: TimeOrZero = Field(description="time before frames are stored")
    length: Time = Field(description="stored time of each chain; with `until`, the shortest")
    stride: Time = Field(description="time between stored frames")
    engine: Literal["auto", "torch", "openmm", "lammps"] = Field(
        default="auto",
        description="program that moves the beads. torch: any potential, all chains as one batch; "
        "openmm, lammps: one chain after the other, only potentials of `terms` in a periodic box; "
        "auto: torch, but in a long run in a periodic box the fastest of those that are installed, "
        "in a short timing",
    )
    pressure: Pressure | None = Field(
        default=None,
        description="run at this constant pressure instead of in the box of the reference, by "
        "moves of the volume; only with the engine openmm, for potentials of `terms` and with "
        "`until: null`. Structure alone determines no pressure, so that the CG model may have "
        "another density than the atoms: the metric `density` compares them",
    )
    bias: CgBiasSettings | None = Field(
        default=None, description="flattening bias for slow collective variables, reweighted"
    )
    exchange: TemperatureExchangeSettings | None = Field(
        default=None, description="temperature replica exchange among the chains"
    )
    until: UntilSettings | None = Field(
        default=UntilSettings(),
        description="continue until the run has converged; null: end after `length`, without a "
        "test of convergence",
    )
    least_stable: float = Field(
        default=0.95,
        gt=0,
        le=1,
        description="fraction of chains that must stay intact, or the run fails; a chain is broken "
        "if it explodes, its beads change places, or its chirality flips",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="where the run computes; auto: on a GPU if there is one"
    )
    compile: Literal["auto", "never"] = Field(
        default="auto",
        description="auto: runs compile their steps where that saves more time than it takes (half "
        "a minute or more), and are then two to five times faster; without a C++ compiler they "
        "continue uncompiled",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.time_step <= self.stride <= self.length:
            raise ValueError("'stride' must be at least 'time_step', and at most 'length'")
        intervals = {"stride": self.stride, "equilibration": self.equilibration}
        if self.exchange is not None:
            intervals["exchange.every"] = self.exchange.every
        for key, time in intervals.items():
            if time >= self.time_step and (wrong := uneven(time, self.time_step)):
                raise ValueError(f"'{key}' {wrong}")
        if self.longest < self.length:
            raise ValueError("'until.at_most' is shorter than 'length'")
        build = self.bias.build if self.bias else 0.0
        if self.bias and build < self.time_step:
            raise ValueError(
                f"'bias.build' is {in_words(build)}, shorter than one 'time_step' of "
                f"{in_words(self.time_step)}, so that no hill is added"
            )
        if self.equilibration + build + self.longest > MOST_STEPS * self.time_step:
            key = "until.at_most" if self.until and self.until.at_most else "length"
            raise ValueError(f"'{key}' is more than {MOST_STEPS:g} times 'time_step'")
        if self.pressure is not None:
            if self.engine not in ("auto", "openmm"):
                raise ValueError(f"'engine': {constant_volume(self.engine)}")
            if self.until is not None:
                raise ValueError(
                    "'until' judges collective variables in a constant box; with 'pressure', set "
                    "'until: null'"
                )
        for key in ("exchange", "bias"):
            if self.by_tables and getattr(self, key) is not None:
                raise ValueError(
                    f"'{key}' is not available with "
                    + (
                        "'pressure'; give 'pressure: null', "
                        if self.pressure is not None
                        else f"'engine: {self.engine}'; give 'engine: torch', "
                    )
                    + f"or '{key}: null'"
                )
        if self.exchange is not None:
            if self.exchange.every < self.time_step:
                raise ValueError("'exchange.every' is shorter than one time_step")
            if self.exchange.every > self.length:
                raise ValueError("'exchange.every' is longer than 'length'")
            levels = self.exchange.levels
            if self.chains % levels or self.chains < 2 * levels:
                raise ValueError(
                    f"'chains' is {self.chains}, but must be a multiple of the {levels} "
                    f"'levels' of 'exchange', at least {2 * levels}"
                )
        if self.until and self.until.r_hat and self.ladders < FEWEST_CHAINS:
            what = "ladders of 'exchange'" if self.exchange else "'chains'"
            raise ValueError(
                f"{self.ladders} {what} are too few for 'until' to compare different starts; "
                f"give at least {FEWEST_CHAINS}, or set 'until.r_hat: null'"
            )
        return self

    @property
    def by_tables(self) -> bool:
        """Whether the engine that the settings ask for runs tabulated potentials only."""
        return self.engine in ("openmm", "lammps") or self.pressure is not None

    def needs_tables(self, where: str, potential: str) -> str:
        """What is wrong with a potential that is not tabulated, in a sentence."""
        key, value, instead = "engine", f"'{self.engine}'", "engine: torch"
        if self.pressure is not None:
            key, value, instead = "pressure", "the engine of a constant pressure", "pressure: null"
        return (
            f"{where}.{key}: {value} runs only tables of a potential of 'terms' (kinds spline and "
            f"rbf), but experiment uses the potential '{potential}'; give '{instead}'"
        )

    def check_pressures(self, where: str, states: Mapping[str, float | None]) -> None:
        """Refuse state points of another pressure than the CG run's.

        Args:
            where: the key of these settings.
            states: name of a state point: its pressure, bar, or None where it gives none.
        """
        for state, pressure in states.items():
            if None not in (self.pressure, pressure) and pressure != self.pressure:
                raise ValueError(
                    f"{where}.pressure: is {self.pressure:g} bar, but state point '{state}' has "
                    f"{pressure:g} bar, so that densities would not compare; give each pressure an "
                    "experiment and a simulation of its own"
                )

    @property
    def longest(self) -> float:
        """Stored time of each chain after which the run always ends, ps."""
        if self.until is None:
            return self.length
        return self.until.at_most or LONGER * self.length

    @property
    def ladders(self) -> int:
        """Chains that are stored: one of every ladder, or all if there is no exchange."""
        return self.chains // (self.exchange.levels if self.exchange else 1)
