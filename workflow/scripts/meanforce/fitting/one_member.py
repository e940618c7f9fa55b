"""The stage `train`: one member of an experiment's ensemble, from datasets to a model."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from meanforce.data.h5md import H5mdReader, contents
from meanforce.fitting.frames import FrameChoice, read_frames
from meanforce.fitting.registry import KINDS, Method, fit
from meanforce.fitting.resampling import Split
from meanforce.fitting.result import Fit
from meanforce.fitting.target_tables import TargetTables
from meanforce.fitting.weights import summary
from meanforce.jobs.train import TrainJob
from meanforce.potentials.card import training_facts
from meanforce.potentials.files import save
from meanforce.progress import Progress
from meanforce.restart.job import Job, digest, resumable, work_folder


@dataclasses.dataclass(frozen=True)
class Member:
    """A trained member.

    Attributes:
        fit: the potential, its training curve, and how the fit went.
        about: plain values on what it was made from.
    """

    fit: Fit
    about: dict[str, Any]

    def write(self, folder: Path) -> None:
        """Write `model.safetensors`, the `model.json` beside it, and `curve.csv`."""
        save(self.fit.potential, folder / "model.safetensors", self.fit.about | self.about)
        self.fit.curve.to_csv(folder / "curve.csv", index=False)


def train_member(
    job: TrainJob,
    datasets: list[Path],
    work: Job,
    report: Callable[[str], None],
    methods: Mapping[str, Method] = KINDS,
) -> Member:
    """Fit one member to its share of the data.

    Args:
        job: what to do.
        datasets: H5MD files, campaign after campaign, at one state point after another.
        work: folder of the job; a long fit continues from the restart bundle there.
        report: called with lines of progress.
        methods: of fitting, by kind.

    Raises:
        InputError: the data do not fit together, or are too few.
        Stopped: it was asked to stop.
    """
    potential = job.potential
    with Progress(report).during("reading data"):
        choice = FrameChoice(
            stride=potential.frame_stride,
            weights=job.weights,
            windows=job.windows,
            datasets_per_replica=job.datasets_per_replica,
            # A potential that does not depend on temperature is that of its state points.
            all_temperatures=potential.depends_on_temperature
            and not potential.fitting.needs_distribution,
            of_distribution=potential.fitting.needs_distribution and not job.targets,
            only_starts=bool(job.targets),
        )
        frames = read_frames(datasets, job.folds, choice, work.folder)
        targets = [TargetTables.read(one.tables, one.temperature) for one in job.targets]
        frames = dataclasses.replace(frames, targets=tuple(targets))
    effective = frames.effective_sample_size
    if frames.weights is not None:
        report(summary(effective, len(frames)))
    report("targets are tables; frames are only starts" if targets else frames.cut.text())
    with Progress(report).during("looking at the ranges of the data"):
        cells = None if frames.cells is None else frames.cells.numpy()
        facts = training_facts(
            frames.molecule, frames.positions.numpy(), cells, frames.temperatures.numpy()
        )
        if targets:
            # Starts are no training data, and need not be within them.
            facts["domain"] = None
    split = Split.of(job.resampling, job.folds, job.member)
    parts, left_out = split.frames(frames)
    given = potential, parts, job.collective_variables, left_out, job.seed
    result = fit(*given, report, work, methods)
    used = {"frames": len(frames), "effective_sample_size": effective}
    used["sampled_time"] = _sampled(datasets, job.windows)
    made_from = {"settings": job.plain(), "datasets": contents(datasets)}
    return Member(result, facts | used | frames.cut.about() | split.about() | made_from)


def _sampled(datasets: list[Path], windows: list[tuple[float, float]] | None) -> float:
    """Atomistic time in ps that the used frames span, of all copies of the system."""
    total = 0.0
    for number, path in enumerate(datasets):
        with H5mdReader(path) as reader:
            times, copies = reader.times(), reader.observable("chain")
        if windows is not None:
            begin, end = windows[number]
            inside = (times >= begin) & (times < end)
            times, copies = times[inside], copies[inside]
        if len(times):
            total += float(np.ptp(times)) * len(np.unique(copies))
    return total


@contextlib.contextmanager
def work_on(
    job: TrainJob,
    datasets: list[Path],
    model: Path,
    time_limit: float | None = None,
    interval: float | None = None,
) -> Iterator[Job]:
    """Folder of a training job.

    Training of a network can be continued; a linear fit is short and simply starts anew.

    Args:
        job: what to do.
        datasets: H5MD files.
        model: file to make; the folder lies beside it.
        time_limit: the job's run-time limit in minutes.
        interval: seconds between restart bundles; None: the default.

    Raises:
        InputError: another process works there, or a dataset is missing.
    """
    identity = {"settings": job.plain(), "datasets": contents(datasets)}
    if job.targets:
        identity["targets"] = {str(path): digest(path) for path in job.target_files}
    if job.potential.resumable:
        with resumable(model, identity, time_limit, interval) as work:
            yield work
    else:
        with work_folder(model) as folder:
            yield Job(folder, identity)
