"""Training frames: datasets of several replicas and state points, split by time blocks."""

import dataclasses
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from meanforce.data.dataset import Dataset
from meanforce.errors import InputError
from meanforce.potentials.molecule import Molecule
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
        molecule: the beads.
        weights: how much each frame counts, float32, shape (n,), mean 1 over each dataset; None
            where all count the same.
    """

    positions: torch.Tensor
    forces: torch.Tensor
    temperatures: torch.Tensor
    folds: torch.Tensor
    blocks: torch.Tensor
    molecule: Molecule
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
    dataset = Dataset.of(paths).stride(stride)
    n_blocks = folds * BLOCKS_PER_FOLD
    for part in dataset.parts:
        if weights == "none" and not part.parameters.get("bias_is_function_of_beads", True):
            raise InputError(
                f"{part.path}: was sampled with a bias that is not a function of its beads; set "
                "the experiment's 'weights: bias', so that each frame counts e^{βV}"
            )
        if len(part.frames) < 2 * n_blocks:
            raise InputError(
                f"{part.path}: has {len(part.frames)} frames, too few for {folds} folds of "
                f"{BLOCKS_PER_FOLD} blocks; sample longer or use fewer folds"
            )
    blocks = dataset.block_numbers(n_blocks)
    shares = None
    if weights == "bias":
        logs = (Dataset((part,)).observable("log_weight") for part in dataset.parts)
        shares = torch.from_numpy(np.concatenate([weights_of(log) for log in logs]))
    return Frames(
        positions=torch.from_numpy(dataset.positions()),
        forces=torch.from_numpy(dataset.forces()),
        temperatures=torch.from_numpy(dataset.temperatures()),
        folds=torch.from_numpy(blocks % folds),
        blocks=torch.from_numpy(blocks),
        molecule=Molecule.of(dataset.parameters),
        weights=shares,
    )
