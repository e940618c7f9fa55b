"""A job of the stage `validate`, with facts about campaigns and labels."""

from typing import Literal

from meanforce.jobs.base import StageJob
from meanforce.settings.base import Name, Settings, Temperature
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.references import Reference
from meanforce.settings.validation import ValidationSettings


class UmbrellaWindows(Settings):
    """Windows of umbrella sampling.

    Attributes:
        centers: of each window, one value for each variable, nm or rad or without a unit.
        force_constants: one for each variable, kJ/mol over the variable's unit squared.
        collective_variables: those in which the windows are harmonic, in order.
    """

    centers: list[list[float]]
    force_constants: list[float]
    collective_variables: list[CollectiveVariableSettings]


class CampaignFacts(Settings):
    """Facts about a campaign that analyses need.

    Attributes:
        dynamical: whether a replica is one stretch of dynamics without a bias.
        jobs_per_replica: datasets that make a replica.
        windows: of umbrella sampling; None for other campaigns.
    """

    dynamical: bool
    jobs_per_replica: int
    windows: UmbrellaWindows | None


class TrainingFacts(CampaignFacts):
    """How the training data of one campaign at a state point are reweighted.

    Attributes:
        datasets: number of datasets.
        time_windows: begin and end in ps of the part of each that is used; None: everything.
    """

    datasets: int
    time_windows: list[tuple[float, float]] | None


class SummaryLabels(Settings):
    """The first columns of each row of metrics.csv."""

    experiment: str
    system: str
    mapping: str
    force_map: str
    campaign: str
    potential: str
    state_point: str
    role: Literal["train", "held-out"]

    @property
    def title(self) -> str:
        """Title of a figure."""
        return f"{self.experiment}, {self.state_point} ({self.role})"


class ValidateJob(StageJob):
    """Compare an experiment's CG run with its reference at a state point.

    Attributes:
        validation: how the model is judged.
        temperature: K.
        collective_variables: of the surface, then further ones of the mapping; without a surface
            those of the mapping and those that the run biases.
        reference: campaign of the reference, or None.
        table: of free energies in its place, or None.
        training: campaigns of the training data of this state point, in order; empty at held-out
            state points.
        weights: how the frames count in training.
        system_kind: kind of the system; some kinds are solved exactly.
        labels: of the rows.
        seed: of all random numbers.
    """

    validation: ValidationSettings
    temperature: Temperature
    collective_variables: dict[Name, CollectiveVariableSettings]
    reference: CampaignFacts | None
    table: Reference | None
    training: list[TrainingFacts]
    weights: Literal["none", "bias"]
    system_kind: str
    labels: SummaryLabels
    seed: int
