"""A job of the stage `map`."""

from meanforce.jobs.base import StageJob
from meanforce.settings.mappings import MappingSettings


class MapJob(StageJob):
    """Map one job of a campaign onto beads.

    Attributes:
        mapping: beads and force map.
        seed: of the noise; None without noise, as nothing else is random.
        refuses_failed_checks: whether data that cannot be right are refused.
    """

    mapping: MappingSettings
    seed: int | None
    refuses_failed_checks: bool
