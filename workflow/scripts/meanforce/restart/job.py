"""Folders in which jobs work: undeclared, locked, and for long jobs with a restart bundle."""

import argparse
import contextlib
import dataclasses
import hashlib
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from meanforce.errors import InputError, Stopped
from meanforce.restart.bundle import Bundle, read_bundle, write_bundle
from meanforce.restart.lock import LOCK, locked
from meanforce.restart.stop import StopRequest

BUNDLE = "bundle"

INTERVAL = 30.0
"""Seconds between restart bundles."""


def folder_of(output: Path) -> Path:
    """Undeclared folder beside an output: Snakemake deletes declared outputs of failed jobs."""
    return output.parent / f".{output.name}.work"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Command-line options of programs whose jobs run long: `time_limit` and `bundle_every`."""
    parser.add_argument(
        "--time-limit", type=float, help="run-time limit in minutes, inside a scheduler's job"
    )
    parser.add_argument("--bundle-every", type=float, help="seconds between restart bundles")


def digest(path: Path) -> str:
    """Fingerprint of an input file.

    Raises:
        InputError: it is missing.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


@contextlib.contextmanager
def work_folder(output: Path) -> Iterator[Path]:
    """Empty folder of a short job; removed when the job succeeds.

    A job renames its finished files from here into place, so that a file under its final name
    is always complete.

    Raises:
        InputError: another process works there.
    """
    folder = folder_of(output)
    with locked(folder):
        for path in folder.iterdir():
            if path.name != LOCK:
                path.unlink()
        yield folder
        remove(folder)


@dataclasses.dataclass
class Job:
    """A long job's folder, with one restart bundle.

    Attributes:
        folder: where the job works.
        identity: settings and fingerprints of inputs; a bundle with different ones is refused.
        stop: gives the reason for which the job must stop now, or None.
        interval: seconds between bundles.
    """

    folder: Path
    identity: dict[str, Any]
    stop: Callable[[], str | None] = lambda: None
    interval: float = INTERVAL
    _saved: float = dataclasses.field(default_factory=time.monotonic)

    def load(self) -> Bundle | None:
        """The bundle of an earlier process, if there is one.

        Raises:
            InputError: it is damaged, or of other settings or inputs.
        """
        bundle = read_bundle(self.folder / BUNDLE)
        if bundle is None:
            return None
        differences = _differences(bundle.info["identity"], self.identity)
        if differences:
            raise InputError(
                f"{self.folder}: holds a restart bundle of another job: "
                f"{'; '.join(differences[:4])}; restore the old values, "
                "or delete the folder to start anew"
            )
        return bundle

    def discard(self) -> None:
        """Delete the bundle: a run from it has failed already."""
        (self.folder / BUNDLE).unlink(missing_ok=True)

    def due(self) -> bool:
        """Whether it is time for a bundle."""
        return time.monotonic() - self._saved >= self.interval or self.stop() is not None

    def save(self, arrays: dict[str, np.ndarray], info: dict[str, Any]) -> None:
        """Replace the bundle.

        Raises:
            Stopped: the job was asked to stop; the bundle is in place.
        """
        write_bundle(self.folder / BUNDLE, Bundle(arrays, info | {"identity": self.identity}))
        self._saved = time.monotonic()
        reason = self.stop()
        if reason is not None:
            raise Stopped(f"stopped ({reason}); the same command goes on from here")


@contextlib.contextmanager
def resumable(
    output: Path,
    identity: dict[str, Any],
    time_limit: float | None = None,
    interval: float | None = None,
) -> Iterator[Job]:
    """The folder of a long job, kept when it stops or fails, removed when it succeeds.

    Args:
        output: file that the job makes; the folder lies beside it.
        identity: settings and fingerprints of inputs.
        time_limit: the job's run-time limit in minutes.
        interval: seconds between bundles, if not the default.

    Raises:
        InputError: another process works there.
    """
    stop = StopRequest(time_limit)
    folder = folder_of(output)
    with locked(folder):
        yield Job(folder, identity, stop, INTERVAL if interval is None else interval)
        remove(folder)


def remove(folder: Path) -> None:
    """Remove a job's folder when its results are in place.

    The bundle is removed first: without it, the remains of a killed process are not a job to
    continue. The lock is removed last; if the next process has already made a new one, the folder
    stays.
    """
    order = {BUNDLE: 0, LOCK: 2}
    for path in sorted(folder.iterdir(), key=lambda path: order.get(path.name, 1)):
        path.unlink()
    with contextlib.suppress(OSError):
        folder.rmdir()


@contextlib.contextmanager
def or_temporary(job: Job | None) -> Iterator[Job]:
    """The job; for callers without restarts, a job in a temporary folder."""
    if job is not None:
        yield job
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Job(Path(folder), {}, interval=math.inf)


def _differences(there: Any, here: Any, where: str = "") -> list[str]:
    """Keys whose values differ, with both values; a key that was not there yet counts as null."""
    if isinstance(there, dict) and isinstance(here, dict):
        return [
            line
            for key in sorted(there.keys() | here.keys())
            if there.get(key) != here.get(key)
            for line in _differences(there.get(key), here.get(key), f"{where}.{key}".strip("."))
        ]
    return [] if there == here else [f"{where} was {there!r} and is {here!r}"]
