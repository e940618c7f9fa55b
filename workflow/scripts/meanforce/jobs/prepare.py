"""A job of the stage `prepare`."""

from meanforce.jobs.base import StageJob
from meanforce.settings.systems.registry import System


class PrepareJob(StageJob):
    """Parametrise and minimise a system.

    Attributes:
        system: its settings; those of its later equilibration are left at their defaults.
        seed: of all random numbers.
    """

    system: System
    seed: int
