"""Records appended to a raw file; a restart bundle holds the number of good ones."""

import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from meanforce.errors import InputError

BUFFER = 4 * 2**20
"""Bytes kept in memory before they are written."""


class RecordFile:
    """Records of one NumPy type in a raw file.

    A process killed at any moment leaves at least the bytes that its last bundle counts:
    opening the file again at the bundle's position drops what came later.

    Args:
        path: the file.
        kind: type of a record.
        position: number of good records and their checksum, as `position` returned them.

    Raises:
        InputError: the file is shorter than it was, or was altered.
    """

    def __init__(self, path: Path, kind: np.dtype, position: tuple[int, int] = (0, 0)) -> None:
        self.kind, self._path = np.dtype(kind), path
        self._count, self._checksum = position
        self._pending: list[bytes] = []
        self._size = 0
        self._file = path.open("r+b" if path.exists() else "w+b")
        self._verify()
        self._file.truncate(self._count * self.kind.itemsize)
        self._file.seek(0, os.SEEK_END)

    def _verify(self) -> None:
        checksum, left = 0, self._count * self.kind.itemsize
        while left:
            block = self._file.read(min(left, BUFFER))
            if not block:
                raise InputError(
                    f"{self._path}: is shorter than its restart bundle requires; delete the folder "
                    f"{self._path.parent} to start this job anew"
                )
            checksum = zlib.crc32(block, checksum)
            left -= len(block)
        if checksum != self._checksum:
            raise InputError(
                f"{self._path}: was altered since its restart bundle was written; delete the "
                f"folder {self._path.parent} to start this job anew"
            )

    def __len__(self) -> int:
        return self._count

    def append(self, records: np.ndarray) -> None:
        """Add records: an array of the file's type."""
        block = np.ascontiguousarray(records, dtype=self.kind).tobytes()
        self._pending.append(block)
        self._size += len(block)
        self._count += len(block) // self.kind.itemsize
        if self._size >= BUFFER:
            self._write()

    def _write(self) -> None:
        block = b"".join(self._pending)
        self._file.write(block)
        self._checksum = zlib.crc32(block, self._checksum)
        self._pending, self._size = [], 0

    def position(self) -> tuple[int, int]:
        """Number of records and their checksum, once all of them are on the disk."""
        self._write()
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._count, self._checksum

    def blocks(self, size: int) -> Iterator[np.ndarray]:
        """All records, at most `size` at a time."""
        self.position()
        for start in range(0, self._count, size):
            n = min(size, self._count - start)
            yield np.fromfile(self._path, self.kind, n, offset=start * self.kind.itemsize)

    def take(self, indices: np.ndarray) -> np.ndarray:
        """Some records, by number."""
        self.position()
        if not len(indices):
            return np.empty(0, self.kind)
        return np.memmap(self._path, self.kind, "r")[indices]

    def close(self) -> None:
        """Close the file; records not yet on the disk are dropped."""
        self._file.close()
