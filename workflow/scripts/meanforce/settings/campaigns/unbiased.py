"""Campaign kind `unbiased`."""

from typing import ClassVar, Literal

from meanforce.settings.campaigns.protocol import ProtocolSettings


class UnbiasedSettings(ProtocolSettings):
    """Plain Langevin dynamics, without a bias.

    Only these runs show how fast the atoms move, and so how much faster a model does.
    """

    dynamical: ClassVar[bool] = True

    kind: Literal["unbiased"]
