"""The stage `sample`: one job of a campaign, from files to files."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from meanforce.jobs.sample import SampleJob
from meanforce.mapping.configuration import Beads, build_beads
from meanforce.progress import Progress
from meanforce.restart.job import Job, digest
from meanforce.sampling.collective_variables import as_variable
from meanforce.sampling.engine import Engine
from meanforce.sampling.registry import dynamics_of
from meanforce.sampling.task import Host, Task
from meanforce.systems.atoms import atoms_of
from meanforce.systems.prepared import Prepared
from meanforce.systems.topology import prepared_topology

MADE = ("log.csv", "segments.csv", "trajectory.h5")
"""Files that a job leaves in its folder, the last one being what others wait for."""


@dataclasses.dataclass(frozen=True)
class SampleInputs:
    """What a job starts from.

    Attributes:
        prepared: folder made by the stage `prepare`.
        start: equilibrated state, or None: the prepared one.
        bias_of: trajectory whose final bias is used, frozen, or None.
        shared: folder in which jobs exchange their hills, or None.
    """

    prepared: Path
    start: Path | None = None
    bias_of: Path | None = None
    shared: Path | None = None

    def identity(self, job: SampleJob) -> dict[str, Any]:
        """By what a restart bundle is told from those of other jobs."""
        files = {name: self.prepared / name for name in ("system.xml", "state.xml")}
        files |= {"start": self.start, "bias_of": self.bias_of}
        return {
            "settings": job.plain(),
            "inputs": {name: digest(path) for name, path in files.items() if path is not None},
        }


def sample(
    job: SampleJob, inputs: SampleInputs, threads: int, work: Job, report: Callable[[str], None]
) -> None:
    """Sample into the folder of the work; it goes on from the restart bundle there.

    Args:
        job: what to do.
        inputs: what it starts from.
        threads: processor threads that it may use.
        work: folder, in which the files `MADE` will be.
        report: called with lines of progress.

    Raises:
        InputError: something does not fit, or the run exploded.
        Stopped: it was asked to stop.
    """
    bundle = work.load()
    prepared = Prepared.read(inputs.prepared, inputs.start)
    topology = prepared_topology(inputs.prepared / "topology.cif")
    beads = {
        name: build_beads(mapping, topology, f"mappings.{name}", atoms_of(prepared))
        for name, mapping in job.mappings.items()
    }
    task = task_of(job, beads, inputs)
    platform = bundle.info["platform"] if bundle else None
    with Progress(report).during("choosing a platform"):
        dynamics = dynamics_of(task, Host(prepared, threads, platform))
    engine = Engine(dynamics, task.campaign, task.temperature, prepared.topology, work, report)
    log, segments, trajectory = (work.folder / name for name in MADE)
    engine.run(bundle, trajectory, log, segments)


def task_of(job: SampleJob, beads: Mapping[str, Beads], inputs: SampleInputs) -> Task:
    """The job in the terms of the engine.

    Args:
        job: what to do.
        beads: of the mappings that the biased variables are functions of.
        inputs: what it starts from.
    """
    declared, plain = job.collective_variables, job.plain()
    shared = ("campaign", "collective_variables", "mappings", "temperature")
    return Task(
        campaign=job.campaign,
        # JSON objects are sorted; the campaign has the order.
        variables={
            name: as_variable(
                declared[name], beads[declared[name].mapping], f"collective_variables.{name}"
            )
            for name in job.campaign.biased_variables
        },
        temperature=job.temperature,
        seed=job.seed,
        job=job.job,
        bias_of=inputs.bias_of,
        shared=inputs.shared,
        identity={key: plain[key] for key in shared},
    )
