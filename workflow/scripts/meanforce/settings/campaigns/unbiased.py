"""Campaign kind `unbiased`."""

from typing import Literal

from meanforce.settings.campaigns.protocol import ProtocolSettings


class UnbiasedSettings(ProtocolSettings):
    """Plain Langevin dynamics, without a bias.

    Only these runs give the time scales of the atomistic system, and so a model's speed-up.
    """

    kind: Literal["unbiased"]

    @property
    def dynamical(self) -> bool:
        """A replica is one stretch of dynamics without a bias."""
        return True
