"""Potential kind `cgnet`: a multilayer perceptron on internal coordinates."""

from typing import Annotated, Literal

from pydantic import Field

from meanforce.settings.potentials.network import TEMPERATURE, NetworkSettings, TemperatureForm


class CgnetSettings(NetworkSettings):
    """Multilayer perceptron on internal coordinates; Wang et al., ACS Cent. Sci. 5, 755 (2019).

    Its inputs are all distances between beads, and the angles and dihedrals along their bonds, so
    it is a model of one molecule.
    """

    kind: Literal["cgnet"]
    hidden: list[Annotated[int, Field(ge=1, le=10000)]] = Field(
        default=[128, 128, 128], min_length=1, max_length=10, description="widths of hidden layers"
    )
    distances: Literal["plain", "inverse", "both"] = Field(
        default="both",
        description="how pair distances r enter, beside angles and dihedrals; plain: r; "
        "inverse: 1/r; both",
    )
    temperature: TemperatureForm = Field(default="linear", description=TEMPERATURE)

    @property
    def least_beads(self) -> int:
        """Number of beads that it needs at least: a single one has no internal coordinates."""
        return 2
