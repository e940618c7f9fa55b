"""A job of the stage `train`."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from meanforce.jobs.base import StageJob
from meanforce.settings.base import Name, Settings, Temperature
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.experiments import Resampling
from meanforce.settings.potentials.registry import Potential
from meanforce.settings.target_tables import TargetTablesSettings


class TrainingOrigin(Settings):
    """Where training data come from, for the model's card; it changes no number.

    Attributes:
        system: its name.
        mapping: its name.
        campaigns: their names.
        state_points: temperatures in K by name.
    """

    system: Name
    mapping: Name
    campaigns: list[Name]
    state_points: dict[Name, Temperature]


class TargetsAt(Settings):
    """Tables of distributions as targets.

    Attributes:
        temperature: of their state point, K.
        tables: their files.
    """

    temperature: Temperature
    tables: TargetTablesSettings


class TrainJob(StageJob):
    """Fit one member of an experiment's ensemble.

    Attributes:
        potential: its form, and how it is fitted.
        collective_variables: those that the potential depends on, or its fit biases.
        weights: `bias`: each frame has the weight e^{βV}; `none`: all have the same weight.
        windows: begin and end in ps of the part of each dataset that is used, by campaign, then by
            state point; None: everything.
        datasets_per_replica: datasets that make each replica, in the order of the datasets.
        member: number of the member, from 0.
        folds: groups of time blocks.
        resampling: how members differ in their data.
        seed: of all random numbers.
        origin: of the data, or None.
        targets: distributions that are fitted to in the place of those of the datasets.
    """

    potential: Potential
    collective_variables: dict[Name, CollectiveVariableSettings]
    weights: Literal["none", "bias"]
    windows: list[tuple[float, float]] | None
    datasets_per_replica: list[int]
    member: int = Field(ge=0)
    folds: int
    resampling: Resampling
    seed: int
    origin: TrainingOrigin | None = None
    targets: list[TargetsAt] = Field(default=[])

    @property
    def target_files(self) -> list[Path]:
        """Files of tables."""
        return [Path(path) for one in self.targets for path in one.tables.files]
