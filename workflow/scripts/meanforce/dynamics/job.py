"""The stage `simulate`: a CG run that can be stopped and continued, to an H5MD file."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import torch

from meanforce.dynamics.choice import TORCH, engine_of
from meanforce.dynamics.course import Course
from meanforce.dynamics.engine import CgRun, Chains
from meanforce.dynamics.standing import Standing, restored, standing_of
from meanforce.dynamics.store import Store
from meanforce.potentials.card import ModelCard
from meanforce.restart.job import Job, or_temporary

JUDGED = 20_000
"""Frames that are compared with the training data, about."""


@dataclasses.dataclass(frozen=True)
class Speed:
    """How fast one process computed; an earlier one that was killed is not counted.

    Attributes:
        from_step, to_step: steps done before and after it, of all chains at once.
        wall_s: wall time, s.
        replicas: chains.
        device: where it computed.
        engine: what moved the beads.
    """

    from_step: int
    to_step: int
    wall_s: float
    replicas: int
    device: str
    engine: str = "torch"

    def write(self, path: Path) -> None:
        """One line of CSV under a header, with the rate in replica-steps/s."""
        rate = (self.to_step - self.from_step) * self.replicas / self.wall_s
        names = [field.name for field in dataclasses.fields(self)]
        values = [*dataclasses.astuple(self), f"{rate:.6g}"]
        path.write_text(
            ",".join([*names, "replica_steps_per_s"]) + "\n" + ",".join(map(str, values)) + "\n"
        )


@torch.no_grad()
def sample_to_file(
    run: CgRun,
    output: Path,
    report: Callable[[str], None],
    job: Job | None = None,
    card: ModelCard | None = None,
) -> Speed:
    """Run, or continue from the job's restart bundle, and write all frames.

    Args:
        run: what to run; its generator has the state of a new run.
        output: H5MD file to write.
        report: called with lines of progress.
        job: its restart bundle, or None for a run in one go.
        card: of the model, whose warnings are reported and stored in the file.

    Returns:
        the speed. The file itself has no wall-clock times, so that its bits are the same each time.

    Raises:
        InputError: too many chains broke, the bundle belongs to another job, the potential does not
            support the cell, or `starts` and settings do not fit.
        Stopped: the job was asked to stop.
    """
    with or_temporary(job) as job:
        bundle = job.load()
        ladders, n_beads = run.simulation.ladders, run.starts.n_beads
        at = bundle and bundle.info["frames"]
        store = Store(job.folder, ladders, n_beads, at, run.simulation.pressure is not None)
        # A restarted job keeps the engine of its earlier process.
        engine = engine_of(run, report, bundle and bundle.info.get("engine", TORCH))
        course = Course(run, engine, store, report)
        if bundle is None:
            chains = course.engine.start()
        else:
            chains = restored(course, Standing(bundle.arrays, bundle.info))
            report(f"going on at step {chains.step}")

        def save_if_due() -> None:
            if job.due():
                _save(run, course, chains, store, job)

        first = chains.step
        wall = course.to_end(chains, save_if_due)
        _save(run, course, chains, store, job)
        about = course.about(chains)
        if card is not None:
            about["warnings"] = _warnings(card, run, store, chains)
            for line in about["warnings"]:
                report(f"warning: {line}")
        store.finish(output, run.system.masses, about, run.starts.cell)
        store.close()
    return Speed(first, chains.step, wall, len(run.starts), engine.device, engine.name)


def _warnings(card: ModelCard, run: CgRun, store: Store, chains: Chains) -> list[str]:
    """What the model's card warns of; frames of broken chains do not count."""
    found = [card.temperature_warning(float(run.starts.temperature))]
    if card.domain is not None:
        whole = (chains.broken == 0).cpu().numpy()
        positions, boxes = store.some(JUDGED)
        positions = positions[:, whole].reshape(-1, *positions.shape[2:])
        cell = run.starts.cell if boxes is None else boxes[:, whole].reshape(-1, 3, 3)
        found.append(card.domain_warning(card.domain.outside(positions, cell)))
    return [line for line in found if line is not None]


def _save(run: CgRun, course: Course, chains: Chains, store: Store, job: Job) -> None:
    now = standing_of(course, chains)
    more = {"frames": store.position(), "device": run.potential.device.type}
    job.save(now.arrays, now.plain | more)
