"""A job of the stage `report`."""

from typing import Any

from pydantic import Field

from meanforce.jobs.base import StageJob
from meanforce.settings.base import Name, Settings


class ReportedExperiment(Settings):
    """Facts about an experiment that the report needs.

    Attributes:
        system: its system.
        states: its state points by temperature.
        ensemble: number of members.
        learning_curve: the experiment of the config that a run of a learning curve belongs to;
            None for others.
        atomistic_time: ps, of the training data; None if it is not in the config.
    """

    system: Name
    states: list[Name]
    ensemble: int
    learning_curve: Name | None
    atomistic_time: float | None


class ReportJob(StageJob):
    """Put everything on one page.

    Attributes:
        config: the resolved config as plain values, which the page shows.
        experiments: by name.
        unfinished: experiments of the config that are not on the page, and why.
    """

    config: dict[str, Any]
    experiments: dict[Name, ReportedExperiment]
    unfinished: dict[Name, str] = Field(default={})
