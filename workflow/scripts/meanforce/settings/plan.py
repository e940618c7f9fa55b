"""The jobs that a config makes, without Snakemake: what each stage writes, and where it logs."""

import dataclasses
from collections.abc import Iterable, Iterator

from meanforce.settings.config import Config
from meanforce.settings.learning_curves import learning_curves

STAGES = (
    "prepare", "equilibrate", "sample", "forces", "weights", "map", "train", "simulate",
    "validate", "learning_curve", "report",
)  # fmt: skip
"""In the order in which data flow."""


@dataclasses.dataclass(frozen=True)
class PlannedJob:
    """One job of a run.

    Attributes:
        stage: one of `STAGES`.
        output: file that appears when the job is done, its last one.
        log: file that the job writes its progress and its errors to.
    """

    stage: str
    output: str
    log: str


def planned_jobs(config: Config) -> list[PlannedJob]:
    """All jobs of the target `all`, stage after stage."""
    jobs = dict.fromkeys(job for name in config.experiments for job in _jobs_of(config, name))
    for curve in learning_curves(config):
        at = f"results/learning_curves/{curve}"
        jobs[PlannedJob("learning_curve", f"{at}.csv", f"{at}.log")] = None
    jobs[PlannedJob("report", "results/report.html", "results/report.log")] = None
    return sorted(jobs, key=lambda job: STAGES.index(job.stage))


def _jobs_of(config: Config, name: str) -> Iterator[PlannedJob]:
    chosen = config.experiments[name]
    states = (*chosen.train, *chosen.held_out)
    folder = f"results/{chosen.system}/prepared"
    yield PlannedJob("prepare", f"{folder}/state.xml", f"{folder}/prepare.log")
    for state in chosen.train:
        for campaign in chosen.campaigns:
            yield from _dataset_jobs(config, name, state, campaign, chosen.replicas)
    for state in states if chosen.reference else ():
        yield from _dataset_jobs(config, name, state, chosen.reference)
    folder = f"results/experiments/{name}"
    for member in range(chosen.ensemble):
        model = f"{folder}/model-{member}.safetensors"
        yield PlannedJob("train", model, f"{folder}/train-{member}.log")
    for state in states:
        at = f"{folder}/{state}"
        yield PlannedJob("simulate", f"{at}/cg.h5", f"{at}/simulate.log")
        yield PlannedJob("validate", f"{at}/metrics.csv", f"{at}/validate.log")


def _dataset_jobs(
    config: Config, experiment: str, state: str, campaign: str, replicas: list[int] | None = None
) -> Iterator[PlannedJob]:
    """Jobs behind the datasets of one campaign at one state point."""
    chosen = config.experiments[experiment]
    settings = config.campaigns[chosen.system][campaign]
    used = settings.jobs_of(replicas)
    folder = f"results/{chosen.system}/{state}"
    if settings.reweighted_together:
        for replica in dict.fromkeys(settings.replica_of(job) for job in used):
            weights = f"{folder}/{campaign}/weights-{replica}"
            yield PlannedJob("weights", f"{weights}.h5", f"{weights}.log")
    if config.systems[chosen.system].equilibrated:
        at = f"{folder}/equilibrated"
        yield PlannedJob("equilibrate", f"{at}/state.xml", f"{at}/equilibrate.log")
    yield from _sampling(folder, campaign, used)
    if settings.bias_source is not None:
        source = config.campaigns[chosen.system][settings.bias_source]
        biases = dict.fromkeys(settings.bias_from(source, replica) for replica in used)
        yield from _sampling(folder, settings.bias_source, biases)
    for job in used:
        at, mapping = f"{folder}/{campaign}/{job}", chosen.mapping
        yield PlannedJob("forces", f"{at}/forces.h5", f"{at}/forces.log")
        yield PlannedJob("map", f"{at}/{mapping}.h5", f"{at}/map-{mapping}.log")


def _sampling(folder: str, campaign: str, jobs: Iterable[int]) -> Iterator[PlannedJob]:
    for job in jobs:
        at = f"{folder}/{campaign}/{job}"
        yield PlannedJob("sample", f"{at}/trajectory.h5", f"{at}/sample.log")
