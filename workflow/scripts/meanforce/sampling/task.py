"""One job of a campaign, and what it runs on."""

import dataclasses
from pathlib import Path

from meanforce.core.beads import Beads
from meanforce.sampling.collective_variables import Variable
from meanforce.settings.campaigns.registry import SampledCampaign
from meanforce.systems.prepared import Prepared


@dataclasses.dataclass(frozen=True)
class Task:
    """One job of a campaign.

    Attributes:
        campaign: settings.
        variables: the biased collective variables by name, in order.
        temperature: K.
        seed: of all random numbers.
        job: number of the job, from 1.
        bias_of: trajectory whose final bias a static campaign takes, or None.
        beads: that a bias acts on without collective variables, or None.
        shared: folder in which jobs exchange hills, or None.
        identity: settings of the campaign as plain values, without what differs between jobs.
    """

    campaign: SampledCampaign
    variables: dict[str, Variable]
    temperature: float
    seed: int
    job: int = 1
    bias_of: Path | None = None
    beads: Beads | None = None
    shared: Path | None = None
    identity: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Host:
    """What a job runs on.

    Attributes:
        prepared: system and start; a bias is added to it.
        threads: processor threads that the job may use.
        platform: name of the platform, if an earlier process chose it.
    """

    prepared: Prepared
    threads: int = 1
    platform: str | None = None
