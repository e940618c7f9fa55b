"""HDF5 files that are written completely, or fail with a clear error."""

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path

import h5py

from meanforce.errors import MAKE_AGAIN, InputError

VERSION = ("v110", "v110")
"""`libver` of files: the oldest format in which HDF5's own tables have checksums, so that other
programs can read it."""


class _Sink(io.RawIOBase):
    """A file that accepts data it cannot store, and keeps the error.

    HDF5 keeps data that it has failed to write, tries again when it closes, and then crashes the
    process; with this file it closes normally.
    """

    def __init__(self, file: io.FileIO) -> None:
        self._file, self.error = file, None

    def write(self, data) -> int:
        left = memoryview(data).cast("B")
        size = len(left)
        try:
            while left and self.error is None:
                left = left[self._file.write(left) :]
        except OSError as error:
            self.error = error
        return size

    def truncate(self, size: int | None = None) -> int:
        try:
            return self._file.truncate(size)
        except OSError as error:
            self.error = self.error or error
            return size or 0

    def readinto(self, buffer) -> int:
        return self._file.readinto(buffer)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        return


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[h5py.File]:
    """Make a file and ensure that it is on the disk.

    Raises:
        OSError: as the operating system gave it, a full disk for example.
    """
    with path.open("w+b", buffering=0) as file:
        sink = _Sink(file)
        try:
            with h5py.File(sink, "w", libver=VERSION) as hdf5:
                yield hdf5
        except Exception:
            if sink.error is None:
                raise
        if sink.error is not None:
            raise sink.error
        os.fsync(file.fileno())


@contextlib.contextmanager
def reading(path: Path, what: str) -> Iterator[None]:
    """Turn the errors of h5py for a missing, damaged or foreign file into one sentence.

    Args:
        path: the file.
        what: what it should be, such as "trajectory".

    Raises:
        InputError: reading failed.
    """
    if not path.exists():
        raise InputError(f"{path}: there is no such file; what is needed is a {what} of meanforce")
    try:
        yield
    except (OSError, LookupError, RuntimeError, ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: is not a complete {what} of meanforce ({error}); {MAKE_AGAIN}"
        ) from error
