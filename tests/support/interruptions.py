"""Sampling that is stopped, and files that were changed."""

from pathlib import Path

import pytest

from meanforce.errors import Stopped
from meanforce.restart.bundle import Bundle, read_bundle, write_bundle
from meanforce.restart.job import BUNDLE


def stopped_after(engine, job, folder: Path, stretches: int, bundle=None) -> None:
    """Run an engine, and stop it after `stretches` checks for a request to stop."""
    left = [stretches]

    def stop():
        left[0] -= 1
        return "the test" if left[0] < 0 else None

    job.stop = stop
    with pytest.raises(Stopped):
        engine.run(bundle, folder / "trajectory.h5", folder / "log.csv", folder / "segments.csv")
    job.stop = lambda: None


def tampered(folder: Path, change) -> None:
    """Alter the content of a bundle, checksum included."""
    bundle = read_bundle(folder / BUNDLE)
    arrays, info = dict(bundle.arrays), dict(bundle.info)
    change(arrays, info)
    write_bundle(folder / BUNDLE, Bundle(arrays, info))
