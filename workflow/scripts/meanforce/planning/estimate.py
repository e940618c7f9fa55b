"""How long a run takes on this machine, from short timings of its steps."""

import dataclasses
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from meanforce.core.beads import Beads
from meanforce.errors import InputError
from meanforce.jobs import stages
from meanforce.jobs.base import StageJob
from meanforce.mapping.one_mapping import beads_of
from meanforce.planning.amounts import Amount, Cost, Key, alike
from meanforce.planning.data_trial import DataTrial
from meanforce.planning.model_trial import TrialFrames, mapped, try_dynamics, try_training
from meanforce.planning.sampling_trial import (
    FEWEST,
    SamplingTrial,
    completed_variables,
    prepared_folder,
    try_sampling,
)
from meanforce.potentials.interface import Potential
from meanforce.potentials.whole import is_one
from meanforce.settings import inputs
from meanforce.settings.config import Config
from meanforce.settings.experiments import ExperimentSettings
from meanforce.settings.potentials.registry import Potential as PotentialSettings
from meanforce.systems.described import Described
from meanforce.systems.prepared import Prepared

TRIAL = 10.0
"""Seconds of atomistic dynamics of a trial."""

SomeJob = TypeVar("SomeJob", bound=StageJob)


@dataclasses.dataclass(frozen=True)
class Speeds:
    """What was timed.

    Attributes:
        costs: of a job by key, see `Amount`.
        start: seconds that a job of each stage takes before it computes.
        found: sentences on each timing, and on what could not be timed.
    """

    costs: Mapping[Key, Cost]
    start: Mapping[str, float]
    found: tuple[str, ...]


def speeds_of(
    config: Config,
    work: Sequence[Amount],
    programs: Path,
    cores: int,
    report: Callable[[str], None],
) -> Speeds:
    """Time the steps of all jobs that are to do, in a temporary folder.

    Args:
        config: the whole config.
        work: all jobs.
        programs: folder of the programs of the stages.
        cores: of the run; no job has more threads.
        report: called with lines of progress.
    """
    costs: dict[Key, Cost] = {}
    found: list[str] = []
    left = [one for one in work if not one.done and one.key]
    with tempfile.TemporaryDirectory(prefix="meanforce-plan-") as folder:
        trials = _Trials(config, Path(folder), cores)
        for key, one in {one.key: one for one in left}.items():
            report(f"timing {' '.join(key)}")
            try:
                costs[key], sentence = trials.of(key, one)
            except InputError as error:
                sentence = f"not timed, since {error}"
            found.append(f"{' '.join(key)}: {sentence}")
    report("timing the start of each program")
    stages_left = {one.job.stage for one in work if not one.done}
    start = {stage: _start(programs, stage) for stage in stages_left}
    return Speeds(costs, start, tuple(found))


class _Trials:
    """Trials that use each other's frames and models."""

    def __init__(self, config: Config, folder: Path, cores: int) -> None:
        self._config, self._folder, self._cores = config, folder, cores
        self._sampled: dict[tuple[str, str, int], SamplingTrial | InputError] = {}
        self._trained: dict[Key, tuple[Cost, Potential]] = {}

    def of(self, key: Key, amount: Amount) -> tuple[Cost, str]:
        """Seconds of a job, and a sentence on them."""
        place = amount.job.place
        if key[0] == "sample":
            trial = self._sample(key[1], key[2], amount.threads)
            said = f"{_rounded(trial.speed)} ns/day on the platform {trial.platform}"
            return Cost(trial.seconds), said
        if key[0] == "map":
            cost = self._data(self._mapped(place.system, place.campaign, place.mapping)).mapping()
            return cost, f"{_ms(cost)} for the checks of a frame"
        experiment = self._config.experiments[place.experiment]
        cost, potential = self._train(experiment)
        if key[0] == "train":
            return cost, f"{_ms(cost)} for an optimisation step"
        if key[0] == "fit":
            return cost, f"{cost.fixed:.2f} s, and {_ms(cost)} for a frame"
        if key[0] == "validate":
            cost = self._validate(place.experiment, potential)
            return cost, f"{cost.fixed:.2f} s, and {_ms(cost)} for a frame"
        simulation = self._config.simulations[experiment.simulation]
        job = stages.simulate_job(self._config, place.experiment, experiment.train[0])
        job = self._completed(job, experiment.system)
        each = try_dynamics(
            potential,
            simulation,
            job.collective_variables,
            tuple(job.surface),
            self._frames(experiment),
        )
        cost = Cost(each * self._members(experiment))
        return cost, f"{_ms(cost)} for a step of {simulation.chains} chains"

    def _validate(self, name: str, potential: Potential) -> Cost:
        """At the first training state point, with the baseline; others take less."""
        experiment = self._config.experiments[name]
        state = experiment.train[0]
        job = self._completed(stages.validate_job(self._config, name, state), experiment.system)
        tables = [Path(file) for file in inputs.reference_tables(self._config, name, state)]
        chains = self._config.simulations[experiment.simulation].ladders
        data = self._data(self._frames(experiment))
        return data.validation(job, potential, self._members(experiment), chains, tables)

    def _data(self, frames: TrialFrames) -> DataTrial:
        folder = self._folder / "data"
        folder.mkdir(exist_ok=True)
        return DataTrial(frames, folder)

    def _completed(self, job: SomeJob, system: str) -> SomeJob:
        """A job with the collective variables of whole structures that it has."""
        names, prepared = job.collective_variables, self._prepared(system)
        return job.with_variables(completed_variables(self._config, system, names, prepared))

    def _members(self, experiment: ExperimentSettings) -> int:
        """Networks that are evaluated; other potentials are made into one."""
        return experiment.ensemble if hasattr(self._potential(experiment), "training") else 1

    def _potential(self, experiment: ExperimentSettings) -> PotentialSettings:
        return self._config.potentials[experiment.potential]

    def _sample(self, system: str, campaign: str, threads: int) -> SamplingTrial:
        """A trial of a campaign; one that failed before fails again without being repeated."""
        known = system, campaign, min(threads, self._cores)
        if known not in self._sampled:
            folder = self._folder / "-".join(map(str, known))
            folder.mkdir()
            try:
                self._sampled[known] = try_sampling(
                    self._config, system, campaign, folder, TRIAL, known[-1]
                )
            except InputError as error:
                self._sampled[known] = error
        found = self._sampled[known]
        if isinstance(found, InputError):
            raise found
        return found

    def _frames(self, experiment: ExperimentSettings) -> TrialFrames:
        """Frames of an experiment's mapping at the temperatures that it is trained at."""
        campaigns = self._config.campaigns[experiment.system]
        sampled = (name for name in experiment.campaigns if not campaigns[name].imported)
        campaign = next(sampled, None)
        if campaign is None:
            raise InputError("its training data come from files")
        frames = self._mapped(experiment.system, campaign, experiment.mapping)
        states = (self._config.state_points[name] for name in experiment.train)
        return dataclasses.replace(frames, temperatures=tuple(one.temperature for one in states))

    def _mapped(self, system: str, campaign: str, mapping: str) -> TrialFrames:
        """Frames of a campaign on the beads of a mapping."""
        like = alike(self._config, system, campaign)[0]
        trial = self._sample(system, like, self._config.campaigns[system][like].threads)
        if len(trial.positions) < FEWEST:
            raise InputError("the trial of its atomistic dynamics stored too few frames")
        beads = self._beads(system, mapping)
        first = next(iter(self._config.state_points.values())).temperature
        cell = None if is_one(beads.topology) else self._box(system)
        return TrialFrames(beads, mapped(beads, trial.positions), (first,), cell)

    def _box(self, system: str) -> np.ndarray | None:
        prepared = Prepared.read(self._prepared(system))
        return Described.of(prepared).box

    def _prepared(self, system: str) -> Path:
        return prepared_folder(self._config, system, self._folder / "prepared")

    def _beads(self, system: str, mapping: str) -> Beads:
        job = stages.beads_job(self._config, system, mapping)
        return beads_of(job, self._prepared(system)).beads[
            self._config.mappings[system][mapping].masses
        ]

    def _train(self, experiment: ExperimentSettings) -> tuple[Cost, Potential]:
        key = (experiment.system, experiment.mapping, experiment.potential)
        if key not in self._trained:
            settings = self._potential(experiment)
            known = self._config.variables_of(experiment.system)
            variables = {name: known[name] for name in settings.variables}
            self._trained[key] = try_training(settings, variables, self._frames(experiment))
        return self._trained[key]


def _ms(cost: Cost) -> str:
    return f"{_rounded(1000 * cost.each)} ms"


def _rounded(value: float) -> str:
    """Three significant figures without an exponent."""
    return f"{float(f'{value:.3g}'):,.12g}"


def _start(programs: Path, stage: str) -> float:
    """Seconds that the program of a stage takes until it has read its arguments."""
    program = programs / f"{stage.removesuffix('_and_forces')}.py"
    started = time.perf_counter()
    command = [sys.executable, str(program), "--help"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


@dataclasses.dataclass(frozen=True)
class Estimate:
    """Seconds of the jobs to do.

    Attributes:
        stages: seconds of each stage, of all its jobs one after the other, at least and at most.
        least: wall time on the cores, if every CG run converges at its first test.
        most: if none does before its end.
        missing: stages with jobs whose steps could not be timed.
        short: stages with jobs of which only the start counts.
    """

    stages: Mapping[str, tuple[float, float]]
    least: float
    most: float
    missing: tuple[str, ...] = ()
    short: tuple[str, ...] = ()


def estimate(work: Sequence[Amount], speeds: Speeds, cores: int) -> Estimate:
    """Seconds of a run.

    The wall time is that of all jobs over the number that run at a time, or that of the longest
    jobs of each stage one after the other, whichever is longer. A job takes a core for each of its
    threads, so that 4 cores run 4 jobs of one thread, or one of 3 threads.
    """
    totals: dict[str, list[float]] = {}
    longest: dict[str, list[float]] = {}
    shared = [0.0, 0.0]
    for one in work:
        if one.done:
            continue
        cost = speeds.costs.get(one.key, Cost(0.0))
        times = [speeds.start[one.job.stage] + cost.of(steps) for steps in (one.steps, one.most)]
        stage = one.job.stage
        totals[stage] = [a + b for a, b in zip(totals.get(stage, (0, 0)), times, strict=True)]
        longest[stage] = [max(a, b) for a, b in zip(longest.get(stage, (0, 0)), times, strict=True)]
        at_once = cores // min(one.threads, cores)
        shared = [a + b / at_once for a, b in zip(shared, times, strict=True)]
    walls = [max(shared[k], sum(t[k] for t in longest.values())) for k in (0, 1)]
    uncounted = [one for one in work if not one.done and one.key not in speeds.costs]
    missing = dict.fromkeys(one.job.stage for one in uncounted if one.most)
    short = dict.fromkeys(one.job.stage for one in uncounted if not one.most)
    each = {stage: tuple(times) for stage, times in totals.items()}
    return Estimate(each, *walls, missing=tuple(missing), short=tuple(short))
