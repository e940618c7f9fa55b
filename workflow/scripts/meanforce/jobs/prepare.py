"""A job of the stage `prepare`."""

from meanforce.jobs.base import StageJob
from meanforce.settings.systems.registry import System


class PrepareJob(StageJob):
    """Parametrise and minimise a system.

    Attributes:
        system: what it is made of; how it is equilibrated later is left at its defaults.
        seed: of all random numbers.
    """

    system: System
    seed: int
