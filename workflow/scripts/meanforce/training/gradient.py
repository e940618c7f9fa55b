"""Force matching of networks by stochastic gradient descent."""

import time
from collections.abc import Callable

import pandas as pd
import torch

from meanforce.potentials.interface import Potential, Start, TrainablePotential
from meanforce.potentials.registry import KINDS
from meanforce.restart.job import Job, or_temporary
from meanforce.settings.network_potentials import Cgnet, GradientTraining
from meanforce.training.frames import Frames
from meanforce.training.result import Fit
from meanforce.training.standing import Standing, Trainer, packed, unpack

LOSS_CHUNK = 8192


def fit_gradient(
    settings: Cgnet,
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
        InputError: the bundle is another job's.
        Stopped: the job was asked to stop.
    """
    generator = torch.Generator().manual_seed(seed)
    training = frames.select(frames.folds != member)
    validation = frames.select(frames.folds == member)
    potential = _initial(settings, training, generator)
    with or_temporary(job) as job:
        curve = _train(settings.training, potential, training, validation, generator, job, report)
    best = curve.loc[curve["validation"].idxmin()]
    about = {
        "validation_loss": float(best["validation"]),
        "best_epoch": int(best["epoch"]),
    }
    return Fit(potential, curve, about)


def _initial(settings: Cgnet, training: Frames, generator: torch.Generator) -> TrainablePotential:
    some = training.positions[:: max(1, len(training.positions) // 20000)]
    start = Start(training.molecule, some, sorted(set(training.temperatures.tolist())))
    return KINDS[settings.kind].initial(settings, start, generator)


def _train(
    settings: GradientTraining,
    potential: TrainablePotential,
    training: Frames,
    validation: Frames,
    generator: torch.Generator,
    job: Job,
    report: Callable[[str], None],
) -> pd.DataFrame:
    n = len(training.positions)
    batches = max(1, n // settings.batch_size)
    trainer = _trainer(settings, potential, batches)
    standing = _standing(trainer, generator, job, report)

    def save_if_due() -> None:
        if job.due():
            job.save(*packed(trainer, standing))

    shares = None if training.weights is None else training.weights / training.weights.mean()
    # The squared force is about this large, so that gradients are of order one.
    scale = mean_square(training.forces, shares)
    started, first = time.perf_counter(), len(standing.rows) * batches + standing.batch
    while len(standing.rows) < settings.epochs:
        generator.set_state(standing.drawn)
        order = torch.randperm(n, generator=generator)
        for batch in order.split(settings.batch_size)[standing.batch : batches]:
            _, forces = potential.energy_and_forces(
                training.positions[batch], training.temperatures[batch]
            )
            error = forces - training.forces[batch]
            share = None if shares is None else shares[batch]
            loss = mean_square(error, share) / scale
            trainer.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trainer.weights, settings.gradient_clip)
            trainer.optimiser.step()
            trainer.schedule.step()
            standing.total += loss.item()
            standing.batch += 1
            save_if_due()
        held = validation_loss(potential, validation, save_if_due)
        epoch = len(standing.rows) + 1
        standing.rows.append((epoch, standing.total / batches * scale.item(), held))
        if held < standing.best:
            standing.best, standing.kept = held, _copies(trainer.weights)
        standing.batch, standing.total, standing.drawn = 0, 0.0, generator.get_state()
        # A process that goes on at the end of an epoch has done no batch before its first line.
        done, ahead = max(1, epoch * batches - first), (settings.epochs - epoch) * batches
        left = (time.perf_counter() - started) / done * ahead
        report(f"epoch {epoch}: validation loss {held:.1f} (kJ/mol/nm)², {left:.0f} s left")
    with torch.no_grad():
        for tensor, value in zip(trainer.weights, standing.kept, strict=True):
            tensor.copy_(value).requires_grad_(False)
    return pd.DataFrame(standing.rows, columns=["epoch", "training", "validation"])


def _standing(
    trainer: Trainer, generator: torch.Generator, job: Job, report: Callable[[str], None]
) -> Standing:
    """The start of a training run, or where its bundle was written."""
    bundle = job.load()
    if bundle is None:
        return Standing(generator.get_state(), _copies(trainer.weights))
    standing = unpack(bundle, trainer)
    report(f"going on in epoch {len(standing.rows) + 1}, after {standing.batch} batches")
    return standing


def _copies(tensors: list[torch.Tensor]) -> list[torch.Tensor]:
    return [tensor.detach().clone() for tensor in tensors]


def _trainer(settings: GradientTraining, potential: TrainablePotential, batches: int) -> Trainer:
    weights = potential.trainable()
    for tensor in weights:
        tensor.requires_grad_(True)
    optimiser = torch.optim.AdamW(
        weights, lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=settings.learning_rate, total_steps=settings.epochs * batches
    )
    return Trainer(weights, optimiser, schedule)


def mean_square(error: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
    """Mean of squares over components and frames.

    Args:
        error: shape (n, n_beads, 3).
        weights: shape (n,), of mean 1 over all frames (not over these); None: all 1.
    """
    if weights is None:
        return error.square().mean()
    return (error.square().mean(dim=(1, 2)) * weights).mean()


@torch.no_grad()
def validation_loss(
    potential: Potential, frames: Frames, between: Callable[[], None] = lambda: None
) -> float:
    """Mean squared force error per component with the frames' weights, (kJ/mol/nm)².

    Args:
        potential: to be judged.
        frames: to judge it by.
        between: called now and then.
    """
    total, n = 0.0, frames.forces.numel()
    if frames.weights is not None:
        n = frames.weights.double().sum().item() * frames.forces[0].numel()
    for start in range(0, len(frames.positions), LOSS_CHUNK):
        part = slice(start, start + LOSS_CHUNK)
        _, forces = potential.energy_and_forces(frames.positions[part], frames.temperatures[part])
        squares = (forces - frames.forces[part]).square()
        if frames.weights is not None:
            squares = squares * frames.weights[part, None, None]
        total += squares.sum().item()
        between()
    return total / n
