"""Campaign kind `unbiased`."""

from typing import ClassVar, Literal

from meanforce.settings.campaigns.protocol import ProtocolSettings


class UnbiasedSettings(ProtocolSettings):
    """Plain dynamics."""

    dynamical: ClassVar[bool] = True

    kind: Literal["unbiased"]
