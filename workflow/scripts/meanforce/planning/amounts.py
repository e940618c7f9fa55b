"""What each job of a run computes and stores, from the config alone."""

import dataclasses
import math
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType

from meanforce.dynamics.schedule import Schedule as CgSchedule
from meanforce.jobs import stages
from meanforce.paths import ReplicaPaths
from meanforce.restart.overview import DONE, standing
from meanforce.sampling.schedule import Schedule
from meanforce.settings import inputs
from meanforce.settings.campaigns.protocol import ProtocolSettings
from meanforce.settings.config import Config
from meanforce.settings.plan import PlannedJob, planned_jobs

VECTOR = 12
"""Bytes of a position or a force in single precision."""

Key = tuple[str, ...]
"""What jobs of the same speed have in common: a kind of work and names of the config."""


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Numbers of atoms of systems and of beads of mappings.

    Attributes:
        atoms: by system.
        solute: atoms that are neither water nor ions, by system.
        beads: by system and mapping.
    """

    atoms: Mapping[str, int]
    solute: Mapping[str, int]
    beads: Mapping[tuple[str, str], int]


@dataclasses.dataclass(frozen=True)
class Cost:
    """Seconds of a job.

    Attributes:
        each: of a step.
        fixed: of all that does not depend on the number of steps, besides the program's start.
    """

    each: float
    fixed: float = 0.0

    def of(self, steps: float) -> float:
        """Seconds of a job of some steps."""
        return self.fixed + self.each * steps


@dataclasses.dataclass(frozen=True)
class Amount:
    """The work of one job.

    Attributes:
        job: the job.
        done: whether its result exists, and need not be made anew.
        key: of its speed; empty where the work is not counted.
        steps: steps that it takes at least, in the unit that is timed for its key.
        most: steps that it takes at most; a CG run may end earlier.
        atomistic: sampled time of all copies, equilibration included, ps.
        stored: bytes that it writes.
        threads: processor threads that it has by the config.
    """

    job: PlannedJob
    done: bool
    key: Key = ()
    steps: float = 0.0
    most: float = 0.0
    atomistic: float = 0.0
    stored: float = 0.0
    threads: int = 1


def amounts(
    config: Config,
    sizes: Sizes,
    to_make: Collection[str] | None = None,
    new_share: Mapping[str, float] = MappingProxyType({}),
) -> list[Amount]:
    """The work of all jobs of a run, stage after stage.

    Args:
        config: the whole config.
        sizes: of its systems.
        to_make: files that the run makes or makes anew; if None, those that do not exist.
        new_share: of the steps of jobs that continue a shorter run, by their output.
    """
    found = []
    for job in planned_jobs(config):
        if to_make is None:
            done = standing(Path(job.output), Path(job.log)).state == DONE
        else:
            done = not any(path in to_make for path in job.outputs)
        one = Amount(job, done)
        made, share = COUNTED.get(job.stage), new_share.get(job.output, 1.0)
        one = one if made is None else made(config, sizes, one)
        found.append(
            dataclasses.replace(
                one,
                steps=share * one.steps,
                most=share * one.most,
                atomistic=share * one.atomistic,
            )
        )
    return found


def _sample(config: Config, sizes: Sizes, amount: Amount) -> Amount:
    place = amount.job.place
    job = stages.sample_job(config, place.system, place.state, place.campaign, place.replica)
    schedule, copies = Schedule.of(job.campaign), job.campaign.copies(job.job)
    steps, each = schedule.end * copies, sizes.atoms[place.system] * VECTOR
    threads = config.campaigns[place.system][place.campaign].threads
    if not job.campaign.recomputes_forces:
        # Forces of a stored frame take about as long as a step.
        steps, each = steps + schedule.frames * copies, 2 * sizes.solute[place.system] * VECTOR
    return dataclasses.replace(
        amount,
        key=_dynamics(config, place.system, place.campaign, threads),
        threads=threads,
        steps=steps,
        most=steps,
        atomistic=schedule.end * copies * job.campaign.time_step,
        stored=schedule.frames * copies * each,
    )


def _equilibrate(config: Config, sizes: Sizes, amount: Amount) -> Amount:
    place = amount.job.place
    settings = config.systems[place.system].equilibration
    steps = settings.time / settings.time_step
    campaign, threads = _sampled_campaign(config, place.system), settings.threads
    return dataclasses.replace(
        amount,
        key=_dynamics(config, place.system, campaign, threads),
        threads=threads,
        steps=steps,
        most=steps,
        atomistic=settings.time,
    )


def _dynamics(config: Config, system: str, campaign: str, threads: int = 1) -> Key:
    """Key of a campaign's steps; empty where its frames come from files."""
    if config.campaigns[system][campaign].imported:
        return ()
    with_threads = f"{threads} thread{'s' * (threads > 1)}"
    return ("sample", system, alike(config, system, campaign)[0], with_threads)


def alike(config: Config, system: str, campaign: str) -> list[str]:
    """Sampled campaigns whose steps take as long as those of a campaign, itself among them."""
    campaigns = {name: one for name, one in config.campaigns[system].items() if not one.imported}

    def dynamics(one: ProtocolSettings) -> tuple:
        return (one.kind, tuple(one.biased_variables), one.copies(1), one.time_step, one.platform)

    wanted = dynamics(campaigns[campaign])
    return [name for name, one in campaigns.items() if dynamics(one) == wanted]


def _sampled_campaign(config: Config, system: str) -> str:
    """A campaign whose steps are timed."""
    named = config.campaigns[system]
    return next((name for name, campaign in named.items() if not campaign.imported), "")


def _forces(config: Config, sizes: Sizes, amount: Amount) -> Amount:
    place = amount.job.place
    frames = frames_of(config, place)
    return dataclasses.replace(
        amount,
        # Forces of a frame take about as long as a step.
        key=_dynamics(config, place.system, place.campaign),
        steps=frames,
        most=frames,
        stored=frames * sizes.atoms[place.system] * VECTOR,
    )


def _map(config: Config, sizes: Sizes, amount: Amount) -> Amount:
    place = amount.job.place
    beads, frames = sizes.beads[place.system, place.mapping], frames_of(config, place)
    # Files of the user have a number of frames that is not in the config.
    key = ("map", place.system, place.mapping) if frames else ()
    return dataclasses.replace(
        amount, key=key, steps=frames, most=frames, stored=frames * beads * 2 * VECTOR
    )


def _train(config: Config, sizes: Sizes, amount: Amount) -> Amount:
    place = amount.job.place
    chosen = config.experiments[place.experiment]
    settings = config.potentials[chosen.potential]
    key = (chosen.system, chosen.mapping, chosen.potential)
    if hasattr(settings, "training"):
        steps = training_steps(config, place.experiment, place.member)
        return dataclasses.replace(amount, key=("train", *key), steps=steps, most=steps)
    if settings.fitting.makes_runs:
        return amount
    frames = _frames_of_member(config, place.experiment, place.member)
    return dataclasses.replace(amount, key=("fit", *key), steps=frames, most=frames)


def training_steps(config: Config, experiment: str, member: int) -> float:
    """Optimisation steps of a member of an ensemble of networks, of all its trainings."""
    settings = config.potentials[config.experiments[experiment].potential].training
    used = _frames_of_member(config, experiment, member)
    batches = max(1, math.floor(used / min(settings.batch_size, max(1.0, used))))
    epochs = settings.epochs
    if settings.steps is not None:
        epochs = min(epochs, math.ceil(settings.steps / batches))
    return epochs * batches * settings.trainings


def _frames_of_member(config: Config, experiment: str, member: int) -> float:
    """Frames that a member of an ensemble is fitted to."""
    job = stages.train_job(config, experiment, member)
    share = 0.5 if job.resampling == "half_samples" else 1.0 - 1.0 / job.folds
    return _training_frames(config, experiment) / job.potential.frame_stride * share


def _training_frames(config: Config, experiment: str, state: str | None = None) -> float:
    """Frames that an experiment is trained on, at all or one of its state points."""
    places = inputs.training_data(config, experiment)
    windows = stages.train_job(config, experiment, 0).windows or [None] * len(places)
    return sum(
        frames_of(config, place, window)
        for place, window in zip(places, windows, strict=True)
        if state in (None, place.state)
    )


def _simulate(config: Config, sizes: Sizes, amount: Amount) -> Amount:
    place = amount.job.place
    chosen = config.experiments[place.experiment]
    simulation = config.simulations[chosen.simulation]
    schedule = CgSchedule.of(simulation)
    beads = sizes.beads[chosen.system, chosen.mapping]
    return dataclasses.replace(
        amount,
        key=("simulate", chosen.system, chosen.mapping, chosen.potential, chosen.simulation,
             str(chosen.ensemble)),
        steps=schedule.before_frames + schedule.frames * schedule.per_frame,
        most=schedule.end,
        stored=simulation.ladders * schedule.frames * beads * VECTOR,
    )  # fmt: skip


def _validate(config: Config, sizes: Sizes, amount: Amount) -> Amount:
    """Frames of the CG run, of the reference, and of the training data, which are the baseline."""
    place = amount.job.place
    chosen = config.experiments[place.experiment]
    simulation = config.simulations[chosen.simulation]
    schedule = CgSchedule.of(simulation)
    data = _training_frames(config, place.experiment, place.state) + sum(
        frames_of(config, one)
        for one in inputs.reference_data(config, place.experiment, [place.state])
    )
    longest = (schedule.end - schedule.before_frames) / schedule.per_frame
    return dataclasses.replace(
        amount,
        key=("validate", chosen.system, chosen.mapping, chosen.potential, str(chosen.ensemble)),
        steps=data + simulation.ladders * schedule.frames,
        most=data + simulation.ladders * longest,
    )


def frames_of(
    config: Config, place: ReplicaPaths, window: tuple[float, float] | None = None
) -> float:
    """Frames of a dataset, in a window of time; none are counted of files of the user."""
    campaign = config.campaigns[place.system][place.campaign]
    if campaign.imported:
        return 0.0
    job = stages.sample_job(config, place.system, place.state, place.campaign, place.replica)
    schedule, protocol = Schedule.of(job.campaign), job.campaign
    whole = schedule.frames * protocol.copies(job.job)
    if window is None:
        return whole
    begin, end = max(window[0], protocol.filling), min(window[1], protocol.length)
    return whole * max(0.0, end - begin) / (protocol.length - protocol.filling)


COUNTED = {
    "sample": _sample,
    "equilibrate": _equilibrate,
    "forces": _forces,
    "map": _map,
    "train": _train,
    "simulate": _simulate,
    "validate": _validate,
}
"""How the work of a stage is counted; that of others is short, or not in the config."""
