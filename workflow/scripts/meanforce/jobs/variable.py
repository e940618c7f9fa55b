"""A job of the stage `variable`."""

from meanforce.jobs.base import StageJob
from meanforce.settings.base import Name
from meanforce.settings.collective_variables import CollectiveVariableSettings


class VariableJob(StageJob):
    """Fill in beads and structures of a collective variable.

    Attributes:
        name: of the variable.
        variable: as it is declared.
    """

    name: Name
    variable: CollectiveVariableSettings
