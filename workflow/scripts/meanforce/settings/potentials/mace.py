"""Potential kind `mace`: an equivariant message-passing network."""

from typing import Literal

from pydantic import Field

from meanforce.settings.base import Length
from meanforce.settings.potentials.network import NetworkSettings


class MaceSettings(NetworkSettings):
    """Equivariant message passing, bead types as species; needs `envs/requirements-mace.txt`.

    Its energy does not change when beads of one type are exchanged, or for mirror images. Batatia
    et al., Adv. Neural Inf. Process. Syst. 35, 11423 (2022).
    """

    kind: Literal["mace"]
    channels: int = Field(default=16, ge=1, le=512, description="features of each degree")
    max_L: int = Field(
        default=0, ge=0, le=3, description="highest degree of the messages: 1 is 16x0e+16x1o"
    )
    max_ell: int = Field(
        default=3, ge=0, le=4, description="highest degree of the spherical harmonics"
    )
    layers: int = Field(default=2, ge=1, le=6, description="rounds of messages")
    correlation: int = Field(
        default=2, ge=1, le=4, description="neighbours in a product; body order − 1"
    )
    cutoff: Length = Field(
        default=0.5, description="beads nearer than this exchange messages (0.5 nm)"
    )
    radial_functions: int = Field(default=8, ge=2, le=64, description="Bessel functions")
    radial_hidden: list[int] = Field(
        default=[64, 64, 64],
        min_length=1,
        max_length=6,
        description="widths of the network that weights messages by distance",
    )
    temperature: Literal["none", "linear", "quadratic"] = Field(
        default="none",
        description="none: one potential; linear: an energy and an entropy part; quadratic: also a "
        "third part, for three or more temperatures",
    )

    @property
    def takes_molecules_in_a_box(self) -> bool:
        """Whether it is a potential of several molecules in a periodic box."""
        return True
