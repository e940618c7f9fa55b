"""The stage `sample`: one job of a campaign, from files to files."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mdtraj
import numpy as np

from meanforce.errors import InputError
from meanforce.jobs.sample import SampleJob
from meanforce.mapping.beads_file import MappedSystem
from meanforce.mapping.solvent import solute_atoms
from meanforce.progress import Progress
from meanforce.restart.job import Job, digest
from meanforce.sampling.collective_variables import as_variable
from meanforce.sampling.engine import Engine
from meanforce.sampling.in_run_forces import check_whole_frames
from meanforce.sampling.registry import dynamics_of
from meanforce.sampling.task import Host, Task
from meanforce.systems.prepared import Prepared

MADE = ("log.csv", "segments.csv", "trajectory.h5")
"""Files that a job leaves in its folder; other jobs wait for the last one."""


@dataclasses.dataclass(frozen=True)
class SampleInputs:
    """What a job starts from.

    Attributes:
        prepared: folder made by the stage `prepare`.
        start: equilibrated state, or None: the prepared one.
        beads: files of the beads that the bias acts on.
        bias_of: trajectory whose final bias is used, frozen, or None.
        shared: folder in which jobs exchange their hills, or None.
    """

    prepared: Path
    start: Path | None = None
    beads: tuple[Path, ...] = ()
    bias_of: Path | None = None
    shared: Path | None = None

    def identity(self, job: SampleJob) -> dict[str, Any]:
        """What identifies the restart bundle of this job."""
        files = {name: self.prepared / name for name in ("system.xml", "state.xml")}
        files |= {"start": self.start, "bias_of": self.bias_of}
        files |= {name: Path(name) for name in job.campaign.model_files}
        return {
            "settings": job.plain(),
            "inputs": {name: digest(path) for name, path in files.items() if path is not None},
            "beads": self.bead_digests(),
        }

    def bead_digests(self) -> dict[str, str]:
        """Fingerprint of each file of beads, by mapping."""
        return {mapped.mapping: digest(path) for path, mapped in self.mapped.items()}

    @functools.cached_property
    def mapped(self) -> dict[Path, MappedSystem]:
        """Contents of each file of beads.

        Raises:
            InputError: a file is missing or damaged.
        """
        return {path: MappedSystem.read(path) for path in self.beads}


def sample(
    job: SampleJob, inputs: SampleInputs, threads: int, work: Job, report: Callable[[str], None]
) -> None:
    """Sample into the work folder, and continue from the restart bundle there.

    Args:
        job: what to do.
        inputs: what it starts from.
        threads: processor threads that it may use.
        work: folder for the files `MADE`.
        report: called with lines of progress.

    Raises:
        InputError: something does not fit, or the run exploded.
        Stopped: it was asked to stop.
    """
    bundle = work.load()
    prepared = Prepared.read(inputs.prepared, inputs.start)
    for path, mapped in inputs.mapped.items():
        mapped.check_atoms(prepared.system.getNumParticles(), path)
    task = task_of(job, inputs)
    platform = bundle.info["platform"] if bundle else None
    with Progress(report).during("choosing a platform"):
        dynamics = dynamics_of(task, Host(prepared, threads, platform))
    atoms = None
    if task.campaign.store == "solute":
        atoms = np.array(solute_atoms(mdtraj.Topology.from_openmm(prepared.topology)))
    engine = Engine(
        dynamics, task.campaign, task.temperature, prepared.topology, work, report, atoms
    )
    log, segments, trajectory = (work.folder / name for name in MADE)
    engine.run(bundle, trajectory, log, segments)
    if atoms is not None:
        # The system above has the bias in it.
        check_whole_frames(Prepared.read(inputs.prepared), trajectory, threads, report)


def task_of(job: SampleJob, inputs: SampleInputs) -> Task:
    """The job in the terms of the engine.

    Raises:
        InputError: beads that a biased variable depends on are missing.
    """
    # The positions of beads do not depend on the kind of masses.
    beads = {mapped.mapping: mapped.beads["sum"] for mapped in inputs.mapped.values()}
    # JSON objects are sorted by name; the campaign has the right order.
    declared = {name: job.collective_variables[name] for name in job.campaign.biased_variables}
    for variable in declared.values():
        if variable.mapping not in beads:
            raise InputError(f"--beads: those of mapping '{variable.mapping}' are missing")
    own = job.campaign.biased_mapping
    if own is not None and own not in beads:
        raise InputError(f"--beads: those of mapping '{own}' are missing")
    same = {"beads": inputs.bead_digests(), "temperature": job.temperature}
    plain = job.plain()
    return Task(
        campaign=job.campaign,
        variables={
            name: as_variable(variable, beads[variable.mapping], f"collective_variables.{name}")
            for name, variable in declared.items()
        },
        temperature=job.temperature,
        seed=job.seed,
        job=job.job,
        bias_of=inputs.bias_of,
        beads=None if own is None else beads[own],
        shared=inputs.shared,
        identity=same | {key: plain[key] for key in ("campaign", "collective_variables")},
    )
