"""A job of the stage `beads`."""

from meanforce.jobs.base import StageJob
from meanforce.settings.base import Name
from meanforce.settings.mappings import MappingSettings


class BeadsJob(StageJob):
    """Work out the beads of a mapping.

    Attributes:
        name: of the mapping.
        mapping: which atoms make a bead. Settings of the force map and of masses are left at their
            defaults, because they do not change the beads.
    """

    name: Name
    mapping: MappingSettings
