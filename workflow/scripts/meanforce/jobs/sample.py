"""A job of the stage `sample`."""

from pydantic import Field

from meanforce.jobs.base import StageJob
from meanforce.settings.base import Name, Temperature
from meanforce.settings.campaigns.registry import SampledCampaign
from meanforce.settings.collective_variables import CollectiveVariableSettings


class SampleJob(StageJob):
    """One job of a campaign at a state point.

    Attributes:
        campaign: its protocol, with the `length` of the state point. The number of replicas and
            lengths at other state points do not affect a single job and are left at their defaults.
        job: number of the job, from 1.
        temperature: K.
        collective_variables: those that the campaign biases.
        seed: of all random numbers.
    """

    campaign: SampledCampaign
    job: int = Field(ge=1)
    temperature: Temperature
    collective_variables: dict[Name, CollectiveVariableSettings]
    seed: int
