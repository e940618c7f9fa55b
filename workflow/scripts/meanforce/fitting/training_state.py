"""State of a training run: all that its result depends on, for a restart bundle."""

import dataclasses
from typing import Any

import numpy as np
import torch

from meanforce.errors import InputError
from meanforce.fitting.optimiser import Trainer
from meanforce.restart.bundle import Bundle

Row = tuple[int, float, float]
"""Epoch, training loss and validation loss, as in the training curve."""


@dataclasses.dataclass
class TrainingState:
    """State of a training run, besides weights and optimiser.

    Attributes:
        drawn: state of the random generator before the order of the current epoch was drawn.
        kept: the weights of the best epoch.
        total: sum of the losses of the current epoch's batches, float64, a scalar.
        counts: how much the squared errors of each bead and of each torque count, float64.
        best: loss by which the best epoch was chosen.
        best_epoch: its number, from 1.
        batch: batches done in the current epoch.
        rows: finished epochs.
    """

    drawn: torch.Tensor
    kept: list[torch.Tensor]
    total: torch.Tensor
    counts: torch.Tensor
    best: float = float("inf")
    best_epoch: int = 0
    batch: int = 0
    rows: list[Row] = dataclasses.field(default_factory=list)


def packed(
    trainer: Trainer, standing: TrainingState
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and plain values of a restart bundle."""
    optimiser = trainer.optimiser.state_dict()
    tensors = {f"weight/{i}": tensor for i, tensor in enumerate(trainer.weights)}
    tensors |= {f"average/{i}": tensor for i, tensor in enumerate(trainer.average)}
    tensors |= {f"kept/{i}": tensor for i, tensor in enumerate(standing.kept)}
    for i, moments in optimiser["state"].items():
        tensors |= {f"optimiser/{i}/{name}": tensor for name, tensor in moments.items()}
    for name in ("drawn", "total", "counts"):
        tensors[name] = getattr(standing, name)
    info = {
        "best": standing.best,
        "best_epoch": standing.best_epoch,
        "batch": standing.batch,
        "rows": standing.rows,
        "groups": optimiser["param_groups"],
        "schedule": trainer.schedule.state_dict(),
    }
    return {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}, info


def unpack(bundle: Bundle, trainer: Trainer) -> TrainingState:
    """Restore the state of a trainer from a bundle.

    Raises:
        InputError: another version wrote it.
    """
    if "counts" not in bundle.arrays:
        raise InputError(
            "the restart bundle was written by another version; delete its folder to start anew"
        )
    # Copies lie in memory as PyTorch aligns it, which may change the last bit of a product.
    tensors = {name: torch.from_numpy(array).clone() for name, array in bundle.arrays.items()}
    n_weights = range(len(trainer.weights))
    with torch.no_grad():
        for i in n_weights:
            trainer.weights[i].copy_(tensors[f"weight/{i}"])
            trainer.average[i].copy_(tensors[f"average/{i}"])
    moments: dict[int, dict[str, torch.Tensor]] = {i: {} for i in n_weights}
    for name, tensor in tensors.items():
        if name.startswith("optimiser/"):
            _, i, moment = name.split("/")
            moments[int(i)][moment] = tensor
    info = bundle.info
    # Before the first batch there are no moments yet.
    state = {i: found for i, found in moments.items() if found}
    trainer.optimiser.load_state_dict({"state": state, "param_groups": info["groups"]})
    trainer.schedule.load_state_dict(info["schedule"])
    device = trainer.weights[0].device
    return TrainingState(
        drawn=tensors["drawn"],
        kept=[tensors[f"kept/{i}"].to(device) for i in n_weights],
        total=tensors["total"].to(device),
        counts=tensors["counts"],
        best=info["best"],
        best_epoch=info["best_epoch"],
        batch=info["batch"],
        rows=[tuple(row) for row in info["rows"]],
    )
