"""Where the big arrays of training frames lie: in memory, or in a memory-mapped file."""

import mmap
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch


class Storage:
    """Keeps float32 arrays; those in files use the system's page cache and no memory of their own.

    Args:
        folder: of the files, which have no names and vanish with the process, however it ends;
            None: arrays are kept in memory.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder, self._maps = folder, []

    def keep(self, parts: Iterable[np.ndarray]) -> torch.Tensor:
        """One tensor of arrays of shape (·, *row), one after the other; at least one frame."""
        if self._folder is None:
            return torch.from_numpy(
                np.concatenate([p.astype(np.float32, copy=False) for p in parts])
            )
        row: tuple[int, ...] = ()
        with tempfile.TemporaryFile(dir=self._folder) as file:
            for part in parts:
                row = part.shape[1:]
                file.write(np.ascontiguousarray(part, dtype=np.float32).data)
            file.flush()
            mapped = mmap.mmap(file.fileno(), 0)
        self._maps.append(mapped)
        return torch.frombuffer(mapped, dtype=torch.float32).view(-1, *row)

    def release(self) -> None:
        """Release the pages that were read; the system caches them as long as it has memory."""
        for mapped in self._maps:
            mapped.madvise(mmap.MADV_DONTNEED)
