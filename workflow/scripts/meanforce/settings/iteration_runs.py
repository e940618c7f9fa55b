"""CG runs inside of a fit that iterates."""

from typing import Literal, Self

from pydantic import Field, model_validator

from meanforce.settings.base import Rate, Settings, Time, TimeOrZero
from meanforce.settings.simulations import CgBiasSettings, SimulationSettings


class IterationRunSettings(Settings):
    """The CG run of each iteration, at each training state point; its frames are not stored."""

    chains: int = Field(
        default=2, ge=2, le=100000, description="independent copies, run as one batch"
    )
    time_step: Time = Field(description="integration step")
    friction: Rate = Field(description="friction of the Langevin thermostat")
    equilibration: TimeOrZero = Field(
        description="time before frames count; a run starts where the one before it ended"
    )
    length: Time = Field(
        description="time of each chain in which frames count, at most: a run ends earlier when "
        "the distributions that differ from their targets do so by more than five times its noise "
        "(root mean square over them); after a tenth of its length where a method needs "
        "distributions alone, after two fifths where it needs frames or their covariance"
    )
    stride: Time = Field(description="time between frames that count")
    engine: Literal["auto", "torch", "openmm", "lammps"] = Field(
        default="auto", description="program that moves the beads, as in the section `simulations`"
    )
    bias: CgBiasSettings | None = Field(
        default=None,
        description="flattening bias for slow collective variables: built anew in each run, then "
        "frozen, and reweighted; only with the engine torch",
    )
    least_stable: float = Field(
        default=0.95,
        gt=0,
        le=1,
        description="fraction of chains that must stay intact; with fewer, the step is halved",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="where the run computes; auto: on a GPU if there is one"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.as_simulation().length < 2 * self.stride:
            raise ValueError("'length' must be at least twice the 'stride'")
        return self

    def as_simulation(self) -> SimulationSettings:
        """The same run as a simulation without exchange or test of convergence."""
        # Steps are not compiled: every iteration would wait for that.
        values = self.model_dump() | {"until": None, "compile": "never"}
        return SimulationSettings.model_validate(values, context={"internal": True})
