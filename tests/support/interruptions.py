"""Jobs that are stopped again and again, and files that were changed."""

import math
from pathlib import Path

import pytest

from meanforce.errors import Stopped
from meanforce.restart.bundle import Bundle, read_bundle, write_bundle
from meanforce.restart.job import BUNDLE, Job


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


def go_on_until_done(folder, run, every: int) -> int:
    """Call `run(job)` until it ends, stopping it every few checks; returns how often it stopped."""
    folder.mkdir()
    stops = 0
    while True:
        looks = iter(range(every))
        job = Job(
            folder,
            {"settings": 1},
            # Once a stop is requested, it stays so.
            stop=lambda looks=looks: None if next(looks, None) is not None else "test",
            interval=math.inf,
        )
        try:
            run(job)
            return stops
        except Stopped:
            stops += 1
