"""Campaign kind `unbiased`: no bias at all."""

from meanforce.sampling.bias import Bias
from meanforce.sampling.task import Host, Task
from meanforce.sampling.walkers import Walkers


class NoBias(Bias):
    """Plain dynamics."""

    def force(self) -> None:
        return None


def dynamics(task: Task, host: Host) -> Walkers:
    """Dynamics of a job."""
    return Walkers(task, NoBias(), host)
