"""How far a training run is: all that its end depends on, for a restart bundle."""

import dataclasses
from typing import Any

import numpy as np
import torch

from meanforce.restart.bundle import Bundle

Row = tuple[int, float, float]
"""Epoch, training loss and validation loss, as in the training curve."""


@dataclasses.dataclass
class Standing:
    """Where a training run is, besides weights and optimiser.

    Attributes:
        drawn: state of the random generator before the order of the current epoch was drawn.
        kept: the weights of the best epoch.
        best: its validation loss, (kJ/mol/nm)².
        batch: batches done in the current epoch.
        total: sum of their losses.
        rows: finished epochs.
    """

    drawn: torch.Tensor
    kept: list[torch.Tensor]
    best: float = float("inf")
    batch: int = 0
    total: float = 0.0
    rows: list[Row] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Trainer:
    """What changes with every batch.

    Attributes:
        weights: trained tensors, changed in place.
        optimiser: of these weights.
        schedule: of its learning rate.
    """

    weights: list[torch.Tensor]
    optimiser: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler


def packed(trainer: Trainer, standing: Standing) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and plain values of a restart bundle."""
    optimiser = trainer.optimiser.state_dict()
    tensors = {f"weight/{i}": tensor for i, tensor in enumerate(trainer.weights)}
    tensors |= {f"kept/{i}": tensor for i, tensor in enumerate(standing.kept)}
    for i, moments in optimiser["state"].items():
        tensors |= {f"optimiser/{i}/{name}": tensor for name, tensor in moments.items()}
    tensors["drawn"] = standing.drawn
    info = {
        "best": standing.best,
        "batch": standing.batch,
        "total": standing.total,
        "rows": standing.rows,
        "groups": optimiser["param_groups"],
        "schedule": trainer.schedule.state_dict(),
    }
    return {name: tensor.detach().numpy() for name, tensor in tensors.items()}, info


def unpack(bundle: Bundle, trainer: Trainer) -> Standing:
    """Put a trainer back to where the bundle was written."""
    # Copies lie in memory as PyTorch aligns it, which may change the last bit of a product.
    tensors = {name: torch.from_numpy(array).clone() for name, array in bundle.arrays.items()}
    n_weights = range(len(trainer.weights))
    with torch.no_grad():
        for i, tensor in enumerate(trainer.weights):
            tensor.copy_(tensors[f"weight/{i}"])
    moments: dict[int, dict[str, torch.Tensor]] = {i: {} for i in n_weights}
    for name, tensor in tensors.items():
        if name.startswith("optimiser/"):
            _, i, moment = name.split("/")
            moments[int(i)][moment] = tensor
    info = bundle.info
    trainer.optimiser.load_state_dict({"state": moments, "param_groups": info["groups"]})
    trainer.schedule.load_state_dict(info["schedule"])
    return Standing(
        drawn=tensors["drawn"],
        kept=[tensors[f"kept/{i}"] for i in n_weights],
        best=info["best"],
        batch=info["batch"],
        total=info["total"],
        rows=[tuple(row) for row in info["rows"]],
    )
