"""The stage `report`: what a run found, from the files of all its stages."""

import dataclasses
from pathlib import Path

import pandas as pd

from meanforce.analysis.metrics_table import read_table, summary_table
from meanforce.analysis.transfer import transfer_table
from meanforce.data.provenance import provenance
from meanforce.figures.page import Place, Results
from meanforce.jobs.report import ReportJob
from meanforce.paths import ComparedPaths, MemberPaths


@dataclasses.dataclass(frozen=True)
class ReportInputs:
    """Files of all experiments; each list may be empty, except the metrics.

    Attributes:
        metrics: metrics.csv of each experiment and state point.
        curves: training curves.
        profiles: profiles.csv of each experiment and state point.
        surfaces: surface.csv of each experiment and state point.
        segments: segments.csv of each job of a campaign.
        speeds: speed.csv of each CG run.
        checks: checks.json of each dataset.
        learning_curves: PNG files; their tables lie beside them.
    """

    metrics: list[Path]
    curves: list[Path]
    profiles: list[Path]
    surfaces: list[Path]
    segments: list[Path]
    speeds: list[Path]
    checks: list[Path]
    learning_curves: list[Path]


def results_of(job: ReportJob, inputs: ReportInputs) -> Results:
    """What the page shows.

    Raises:
        InputError: a file is missing, cannot be read as a table, or was made by another version.
    """
    summary = summary_table(inputs.metrics)
    temperatures = {n: point["temperature"] for n, point in job.config["state_points"].items()}
    return Results(
        summary=summary,
        curves=_curves(inputs.curves),
        profiles=_by_place(inputs.profiles),
        surfaces=_by_place(inputs.surfaces),
        segments=inputs.segments,
        speeds=inputs.speeds,
        checks=inputs.checks,
        transfer=transfer_table(summary, temperatures),
        learning_curves=inputs.learning_curves,
        job=job,
        about=provenance(),
    )


def _by_place(paths: list[Path]) -> dict[Place, pd.DataFrame]:
    """Tables by experiment and state point."""
    places = {path: ComparedPaths.of(path) for path in paths}
    return {(place.experiment, place.state): read_table(path) for path, place in places.items()}


def _curves(paths: list[Path]) -> dict[str, list[pd.DataFrame]]:
    """Training curves by experiment."""
    curves: dict[str, list[pd.DataFrame]] = {}
    for path in paths:
        curves.setdefault(MemberPaths.experiment_of(path), []).append(read_table(path))
    return curves
