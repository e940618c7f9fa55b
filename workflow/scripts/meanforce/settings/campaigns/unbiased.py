"""Campaign kind `unbiased`."""

from typing import ClassVar, Literal

from meanforce.settings.campaigns.protocol import ProtocolSettings


class UnbiasedSettings(ProtocolSettings):
    """Plain Langevin dynamics, without a bias.

    Only these runs give the time scales of the atomistic system, and so a model's speed-up.
    """

    dynamical: ClassVar[bool] = True

    kind: Literal["unbiased"]
