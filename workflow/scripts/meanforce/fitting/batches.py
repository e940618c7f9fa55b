"""Batches of training frames in random order, with the same memory for any number of frames."""

from collections.abc import Iterator

import numpy as np
import torch

from meanforce.fitting.frames import Frames

RUN = 32
"""Consecutive frames that are drawn together, so that files are read in pieces of a few kB."""

WINDOW = 2**24
"""Bytes of frames in memory at once; the order inside is random."""


class Batches:
    """Batches of all frames but those of one fold.

    Runs of consecutive frames are drawn in random order into a window, and the frames of a window
    are shuffled. Where all frames fit into one window, their order is a random permutation.

    Args:
        frames: training data.
        left_out: fold that is not used.
        size: frames in a batch; a remainder that does not fill a batch is left out of the epoch.
    """

    def __init__(self, frames: Frames, left_out: int, size: int) -> None:
        self._frames = frames
        pieces = [
            (start, min(RUN, last - start))
            for first, last in frames.runs()
            if int(frames.folds[first]) != left_out
            for start in range(first, last, RUN)
        ]
        self._starts, self._lengths = torch.from_numpy(np.array(pieces, dtype=np.int64).T.copy())
        self.n_frames = int(self._lengths.sum())
        self._size = min(size, self.n_frames)
        frame_bytes = 2 * frames.positions[0].numel() * frames.positions.element_size()
        self._window = max(1, WINDOW // (frame_bytes * RUN))

    def __len__(self) -> int:
        return self.n_frames // self._size

    def some(self, number: int) -> torch.Tensor:
        """Indices of about `number` frames, evenly spaced."""
        index = self._index(torch.arange(len(self._starts)))
        return index[:: max(1, len(index) // number)]

    def mean_weight(self) -> float:
        """Mean weight of the frames; 1 where they have none."""
        weights, total = self._frames.weights, 0.0
        if weights is None:
            return 1.0
        for piece in torch.arange(len(self._starts)).split(self._window):
            total += weights[self._index(piece)].double().sum().item()
        return total / self.n_frames

    def epoch(self, generator: torch.Generator, first: int = 0) -> Iterator[Frames]:
        """Batches of one pass through the frames.

        Args:
            generator: of the order of the frames.
            first: number of batches at the start that are skipped without being read.
        """
        rest, done = torch.empty(0, dtype=torch.long), 0
        for window in torch.randperm(len(self._starts), generator=generator).split(self._window):
            index = self._index(window)
            index = torch.cat([rest, index[torch.randperm(len(index), generator=generator)]])
            full = len(index) // self._size
            rest = index[full * self._size :]
            skipped = min(full, max(0, first - done))
            index = index[skipped * self._size : full * self._size]
            done += full
            if len(index):
                read = self._frames.select(index)
                self._frames.storage.release()
                for start in range(0, len(index), self._size):
                    yield read.select(slice(start, start + self._size))
                # Before the next window is read.
                del read

    def _index(self, pieces: torch.Tensor) -> torch.Tensor:
        """Frames of some runs."""
        steps = torch.arange(RUN)
        index = self._starts[pieces][:, None] + steps
        return index[steps < self._lengths[pieces][:, None]]
