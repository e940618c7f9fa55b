"""Campaign kinds and how the dynamics of each is made."""

import dataclasses
from pathlib import Path

import h5py
import numpy as np

from meanforce.errors import InputError
from meanforce.sampling.bias import Bias
from meanforce.sampling.collective_variables import Variable
from meanforce.sampling.dynamics import Dynamics
from meanforce.sampling.grid import BiasGrid
from meanforce.sampling.metadynamics import WellTempered
from meanforce.sampling.replica_exchange import Exchange
from meanforce.sampling.shared_hills import HillExchange
from meanforce.sampling.static import Formula, Frozen, gaussians, numbered
from meanforce.sampling.umbrella import Windows
from meanforce.sampling.unbiased import NoBias
from meanforce.sampling.walkers import Walkers
from meanforce.settings.campaigns import Campaign
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
        shared: folder in which jobs exchange hills, or None.
        identity: settings of the campaign as plain values, without what differs between jobs.
    """

    campaign: Campaign
    variables: dict[str, Variable]
    temperature: float
    seed: int
    job: int = 1
    bias_of: Path | None = None
    shared: Path | None = None
    identity: dict = dataclasses.field(default_factory=dict)


def make_dynamics(
    task: Task, prepared: Prepared, threads: int, platform: str | None = None
) -> Dynamics:
    """Dynamics of a job.

    Args:
        task: the job.
        prepared: system and start.
        threads: processor threads that the job may use.
        platform: name of the platform, where an earlier process chose it.

    Raises:
        InputError: the platform is not there, or the bias cannot be made.
    """
    if task.campaign.kind == "replica_exchange":
        return Exchange(prepared, task.campaign, task.temperature, task.seed, threads, platform)
    return Walkers(
        prepared,
        task.campaign,
        BIASES[task.campaign.kind](task),
        task.temperature,
        task.seed,
        threads,
        task.campaign.copies(task.job),
        platform,
    )


def _static(task: Task) -> Bias:
    variables = tuple(task.variables.values())
    if task.campaign.bias_of is not None:
        return _frozen(task, variables)
    if task.campaign.formula is not None:
        return Formula(numbered(task.campaign.formula, list(task.variables)), variables)
    return Formula(gaussians(task.campaign, variables), variables)


def _frozen(task: Task, variables: tuple[Variable, ...]) -> Frozen:
    if task.bias_of is None:
        raise InputError("--bias-of: is missing; this campaign takes its bias from a trajectory")
    try:
        with h5py.File(task.bias_of, "r") as file:
            group = file["meanforce"]
            axes = [group[f"bias_axis_{number}"][:] for number in range(len(variables))]
            grid = BiasGrid.read(variables, group["bias_grid"][:], axes)
            # Hills of other jobs have no c(t) of this one.
            offsets = group["bias_hills"][:, -1]
            offsets = offsets[np.isfinite(offsets)]
            return Frozen(grid, float(offsets[-1]) if len(offsets) else 0.0)
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        raise InputError(f"{task.bias_of}: holds no bias of metadynamics ({error})") from error


def _metadynamics(task: Task) -> Bias:
    exchange = None
    if task.campaign.share_every is not None:
        if task.shared is None:
            raise InputError("--shared: is missing; this campaign's replicas share their hills")
        exchange = HillExchange(task.shared, task.job, task.identity)
    return WellTempered(task.campaign, tuple(task.variables.values()), task.temperature, exchange)


def _umbrella(task: Task) -> Bias:
    return Windows(
        np.array(task.campaign.windows()),
        task.campaign.windows_of(task.job),
        task.campaign.force_constant,
        tuple(task.variables.values()),
        task.temperature,
        task.campaign.pull > 0,
    )


BIASES = {
    "unbiased": lambda task: NoBias(),
    "static": _static,
    "metadynamics": _metadynamics,
    "umbrella": _umbrella,
}
