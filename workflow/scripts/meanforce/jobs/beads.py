"""A job of the stage `beads`."""

from meanforce.jobs.base import StageJob
from meanforce.settings.base import Name
from meanforce.settings.mappings import MappingSettings


class BeadsJob(StageJob):
    """Work out the beads of a mapping.

    Attributes:
        name: of the mapping.
        mapping: which atoms make a bead. How forces are mapped, and which kind of masses is used,
            are left at their defaults: they change no bead.
    """

    name: Name
    mapping: MappingSettings
