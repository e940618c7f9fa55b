"""Force matching of networks by stochastic gradient descent."""

import math
from collections.abc import Callable

import pandas as pd
import torch

from meanforce.errors import InputError
from meanforce.fitting.batches import Batches
from meanforce.fitting.frames import Frames
from meanforce.fitting.loss import bead_losses, bead_squares, force_squares, inverse_variances
from meanforce.fitting.optimiser import Trainer, trainer
from meanforce.fitting.result import Fit
from meanforce.fitting.training_state import TrainingState, packed, unpack
from meanforce.potentials.device import chosen_device
from meanforce.potentials.interface import Start, TrainablePotential
from meanforce.potentials.registry import KINDS
from meanforce.progress import Progress, Rate
from meanforce.restart.job import Job, or_temporary
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


def fit_gradient(
    settings: NetworkSettings,
    frames: Frames,
    variables: dict,
    member: int,
    seed: int,
    report: Callable[[str], None],
    job: Job | None = None,
) -> Fit:
    """Train on all folds but `member`, which validates; the best epoch is kept.

    Args:
        settings: of the potential and its training.
        frames: training data.
        variables: not used.
        member: fold held out for validation.
        seed: of initial weights and the order of frames.
        report: called with lines of progress.
        job: its restart bundle, or None for a run in one go.

    Raises:
        InputError: the loss is no longer a finite number; a GPU is requested, but there is none; or
            the bundle belongs to another job.
        Stopped: the job was asked to stop.
    """
    with or_temporary(job) as job:
        with Progress(report).during("setting up the potential"):
            run = _Run(settings, frames, member, seed, report, job)
        run.to_end()
    standing = run.standing
    curve = pd.DataFrame(standing.rows, columns=["epoch", "training", "validation"])
    about = {
        "validation_loss": standing.rows[standing.best_epoch - 1][2],
        "best_epoch": standing.best_epoch,
    }
    if settings.training.bead_weights != "none":
        about["bead_weights"] = standing.bead_weights.tolist()
    return Fit(run.result(), curve, about)


class _Run:
    """One training run, new or from its bundle."""

    def __init__(
        self,
        settings: NetworkSettings,
        frames: Frames,
        member: int,
        seed: int,
        report: Callable[[str], None],
        job: Job,
    ) -> None:
        self._settings: GradientTrainingSettings = settings.training
        self._frames, self._member, self._job, self._report = frames, member, job, report
        self._generator = torch.Generator().manual_seed(seed)
        self._batches = Batches(frames, member, self._settings.batch_size)
        number = max(1, min(START_FRAMES, START_BEADS // frames.molecule.size))
        some = frames.select(self._batches.some(number))
        temperatures = sorted(set(frames.temperatures.tolist()))
        start = Start(frames.molecule, some.configurations, temperatures)
        potential = KINDS[settings.kind].initial(settings, start, self._generator)
        self._potential = potential.to(
            device=chosen_device(self._settings.device, "training.device")
        )
        averaged = self._settings.ema is not None
        self._judged = _copy(self._potential) if averaged else self._potential
        self._epochs = self._settings.epochs
        if self._settings.steps is not None:
            self._epochs = min(self._epochs, -(-self._settings.steps // len(self._batches)))
        steps = self._epochs * len(self._batches)
        self._trainer: Trainer = trainer(self._settings, self._potential, self._judged, steps)
        self._mean_weight = self._batches.mean_weight()
        held = len(frames) - self._batches.n_frames
        self._thinned = max(1, round(held / (VALIDATED * self._batches.n_frames)))
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
        counts = torch.ones(self._frames.molecule.size, dtype=torch.float64)
        if self._settings.bead_weights == "inverse_variance":
            counts = inverse_variances(some)
        total = torch.zeros((), dtype=torch.float64, device=self._potential.device)
        return TrainingState(
            self._generator.get_state(), _copies(self._trainer.average), total, counts
        )

    def to_end(self) -> None:
        """Train until the last epoch, or until `patience` runs out."""
        standing, batches = self.standing, len(self._batches)
        epochs, patience = self._epochs, self._settings.patience
        # The squared force is about this large, so that gradients are of order one.
        first = len(standing.rows) * batches + standing.batch
        progress = Progress(
            self._report, epochs * batches, first, Rate("epochs/h", 3600 / batches),
            at_most=patience is not None,
        )  # fmt: skip
        with progress.during("reading forces"):
            squares = force_squares(self._frames, self._member)
        scale = (squares * standing.bead_weights).mean().item()
        counts = (standing.bead_weights / scale).to(self._potential.device, self._potential.dtype)
        while len(standing.rows) < epochs and not _waited(standing, patience):
            self._epoch(counts, progress)
            with progress.during("validation"):
                held = bead_losses(
                    self._judged, self._frames, self._member, self._save_if_due, self._thinned
                )
            trained = standing.total.item() / batches
            epoch, loss = len(standing.rows) + 1, held.mean().item()
            if not math.isfinite(trained + loss):
                self._refuse(epoch)
            standing.rows.append((epoch, trained, loss))
            chosen_by = (held * standing.bead_weights).mean().item()
            if chosen_by < standing.best:
                standing.best, standing.best_epoch = chosen_by, epoch
                standing.kept = _copies(self._trainer.average)
            standing.batch, standing.drawn = 0, self._generator.get_state()
            standing.total.zero_()
        progress.finish()
        if len(standing.rows) < epochs:
            self._report(
                f"stopped early: epoch {standing.best_epoch} was the best for {patience} epochs"
            )

    def _epoch(self, counts: torch.Tensor, progress: Progress) -> None:
        """The batches of the current epoch that are not done yet."""
        standing, before = self.standing, len(self.standing.rows) * len(self._batches)
        self._generator.set_state(standing.drawn)
        for batch in self._batches.epoch(self._generator, standing.batch):
            progress.advance(before + standing.batch, "epochs", self._note)
            there = batch.to(self._potential.device)
            _, forces = self._potential.energy_and_forces(there.configurations)
            share = None if there.weights is None else there.weights / self._mean_weight
            squares = bead_squares(forces - there.forces, share)
            self._trainer.step((squares * counts).mean())
            standing.total += squares.detach().mean()
            standing.batch += 1
            self._save_if_due()

    def _note(self) -> str:
        """The epoch and the last loss, for the log."""
        rows = self.standing.rows
        last = f", validation loss {rows[-1][2]:.1f} (kJ/mol/nm)²" if rows else ""
        return f"epoch {len(rows) + 1} of {self._epochs}{last}"

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
