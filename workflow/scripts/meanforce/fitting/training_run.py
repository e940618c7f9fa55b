"""One training of a network by stochastic gradient descent."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import torch

from meanforce.errors import InputError
from meanforce.fitting.batches import Batches
from meanforce.fitting.frames import Frames
from meanforce.fitting.loss import counts, force_squares, mean_squared_errors, squared_errors
from meanforce.fitting.optimiser import Trainer, trainer
from meanforce.fitting.torques import Torques
from meanforce.fitting.training_state import TrainingState, packed, unpack
from meanforce.potentials.device import chosen_device
from meanforce.potentials.interface import Start, TrainablePotential
from meanforce.potentials.registry import KINDS
from meanforce.progress import Progress, Rate
from meanforce.restart.job import Job
from meanforce.settings.potentials.network import GradientTrainingSettings, NetworkSettings

START_FRAMES = 10000
"""Training frames from which features are standardised and the noise of the beads is estimated."""

START_BEADS = 2**22
"""Beads in all of these frames, at most."""

VALIDATED = 0.25
"""Largest number of validation frames per training frame (approximate).

The best epoch is chosen by differences between losses on the same frames. Validation on a full half
of the data after every epoch would cost a quarter of the time.
"""


@dataclasses.dataclass(frozen=True)
class Task:
    """What is trained, and on what.

    Attributes:
        settings: of the potential and its training, whose weight decay is a number.
        frames: training data.
        member: fold held out for validation.
        seed: of initial weights and the order of frames.
        report: called with lines of progress.
        job: its restart bundle.
    """

    settings: NetworkSettings
    frames: Frames
    member: int
    seed: int
    report: Callable[[str], None]
    job: Job

    @property
    def training(self) -> GradientTrainingSettings:
        """Settings of the training."""
        return self.settings.training

    def with_training(self, **changed: Any) -> "Task":
        """The same with other settings of the training."""
        training = self.training.model_copy(update=changed)
        settings = self.settings.model_copy(update={"training": training})
        return dataclasses.replace(self, settings=settings)


def epochs_of(training: GradientTrainingSettings, batches: int) -> int:
    """Passes over the data, of `batches` steps each; a limit of steps may make them fewer."""
    if training.steps is None:
        return training.epochs
    return min(training.epochs, -(-training.steps // batches))


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a training stands among all that a job makes.

    Attributes:
        before: steps of the trainings before it.
        after: steps of those after it.
        name: for the log; empty for the only one.
    """

    before: int = 0
    after: int = 0
    name: str = ""


ALONE = Place()
"""The only training of a job."""


class TrainingRun:
    """One training run, new or from its bundle.

    Args:
        task: what is trained.
        place: of the run in the job.
    """

    def __init__(self, task: Task, place: Place = ALONE) -> None:
        self._task, self._place = task, place
        self._settings = task.training
        self._frames, self._member, self._job = task.frames, task.member, task.job
        self._report = task.report
        self._generator = torch.Generator().manual_seed(task.seed)
        self._batches = Batches(self._frames, self._member, self._settings.batch_size)
        self._epochs = epochs_of(self._settings, len(self._batches))
        number = max(1, min(START_FRAMES, START_BEADS // self._frames.molecule.size))
        some = self._frames.select(self._batches.some(number))
        temperatures = sorted(set(self._frames.temperatures.tolist()))
        start = Start(self._frames.molecule, some.configurations, temperatures)
        kind = KINDS[task.settings.kind]
        self._potential = kind.initial(task.settings, start, self._generator).to(
            device=chosen_device(self._settings.device, "training.device")
        )
        averaged = self._settings.ema is not None
        self._judged = _copy(self._potential) if averaged else self._potential
        steps = self._epochs * len(self._batches)
        self._trainer: Trainer = trainer(self._settings, self._potential, self._judged, steps)
        self._mean_weight = self._batches.mean_weight()
        held = len(self._frames) - self._batches.n_frames
        self._thinned = max(1, round(held / (VALIDATED * self._batches.n_frames)))
        self._size, self._torques = self._frames.molecule.size, Torques.none()
        if self._settings.torque_weight:
            device, dtype = self._potential.device, self._potential.dtype
            self._torques = Torques(self._frames.molecule, dtype, device)
        self.standing = self._standing(some)

    def _standing(self, some: Frames) -> TrainingState:
        """The start of the run, or where its bundle was written."""
        bundle = self._job.load()
        if bundle is not None:
            standing = unpack(bundle, self._trainer)
            self._report(
                f"going on in epoch {len(standing.rows) + 1}, after {standing.batch} batches"
            )
            return standing
        by_noise = self._settings.bead_weights == "inverse_variance"
        each = counts(some, self._torques, by_noise, self._settings.torque_weight)
        total = torch.zeros((), dtype=torch.float64, device=self._potential.device)
        return TrainingState(
            self._generator.get_state(), _copies(self._trainer.average), total, each
        )

    def to_end(self) -> None:
        """Train until the last epoch, or until `patience` runs out.

        Raises:
            InputError: the loss is no longer a finite number.
            Stopped: the job was asked to stop.
        """
        standing, batches, place = self.standing, len(self._batches), self._place
        epochs, patience = self._epochs, self._settings.patience
        # The squared force is about this large, so that gradients are of order one.
        first = place.before + len(standing.rows) * batches + standing.batch
        progress = Progress(
            self._report, place.before + epochs * batches + place.after, first,
            Rate("epochs/h", 3600 / batches), at_most=patience is not None,
        )  # fmt: skip
        with progress.during("reading forces"):
            squares = force_squares(self._frames, self._member)
        scale = (squares * standing.counts[: self._size]).mean().item()
        each = (standing.counts / scale).to(self._potential.device, self._potential.dtype)
        while len(standing.rows) < epochs and not _waited(standing, patience):
            self._epoch(each, progress)
            with progress.during("validation"):
                held = mean_squared_errors(
                    self._judged, self._frames, self._torques, self._member, self._save_if_due,
                    self._thinned,
                )  # fmt: skip
            trained = standing.total.item() / batches
            epoch, loss = len(standing.rows) + 1, held[: self._size].mean().item()
            if not math.isfinite(trained + loss):
                self._refuse(epoch)
            standing.rows.append((epoch, trained, loss))
            chosen_by = self._loss(held * standing.counts).item()
            if chosen_by < standing.best:
                standing.best, standing.best_epoch = chosen_by, epoch
                standing.kept = _copies(self._trainer.average)
            standing.batch, standing.drawn = 0, self._generator.get_state()
            standing.total.zero_()
        if not place.after:
            progress.finish()
        if len(standing.rows) < epochs:
            self._report(
                f"stopped early: epoch {standing.best_epoch} was the best for {patience} epochs"
            )

    def _epoch(self, each: torch.Tensor, progress: Progress) -> None:
        """The batches of the current epoch that are not done yet."""
        standing = self.standing
        before = self._place.before + len(standing.rows) * len(self._batches)
        self._generator.set_state(standing.drawn)
        for batch in self._batches.epoch(self._generator, standing.batch):
            progress.advance(before + standing.batch, "epochs", self._note)
            there = batch.to(self._potential.device)
            _, forces = self._potential.energy_and_forces(there.configurations)
            share = None if there.weights is None else there.weights / self._mean_weight
            errors = squared_errors(there, forces, share, self._torques)
            self._trainer.step(self._loss(errors * each))
            standing.total += errors.detach()[: self._size].mean()
            standing.batch += 1
            self._save_if_due()

    def _loss(self, counted: torch.Tensor) -> torch.Tensor:
        """Loss from squared errors times their counts: the sum over what a bead has on average."""
        return counted.sum() / self._size

    def _note(self) -> str:
        """The epoch and the last loss, for the log."""
        rows = self.standing.rows
        last = f", validation loss {rows[-1][2]:.1f} (kJ/mol/nm)²" if rows else ""
        name = f"{self._place.name}, " if self._place.name else ""
        return f"{name}epoch {len(rows) + 1} of {self._epochs}{last}"

    def _save_if_due(self) -> None:
        if self._job.due():
            self._job.save(*packed(self._trainer, self.standing))

    def _refuse(self, epoch: int) -> None:
        # Going on from the bundle could only lead here again.
        self._job.discard()
        given = self._settings
        raise InputError(
            f"training diverged in epoch {epoch}: the loss is not a finite number; lower "
            f"'learning_rate' (now {given.learning_rate:g}) or 'gradient_clip' (now "
            f"{given.gradient_clip:g}), and look for broken frames in the datasets"
        )

    def result(self) -> TrainablePotential:
        """The potential with the weights of the best epoch, on the CPU."""
        with torch.no_grad():
            for tensor, value in zip(self._judged.trainable(), self.standing.kept, strict=True):
                tensor.copy_(value).requires_grad_(False)
        return self._judged.to(device="cpu")


def _waited(standing: TrainingState, patience: int | None) -> bool:
    return patience is not None and len(standing.rows) - standing.best_epoch >= patience


def _copy(potential: TrainablePotential) -> TrainablePotential:
    """The same potential with tensors of its own."""
    tensors, values = potential.state()
    copies = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    return type(potential).from_state(copies, values)


def _copies(tensors: list[torch.Tensor]) -> list[torch.Tensor]:
    return [tensor.detach().clone() for tensor in tensors]
