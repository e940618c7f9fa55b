"""The choice of the weight decay on held-out time blocks.

Few noisy frames need a strong decay, many frames a weak one, and both mistakes cost free energies.
Three whole trainings are made, and the one with the lowest loss of the held-out frames is kept. All
of them see the same frames in the same order from the same initial weights, so that most of the
noise of their losses is common to all, and the model is the one that the chosen decay gives by
hand. Shorter trainings cannot choose: they stop before a network fits the noise of few frames, and
prefer decays that are too weak for the whole training.

In AdamW, a step with the learning rate η and the decay λ shrinks weights by 1 − ηλ; Loshchilov,
Hutter, arXiv:1711.05101 (2019). Weights therefore remember 1/(ηλ) steps. What is tried is this
memory in passes over the data, τ = 1/(ηλB) with B steps in a pass and the peak η of the schedule,
whose best value hardly depends on the amount of data; Wang, Aitchison, arXiv:2405.13698 (2024).
"""

import dataclasses
from typing import Any, Self

import numpy as np
import torch

from meanforce.fitting.batches import Batches
from meanforce.fitting.training_run import Place, Task, TrainingRun, epochs_of
from meanforce.fitting.training_state import Row
from meanforce.progress import Progress
from meanforce.restart.bundle import Bundle
from meanforce.restart.job import Job
from meanforce.settings.potentials.network import OF_DECAYS

FIRST = (45.0, 15.0)
"""Memories in passes over the data that are always tried."""

WEAKER, STRONGER = 150.0, 5.0
"""The third one, beyond the better one of these."""

TRIALS, CHOSEN = "trials", "chosen"
"""Names in a restart bundle: trainings before its own, and the weights of the best of them."""


@dataclasses.dataclass(frozen=True)
class Trial:
    """A training with one weight decay.

    Attributes:
        weight_decay: λ.
        memory: of the weights, passes over the data.
        loss: of the held-out frames in the best epoch, as the best epoch is chosen: with torques
            and the weights of beads, if there are any, (kJ/mol/nm)².
        best_epoch: from 1.
        rows: of the training curve.
    """

    weight_decay: float
    memory: float
    loss: float
    best_epoch: int
    rows: tuple[Row, ...]

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Self:
        """From plain values."""
        return cls(**plain | {"rows": tuple(tuple(row) for row in plain["rows"])})


@dataclasses.dataclass(frozen=True)
class Trials:
    """Trainings that are finished.

    Attributes:
        done: in order.
        weights: of the best one in its best epoch.
    """

    done: tuple[Trial, ...] = ()
    weights: tuple[torch.Tensor, ...] = ()

    @classmethod
    def of(cls, bundle: Bundle | None) -> Self:
        """Those before the training that a bundle belongs to."""
        if bundle is None:
            return cls()
        done = tuple(Trial.of(plain) for plain in bundle.info[TRIALS])
        number = sum(name.startswith(f"{CHOSEN}/") for name in bundle.arrays)
        names = (f"{CHOSEN}/{i}" for i in range(number))
        return cls(done, tuple(torch.from_numpy(bundle.arrays[name]).clone() for name in names))

    @property
    def best(self) -> Trial:
        """That with the lowest loss; the first of equals."""
        return min(self.done, key=lambda trial: trial.loss)

    def following(self) -> float | None:
        """The next memory to try; None: all are done."""
        if len(self.done) < len(FIRST):
            return FIRST[len(self.done)]
        if len(self.done) < OF_DECAYS:
            return STRONGER if self.best.memory == min(FIRST) else WEAKER
        return None

    def after(self, trial: Trial, weights: list[torch.Tensor]) -> "Trials":
        """With one more, and the weights of its best epoch."""
        more = Trials((*self.done, trial), self.weights)
        return dataclasses.replace(more, weights=tuple(weights)) if more.best is trial else more

    def about(self) -> dict[str, Any]:
        """Plain values for the model's file."""
        names = ("weight_decay", "loss", "best_epoch")
        return {
            "weight_decay": self.best.weight_decay,
            "weight_decay_trials": [{n: getattr(one, n) for n in names} for one in self.done],
        }


@dataclasses.dataclass
class _Part(Job):
    """One of the trainings of a job, whose bundle also holds those before it."""

    before: Trials = Trials()

    def load(self) -> Bundle | None:
        """The bundle, if it is of this training."""
        bundle = super().load()
        if bundle is None or len(bundle.info[TRIALS]) != len(self.before.done):
            return None
        return bundle

    def save(self, arrays: dict[str, np.ndarray], info: dict[str, Any]) -> None:
        """Replace the bundle.

        Raises:
            Stopped: the job was asked to stop; the bundle is in place.
        """
        weights = {f"{CHOSEN}/{i}": w.cpu().numpy() for i, w in enumerate(self.before.weights)}
        trials = [dataclasses.asdict(trial) for trial in self.before.done]
        super().save(arrays | weights, info | {TRIALS: trials})


def best_of_several(task: Task) -> tuple[TrainingRun, Trials]:
    """Trainings with different weight decays; the best of them, and all.

    A killed job goes on in the training in which its bundle was written.

    Args:
        task: what is trained; its weight decay is not used.

    Raises:
        InputError: a loss is no longer a finite number, or the bundle belongs to another job.
        Stopped: the job was asked to stop.
    """
    trials, report = Trials.of(task.job.load()), task.report
    batches = len(Batches(task.frames, task.member, task.training.batch_size))
    steps = epochs_of(task.training, batches) * batches
    while (memory := trials.following()) is not None:
        number, decay = len(trials.done), decay_of(memory, batches * task.training.learning_rate)
        with Progress(report).during("setting up the potential"):
            run = TrainingRun(
                dataclasses.replace(
                    task.with_training(weight_decay=decay), job=_part(task.job, trials)
                ),
                Place(number * steps, (OF_DECAYS - number - 1) * steps, f"weight decay {decay:g}"),
            )
        run.to_end()
        end = run.standing
        trial = Trial(decay, memory, end.best, end.best_epoch, tuple(end.rows))
        report(
            f"weight decay {decay:g}: validation loss {trial.loss:.1f} (kJ/mol/nm)² in epoch "
            f"{trial.best_epoch} of {len(trial.rows)}"
        )
        trials = trials.after(trial, end.kept)
    best = trials.best
    report(f"weight decay {best.weight_decay:g} is the best of {OF_DECAYS} on held-out time blocks")
    run.standing = dataclasses.replace(
        run.standing, rows=list(best.rows), best=best.loss, best_epoch=best.best_epoch,
        kept=list(trials.weights),
    )  # fmt: skip
    return run, trials


def decay_of(memory: float, rate: float) -> float:
    """Weight decay λ = 1/(τηB), to two digits.

    Args:
        memory: τ, passes over the data.
        rate: ηB.
    """
    return float(f"{1 / (memory * rate):.2g}")


def _part(job: Job, before: Trials) -> _Part:
    return _Part(job.folder, job.identity, job.stop, job.interval, before=before)
