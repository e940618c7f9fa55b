"""Training frames: datasets of several replicas and state points, split by time blocks."""

import dataclasses
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from meanforce.data.h5md import H5mdReader
from meanforce.errors import InputError
from meanforce.training.weights import effective_sample_size, weights_of

BLOCKS_PER_FOLD = 4
"""Each replica is cut into folds × this many contiguous blocks, dealt out to the folds in turn."""


@dataclasses.dataclass(frozen=True)
class Frames:
    """Frames of one training run.

    Attributes:
        positions: nm, float32, shape (n, n_beads, 3).
        forces: kJ/mol/nm, float32, shape (n, n_beads, 3).
        temperatures: K, float32, shape (n,).
        folds: fold of each frame, shape (n,).
        blocks: number of each frame's time block over all replicas, shape (n,).
        bead_names: names of the beads.
        bonds: bonded pairs of bead indices.
        weights: how much each frame counts, float32, shape (n,), mean 1 over each dataset; None
            where all count the same.
    """

    positions: torch.Tensor
    forces: torch.Tensor
    temperatures: torch.Tensor
    folds: torch.Tensor
    blocks: torch.Tensor
    bead_names: list[str]
    bonds: list[list[int]]
    weights: torch.Tensor | None = None

    @property
    def effective_sample_size(self) -> float:
        """How many equally weighted frames these are worth."""
        if self.weights is None:
            return float(len(self.positions))
        return effective_sample_size(self.weights)

    def select(self, mask: torch.Tensor) -> "Frames":
        """Frames where the mask is true."""
        return dataclasses.replace(
            self,
            positions=self.positions[mask],
            forces=self.forces[mask],
            temperatures=self.temperatures[mask],
            folds=self.folds[mask],
            blocks=self.blocks[mask],
            weights=None if self.weights is None else self.weights[mask],
        )


def read_frames(
    paths: list[Path], folds: int, stride: int = 1, weights: Literal["none", "bias"] = "none"
) -> Frames:
    """Frames of several datasets, each cut into contiguous blocks that are dealt to the folds.

    Args:
        paths: H5MD datasets.
        folds: number of folds.
        stride: one frame in so many is used.
        weights: `bias`: each frame counts e^{βV}; `none`: all count the same.

    Raises:
        InputError: datasets have different beads, or too few frames, or need weights.
    """
    parts: dict[str, list[Any]] = {"positions": [], "forces": [], "temperatures": []}
    fold_parts, block_parts, weight_parts = [], [], []
    parameters: dict[str, Any] | None = None
    n_blocks = folds * BLOCKS_PER_FOLD
    for number, path in enumerate(paths):
        with H5mdReader(path) as reader:
            if parameters and reader.parameters["bead_names"] != parameters["bead_names"]:
                raise InputError(f"{path}: has other beads than {paths[0]}")
            parameters = reader.parameters
            if weights == "none" and not parameters.get("bias_is_function_of_beads", True):
                raise InputError(
                    f"{path}: was sampled with a bias that is not a function of its beads; set the "
                    "experiment's 'weights: bias', so that each frame counts e^{βV}"
                )
            every = slice(None, None, stride)
            positions = reader.positions(every)
            if len(positions) < 2 * n_blocks:
                raise InputError(
                    f"{path}: has {len(positions)} frames, too few for {folds} folds of "
                    f"{BLOCKS_PER_FOLD} blocks; sample longer or use fewer folds"
                )
            parts["positions"].append(positions)
            parts["forces"].append(reader.forces(every))
            if weights == "bias":
                weight_parts.append(weights_of(reader.observable("log_weight")[every]))
            parts["temperatures"].append(
                np.full(len(positions), parameters["temperature"], dtype=np.float32)
            )
        block = np.arange(len(positions)) * n_blocks // len(positions)
        fold_parts.append(block % folds)
        block_parts.append(block + number * n_blocks)
    return Frames(
        **{name: torch.from_numpy(np.concatenate(values)) for name, values in parts.items()},
        folds=torch.from_numpy(np.concatenate(fold_parts)),
        blocks=torch.from_numpy(np.concatenate(block_parts)),
        bead_names=parameters["bead_names"],
        bonds=parameters["bonds"],
        weights=torch.from_numpy(np.concatenate(weight_parts)) if weight_parts else None,
    )
