"""Section `campaigns`: where frames of a system come from. One line for each kind."""

from typing import Annotated

from pydantic import Field

from meanforce.settings.campaigns.metadynamics import MetadynamicsSettings
from meanforce.settings.campaigns.replica_exchange import ReplicaExchangeSettings
from meanforce.settings.campaigns.static import StaticSettings
from meanforce.settings.campaigns.umbrella import UmbrellaSettings
from meanforce.settings.campaigns.unbiased import UnbiasedSettings

Campaign = Annotated[
    UnbiasedSettings
    | StaticSettings
    | MetadynamicsSettings
    | UmbrellaSettings
    | ReplicaExchangeSettings,
    Field(discriminator="kind"),
]
