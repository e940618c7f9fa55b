"""Draws of atomistic frames at one state point, by their weights."""

import dataclasses

import numpy as np
import torch

from meanforce.core.configuration import Configuration
from meanforce.fitting.frames import Frames


@dataclasses.dataclass(frozen=True)
class Draw:
    """Some atomistic frames.

    Attributes:
        configurations: m of them.
        shares: how much each counts, of sum 1, float64, shape (m,).
        blocks: time block of each, shape (m,).
    """

    configurations: Configuration[torch.Tensor]
    shares: torch.Tensor
    blocks: np.ndarray


class AtomisticDraws:
    """Gives some of the frames of a state point, evenly spread over time.

    Args:
        frames: training data.
        chosen: numbers of the frames of the state point, ascending, shape (n,).
        temperature: K.
        device: where the frames are needed.
    """

    def __init__(
        self, frames: Frames, chosen: np.ndarray, temperature: float, device: torch.device
    ) -> None:
        self._frames, self._chosen = frames, chosen
        self._temperature, self._device = temperature, device
        weights = np.ones(len(chosen))
        if frames.weights is not None:
            weights = frames.weights.double().numpy()[chosen]
        self._shares = weights / weights.sum()
        self._sums = np.cumsum(self._shares)

    def __len__(self) -> int:
        return len(self._chosen)

    def draw(self, number: int, rng: np.random.Generator) -> Draw:
        """About `number` frames, or all, if there are no more.

        The unit interval is cut into equal parts, in each of which one place is drawn; a frame
        takes as much of the interval as its weight. So the mean over draws is the weighted mean,
        and its variance is less than that of independent draws.
        """
        if len(self) <= number:
            return self._of(np.arange(len(self)), self._shares)
        places = (np.arange(number) + rng.random(number)) / number
        found = np.searchsorted(self._sums, places * self._sums[-1])
        return self._of(found.clip(max=len(self) - 1), np.full(number, 1 / number))

    def _of(self, which: np.ndarray, shares: np.ndarray) -> Draw:
        index = torch.from_numpy(self._chosen[which])
        some = Configuration(
            self._frames.positions[index],
            self._temperature,
            None if self._frames.cells is None else self._frames.cells[index],
        ).map(lambda tensor: tensor.to(self._device))
        self._frames.storage.release()
        blocks = self._frames.blocks[index].numpy()
        return Draw(some, torch.from_numpy(shares).to(self._device), blocks)
