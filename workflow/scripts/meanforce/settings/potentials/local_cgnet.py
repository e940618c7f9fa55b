"""Potential kind `local_cgnet`: a network for each bead, of what is near it."""

from typing import Annotated, Literal

from pydantic import Field

from meanforce.settings.base import Length
from meanforce.settings.potentials.network import TEMPERATURE, NetworkSettings, TemperatureForm


class LocalCgnetSettings(NetworkSettings):
    """A small network for each bead, of what is near it: for molecules of more than 20 beads.

    Inputs are distances to beads a few bonds away, dihedrals that the bead is part of, and
    densities of the other beads within a cutoff, as in Behler, Parrinello, Phys. Rev. Lett. 98,
    146401 (2007). It is a model of one molecule, as `cgnet` is.
    """

    kind: Literal["local_cgnet"]
    hidden: list[Annotated[int, Field(ge=1, le=1000)]] = Field(
        default=[32, 32],
        min_length=1,
        max_length=10,
        description="widths of the hidden layers of each bead's network",
    )
    near_bonds: int = Field(
        default=3,
        ge=1,
        le=6,
        description="beads this many bonds away, and nearer, enter by their distances; all others "
        "by their density",
    )
    distances: Literal["plain", "inverse", "both"] = Field(
        default="both", description="how these distances r enter; plain: r; inverse: 1/r; both"
    )
    cutoff: Length = Field(
        default="1 nm", validate_default=True, description="reach of the densities"
    )
    radial_functions: int = Field(
        default=4,
        ge=1,
        le=6,
        description="densities decay as [1 − (r/cutoff)²] to the power of 2, 4, 8, …; how many",
    )
    channels: int = Field(
        default=4,
        ge=1,
        le=32,
        description="densities for each of these, weighted by what is learned about bead types",
    )
    temperature: TemperatureForm = Field(default="linear", description=TEMPERATURE)

    @property
    def needs_bonds(self) -> bool:
        """Whether it is a potential of beads that bonds connect only."""
        return True
