"""Times of a trajectory's frames: those of its files, or counted over all of them."""

import contextlib

import numpy as np

from meanforce.data.formats.base import FileFrames, FrameFile
from meanforce.errors import InputError


class FrameTimes:
    """Times of frames, file after file.

    Frame k of all files has the time k·interval. A file that begins with the last frame of the file
    before it repeats its number, too.

    Args:
        interval: time between frames, ps; None: frames have the times of their files.
    """

    def __init__(self, interval: float | None) -> None:
        self._interval, self._before = interval, 0
        self._end: np.ndarray | None = None
        self._seen: tuple[int, np.ndarray] | None = None

    def of(self, file: FrameFile, block: FileFrames, numbers: range) -> np.ndarray:
        """Times of a block of frames, ps, shape (n,).

        Args:
            file: that they are from.
            block: the frames.
            numbers: of the frames in the file; files are read from frame 0.

        Raises:
            InputError: frames have no times.
        """
        if self._interval is None:
            if block.times is None:
                raise InputError(
                    f"{file.path}: has no times; give the time between frames as the trajectory's "
                    "'interval'"
                )
            return block.times
        if self._end is not None and numbers[0] == 0 and _same(block.positions[0], self._end):
            self._before -= 1
        self._seen = numbers[-1], block.positions[-1]
        return (self._before + np.array(numbers)) * self._interval

    def finish(self, file: FrameFile) -> None:
        """Count the frames of a file that was read."""
        if self._interval is None or self._seen is None:
            return
        number, positions = self._seen
        if number != file.n_frames - 1:
            # A stride leaves it out; a damaged last frame that is not used is no harm.
            with contextlib.suppress(InputError):
                for block in file.blocks(file.n_frames - 1, file.n_frames, 1, 1):
                    positions = block.positions[-1]
        self._end = positions.copy()
        self._before += file.n_frames


def _same(first: np.ndarray, other: np.ndarray) -> bool:
    return first.shape == other.shape and np.array_equal(first, other)
