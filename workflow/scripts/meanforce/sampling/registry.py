"""Campaign kinds and what makes the dynamics of each. One line for each kind."""

from collections.abc import Callable

from meanforce.sampling import metadynamics, replica_exchange, static, umbrella, unbiased
from meanforce.sampling.dynamics import Dynamics
from meanforce.sampling.task import Host, Task

KINDS: dict[str, Callable[[Task, Host], Dynamics]] = {
    "unbiased": unbiased.dynamics,
    "static": static.dynamics,
    "metadynamics": metadynamics.dynamics,
    "umbrella": umbrella.dynamics,
    "replica_exchange": replica_exchange.dynamics,
}


def dynamics_of(task: Task, host: Host) -> Dynamics:
    """Dynamics of a job.

    Raises:
        InputError: the platform is not available, or the bias cannot be made.
    """
    return KINDS[task.campaign.kind](task, host)
