"""Section `campaigns`: where frames of a system come from. One line for each kind."""

from typing import Annotated

from pydantic import Field

from meanforce.settings.campaigns.external import ExternalSettings
from meanforce.settings.campaigns.metadynamics import MetadynamicsSettings
from meanforce.settings.campaigns.replica_exchange import ReplicaExchangeSettings
from meanforce.settings.campaigns.static import StaticSettings
from meanforce.settings.campaigns.umbrella import UmbrellaSettings
from meanforce.settings.campaigns.unbiased import UnbiasedSettings

Sampled = (
    UnbiasedSettings
    | StaticSettings
    | MetadynamicsSettings
    | UmbrellaSettings
    | ReplicaExchangeSettings
)

SampledCampaign = Annotated[Sampled, Field(discriminator="kind")]
"""A campaign whose frames are sampled."""

Campaign = Annotated[Sampled | ExternalSettings, Field(discriminator="kind")]
