"""Section `campaigns`: sampling protocols of a system."""

from typing import Annotated, Literal

from pydantic import Field

from meanforce.settings.base import (
    AnyEnergy,
    Coordinate,
    Energy,
    Name,
    Rate,
    Settings,
    Time,
    TimeOrZero,
    Width,
)


class Protocol(Settings):
    """What every campaign has."""

    length: Time = Field(description="sampled time of each replica, after equilibration")
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

    def length_of(self, state: str) -> float:
        """Sampled time at a state point, ps."""
        return self.length_at.get(state, self.length)


class Unbiased(Protocol):
    """Plain dynamics."""

    kind: Literal["unbiased"]


class Gaussian(Settings):
    """One Gaussian of a static bias, height·exp[−Σ(s − center)²/(2·width²)]."""

    height: AnyEnergy = Field(description="negative: attracts; positive: repels")
    center: list[Coordinate] = Field(
        min_length=1, max_length=3, description="one value for each collective variable"
    )
    width: list[Width] = Field(
        min_length=1, max_length=3, description="one value for each collective variable"
    )


class Static(Protocol):
    """Dynamics under a bias that never changes: a sum of Gaussians."""

    kind: Literal["static"]
    collective_variables: list[Name] = Field(
        min_length=1, max_length=3, description="what the bias is a function of"
    )
    gaussians: list[Gaussian] = Field(min_length=1, description="the bias is their sum")


class Metadynamics(Protocol):
    """Well-tempered metadynamics; Barducci, Bussi, Parrinello, PRL 100, 020603 (2008)."""

    kind: Literal["metadynamics"]
    collective_variables: list[Name] = Field(
        min_length=1, max_length=2, description="what the bias is a function of; dihedrals"
    )
    height: Energy = Field(description="height of the first hill")
    width: list[Width] = Field(
        min_length=1, max_length=2, description="width of a hill along each collective variable"
    )
    pace: Time = Field(description="time between hills")
    bias_factor: float = Field(gt=1, le=1000, description="(T + ΔT)/T")
    bins: int = Field(default=120, ge=20, le=1000, description="grid points of the bias, each way")
    burn_in: TimeOrZero = Field(
        description="time at the start of `length` during which the bias fills; "
        "its frames are not used"
    )


Campaign = Annotated[Unbiased | Static | Metadynamics, Field(discriminator="kind")]


def collective_variables_of(campaign: Campaign) -> list[str]:
    """Names of the collective variables that a campaign biases."""
    return list(getattr(campaign, "collective_variables", []))
