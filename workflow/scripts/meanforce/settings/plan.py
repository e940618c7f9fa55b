"""The jobs that a config makes, without Snakemake: what each stage writes, and where it logs."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from meanforce.paths import (
    BeadsPaths,
    DatasetPaths,
    PreparedPaths,
    ReplicaPaths,
    RunPaths,
    VariablePaths,
)
from meanforce.settings import inputs
from meanforce.settings.config import Config

STAGES = (
    "prepare", "beads", "variable", "equilibrate", "sample", "import_frames",
    "import_frames_and_forces", "forces", "weights", "map", "train", "simulate", "validate",
    "learning_curve", "report",
)  # fmt: skip
"""In the order in which data flow."""

_SAMPLED = ("trajectory", "table", "segments")

OUTPUTS = {
    "prepare": ("system_xml", "topology_cif", "state_xml"),
    "beads": ("beads",),
    "variable": ("completed",),
    "equilibrate": ("state_xml", "table"),
    "sample": _SAMPLED,
    "import_frames": _SAMPLED,
    "import_frames_and_forces": (*_SAMPLED, "forces"),
    "forces": ("forces",),
    "weights": ("weights", "overlap"),
    "map": ("dataset", "force_maps", "checks"),
    "train": ("model", "description", "curve"),
    "simulate": ("trajectory", "speed"),
    "validate": ("metrics", "profiles", "surface", "figure"),
    "learning_curve": ("table", "savings", "figure"),
    "report": ("summary", "page", "run"),
}
"""Files that a job of each stage makes, by their names in its place."""


@dataclasses.dataclass(frozen=True)
class PlannedJob:
    """One job of a run.

    Attributes:
        stage: one of `STAGES`.
        output: last file that the job writes; when it exists, the job is done.
        log: file that the job writes its progress and its errors to.
        place: the paths that it is about, with the names of the config in them.
    """

    stage: str
    output: str
    log: str
    place: Any = dataclasses.field(default=RunPaths, compare=False, repr=False)

    @property
    def outputs(self) -> list[str]:
        """All files that the job makes."""
        return [getattr(self.place, name) for name in OUTPUTS[self.stage]]


def planned_jobs(config: Config) -> list[PlannedJob]:
    """All jobs of the target `all`, stage after stage."""
    jobs = dict.fromkeys(_jobs(config))
    return sorted(jobs, key=lambda job: STAGES.index(job.stage))


def _jobs(config: Config) -> Iterator[PlannedJob]:
    for dataset in inputs.all_datasets(config):
        yield from _jobs_behind(config, dataset)
    for member in inputs.all_members(config):
        yield PlannedJob("train", member.model, member.log, member)
    for place in inputs.compared(config):
        for variable in (
            *inputs.watched_variables(config, place.experiment),
            *inputs.judged_variables(config, place.experiment),
        ):
            yield from _variable(variable)
        yield PlannedJob("simulate", place.trajectory, place.simulate_log, place)
        yield PlannedJob("validate", place.metrics, place.validate_log, place)
    for curve in inputs.curves(config):
        yield PlannedJob("learning_curve", curve.table, curve.log, curve)
    yield PlannedJob("report", RunPaths.page, RunPaths.log)


def _jobs_behind(config: Config, dataset: DatasetPaths) -> Iterator[PlannedJob]:
    """The jobs that one dataset needs."""
    yield from _sampling(config, dataset)
    names = (dataset.system, dataset.state, dataset.campaign)
    weights = inputs.weights(config, *names, dataset.replica)
    if weights is not None:
        for job in inputs.jobs_of_replica(config, *names, weights.repeat):
            yield from _sampling(config, job)
        yield PlannedJob("weights", weights.weights, weights.log, weights)
    beads = BeadsPaths(dataset.system, dataset.mapping)
    yield PlannedJob("beads", beads.beads, beads.log, beads)
    if config.campaigns[dataset.system][dataset.campaign].recomputes_forces:
        yield PlannedJob("forces", dataset.forces, dataset.forces_log, dataset)
    yield PlannedJob("map", dataset.dataset, dataset.map_log, dataset)


def _variable(place: VariablePaths) -> Iterator[PlannedJob]:
    """Jobs of a collective variable of a whole structure."""
    beads = BeadsPaths(place.system, place.mapping)
    yield PlannedJob("beads", beads.beads, beads.log, beads)
    yield PlannedJob("variable", place.completed, place.log, place)


def _sampling(config: Config, replica: ReplicaPaths) -> Iterator[PlannedJob]:
    """Jobs of a trajectory, and of what it starts from."""
    prepared = PreparedPaths(replica.system)
    yield PlannedJob("prepare", prepared.state_xml, prepared.log, prepared)
    for beads in inputs.biased_beads(config, replica.system, replica.campaign):
        yield PlannedJob("beads", beads.beads, beads.log, beads)
    for variable in inputs.biased_variables(config, replica.system, replica.campaign):
        yield from _variable(variable)
    campaign = config.campaigns[replica.system][replica.campaign]
    if campaign.imported:
        stage = "import_frames" if campaign.recomputes_forces else "import_frames_and_forces"
        yield PlannedJob(stage, replica.trajectory, replica.import_log, replica)
        return
    start = inputs.start(config, replica.system, replica.state)
    if start is not None:
        yield PlannedJob("equilibrate", start.state_xml, start.log, start)
    names = (replica.system, replica.state, replica.campaign, replica.replica)
    bias = inputs.frozen_bias(config, *names)
    if bias is not None:
        yield from _sampling(config, bias)
    yield PlannedJob("sample", replica.trajectory, replica.sample_log, replica)
