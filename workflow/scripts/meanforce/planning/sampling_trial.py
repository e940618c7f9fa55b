"""A few seconds of a campaign's own dynamics on this machine: seconds of a step, and frames."""

import contextlib
import dataclasses
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from meanforce.errors import InputError, Stopped
from meanforce.jobs import stages
from meanforce.jobs.sample import SampleJob
from meanforce.mapping.complete_variable import complete
from meanforce.mapping.one_mapping import beads_of
from meanforce.paths import PreparedPaths
from meanforce.restart.bundle import read_bundle
from meanforce.restart.job import BUNDLE, Job
from meanforce.sampling.one_job import SampleInputs, sample
from meanforce.settings import inputs
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.config import Config
from meanforce.systems.prepared import Prepared
from meanforce.systems.registry import build
from meanforce.systems.topology import prepared_topology

SETTLING = 1.0
"""Longest of the phases before frames are stored in a trial, ps."""

FEWEST = 4
"""Fewest frames of a trial that models are tried on."""

PATIENCE = 10.0
"""Most time of a trial for frames alone, in that of the trial before: it ends with its last frame,
which takes longer only where the machine has become busier."""


@dataclasses.dataclass(frozen=True)
class SamplingTrial:
    """What a trial found.

    Attributes:
        seconds: wall time of a step of one copy.
        steps: of each copy.
        speed: ns/day of one job, of all copies.
        platform: that the trial chose.
        positions: of its frames, nm, shape (n_frames, n_atoms, 3).
    """

    seconds: float
    steps: int
    speed: float
    platform: str
    positions: np.ndarray


def prepared_folder(config: Config, system: str, folder: Path) -> Path:
    """Folder of the prepared system: that of the run, or else one made below `folder`.

    Raises:
        InputError: the system cannot be built.
    """
    there = Path(PreparedPaths(system).state_xml)
    if there.exists():
        return there.parent
    made = folder / system
    if not made.exists():
        job = stages.prepare_job(config, system)
        build(job.system, job.seed).write(made)
    return made


def try_sampling(
    config: Config, system: str, campaign: str, folder: Path, seconds: float, threads: int = 1
) -> SamplingTrial:
    """Run a campaign at the first state point, soon after its start, until the time is up.

    A box of water is not equilibrated before. A frozen bias from another campaign does not exist
    yet, so that the other campaign runs instead, which builds it. If the time was too short for a
    few frames, it runs once more, about as far, with frames that are closer to each other: these
    are for trials of models, and the speed remains that of the campaign as it is.

    Args:
        config: the whole config.
        system: its name.
        campaign: its name.
        folder: empty folder to work in.
        seconds: of wall time.
        threads: of the processor.

    Raises:
        InputError: it cannot be run, or does no step in this time.
    """
    campaigns = config.campaigns[system]
    name = campaigns[campaign].bias_source or campaign
    job = _shortened(stages.sample_job(config, system, next(iter(config.state_points)), name, 1))
    prepared = prepared_folder(config, system, folder.parent / "prepared")
    completed = completed_variables(config, system, job.collective_variables, prepared)
    job = job.with_variables(completed)
    beads = []
    for paths in inputs.biased_beads(config, system, name):
        path = folder / f"{paths.mapping}.json"
        beads_of(stages.beads_job(config, system, paths.mapping), prepared).write(path)
        beads.append(path)

    def run(chosen: SampleJob, name: str, longest: float) -> SamplingTrial:
        place = folder / name
        place.mkdir()
        files = SampleInputs(prepared, None, tuple(beads), None, place / "hills")
        with contextlib.suppress(Stopped):
            sample(chosen, files, threads, Job(place, {}, _TimeUp(longest)), lambda line: None)
        return _found(place, chosen, Prepared.read(prepared).system.getNumParticles())

    trial = run(job, "as_it_is", seconds)
    if len(trial.positions) >= FEWEST:
        return trial
    closer = run(_with_close_frames(job, trial.steps), "close_frames", PATIENCE * seconds)
    return dataclasses.replace(trial, positions=closer.positions)


def completed_variables(
    config: Config, system: str, names: Iterable[str], prepared: Path
) -> dict[str, CollectiveVariableSettings]:
    """Collective variables of whole structures with theirs, for `StageJob.with_variables`."""
    known, topology, found = config.variables_of(system), None, {}
    for name in names:
        variable = known[name]
        if variable.incomplete:
            topology = topology or prepared_topology(prepared / "topology.cif")
            mapped = beads_of(stages.beads_job(config, system, variable.mapping), prepared)
            beads = next(iter(mapped.beads.values()))
            where = f"collective_variables.{system}.{name}"
            found[variable.identity] = complete(variable, beads, topology, where)
    return found


@dataclasses.dataclass
class _TimeUp:
    """Why a trial stops; its clock starts when it is first asked, just before the first step."""

    seconds: float
    end: float | None = None

    def __call__(self) -> str | None:
        if self.end is None:
            self.end = time.monotonic() + self.seconds
        return "enough" if time.monotonic() > self.end else None


def _shortened(job: SampleJob) -> SampleJob:
    """The same without long phases whose frames are not stored."""
    # Models are tried on the positions of all atoms.
    return _with(job, _phases(job, SETTLING) | {"store": "all"}).model_copy(update={"job": 1})


def _with_close_frames(job: SampleJob, steps: int) -> SampleJob:
    """The same with twice the fewest frames in about as many steps, and then it ends."""
    step = job.campaign.time_step
    settling = max(1, steps // 4) * step
    stride = max(1, steps // (4 * FEWEST)) * step
    length = settling + 2 * FEWEST * stride
    return _with(job, _phases(job, settling) | {"stride": stride, "length": length})


def _phases(job: SampleJob, longest: float) -> dict[str, float]:
    """Times of the phases before frames are stored, ps, none longer than this."""
    campaign = job.campaign
    return {
        key: min(getattr(campaign, key), longest)
        for key in ("equilibration", "burn_in", "pull")
        if hasattr(campaign, key)
    }


def _with(job: SampleJob, changes: dict) -> SampleJob:
    return job.model_copy(update={"campaign": job.campaign.model_copy(update=changes)})


def _found(folder: Path, job: SampleJob, n_atoms: int) -> SamplingTrial:
    bundle = read_bundle(folder / BUNDLE)
    segment = bundle.info["segments"][-1]
    steps, copies = segment["last_tick"] - segment["first_tick"], job.campaign.copies(job.job)
    if not steps:
        raise InputError("no step was done in the time of the trial")
    each = segment["seconds"] / steps / copies
    speed = job.campaign.time_step / 1000.0 / each * 86400.0
    number = bundle.info["files"]["frames"][0]
    # Positions are the last field of a record, in single precision.
    records = np.fromfile(folder / "frames.raw", np.uint8)
    records = records.reshape(number, -1)[:, -12 * n_atoms :] if number else records[:0]
    positions = np.ascontiguousarray(records).view("f4").reshape(-1, n_atoms, 3)
    return SamplingTrial(each, steps, speed, segment["platform"], positions)
