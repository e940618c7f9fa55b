"""The optimiser of a network's weights: steps, schedule of the learning rate, moving average."""

import dataclasses
import math

import torch

from meanforce.potentials.interface import TrainablePotential
from meanforce.settings.potentials.network import GradientTrainingSettings


@dataclasses.dataclass(frozen=True)
class Trainer:
    """What changes with every batch.

    Attributes:
        weights: trained tensors, changed in place.
        optimiser: of these weights.
        schedule: of its learning rate.
        average: moving average of the weights, changed in place; the weights themselves where there
            is no average.
        decay: of the average, per step; None: there is no average.
        clip: largest norm of the gradient.
    """

    weights: list[torch.Tensor]
    optimiser: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    average: list[torch.Tensor]
    decay: float | None
    clip: float

    def step(self, loss: torch.Tensor) -> None:
        """Change the weights along the gradient of a loss."""
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.weights, self.clip)
        self.optimiser.step()
        self.schedule.step()
        if self.decay is not None:
            # Shorter at first, so that the random start is soon forgotten.
            steps = self.schedule.last_epoch
            share = 1 - min(self.decay, (1 + steps) / (10 + steps))
            with torch.no_grad():
                torch._foreach_lerp_(self.average, self.weights, share)


def trainer(
    settings: GradientTrainingSettings,
    potential: TrainablePotential,
    judged: TrainablePotential,
    steps: int,
) -> Trainer:
    """The trainer of a potential, before its first step.

    Args:
        settings: of the training.
        potential: to be trained.
        judged: the potential that carries the average: another one with the same weights, or,
            without average, the same one.
        steps: of the whole schedule.
    """
    weights = potential.trainable()
    for tensor in weights:
        tensor.requires_grad_(True)
    optimiser = torch.optim.AdamW(
        weights, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )
    return Trainer(
        weights, optimiser, _schedule(settings, optimiser, steps), judged.trainable(),
        settings.ema, settings.gradient_clip,
    )  # fmt: skip


def _schedule(
    settings: GradientTrainingSettings, optimiser: torch.optim.Optimizer, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """One-cycle: Smith, Topin, arXiv:1708.07120. Cosine: Loshchilov, Hutter, arXiv:1608.03983."""
    if settings.schedule == "one_cycle":
        return torch.optim.lr_scheduler.OneCycleLR(
            optimiser, max_lr=settings.learning_rate, total_steps=steps
        )
    rising = round(settings.warm_up * steps)

    def factor(step: int) -> float:
        if step < rising:
            return (step + 1) / (rising + 1)
        return 0.5 * (1 + math.cos(math.pi * (step - rising) / (steps - rising)))

    return torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
