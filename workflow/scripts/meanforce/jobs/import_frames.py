"""A job of the stage `import`."""

from typing import Literal

from meanforce.jobs.base import StageJob
from meanforce.settings.base import Name, Temperature
from meanforce.settings.campaigns.external import TrajectorySettings
from meanforce.settings.collective_variables import CollectiveVariableSettings


class ImportJob(StageJob):
    """Read one trajectory of a campaign of frames from files.

    Attributes:
        trajectory: its files, and which frames are used.
        forces: where forces come from.
        disagreement: what to do if forces of the files are not those of the force field.
        has_force_field: whether the system has one.
        temperature: of the state point, K.
        biased: names of the variables that the bias depends on, in order.
        collective_variables: their definitions.
    """

    trajectory: TrajectorySettings
    forces: Literal["recompute", "file"]
    disagreement: Literal["refuse", "warn"]
    has_force_field: bool
    temperature: Temperature
    biased: list[Name]
    collective_variables: dict[Name, CollectiveVariableSettings]
