"""Some frames of a stream, evenly spaced, kept for checks."""

import numpy as np


class KeptFrames:
    """Keeps between `fewest` and twice as many frames of a stream of unknown length.

    Every k-th frame is kept; when they are too many, every second one is dropped and k doubles.

    Args:
        fewest: that are kept of a long stream.
    """

    def __init__(self, fewest: int) -> None:
        self._most, self._every, self._seen = 2 * fewest, 1, 0
        self._numbers: list[int] = []
        self._rows: list[dict[str, np.ndarray]] = []

    def add(self, frames: dict[str, np.ndarray]) -> None:
        """Add consecutive frames: arrays by name, the first axis is the frame."""
        count = len(next(iter(frames.values())))
        at = -self._seen % self._every
        while at < count:
            # Copies: views would keep whole blocks in memory.
            self._rows.append({name: values[at].copy() for name, values in frames.items()})
            self._numbers.append(self._seen + at)
            if len(self._rows) > self._most:
                self._rows, self._numbers = self._rows[::2], self._numbers[::2]
                self._every *= 2
            at = self._next() - self._seen
        self._seen += count

    def _next(self) -> int:
        return self._numbers[-1] + self._every

    @property
    def numbers(self) -> np.ndarray:
        """Numbers of the kept frames in the stream, shape (n,)."""
        return np.array(self._numbers)

    def array(self, name: str) -> np.ndarray:
        """One of the arrays, shape (n, ...)."""
        return np.stack([row[name] for row in self._rows])
