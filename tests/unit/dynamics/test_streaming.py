"""A CG run that gives its frames away is the run in memory, also when it stops and continues."""

import numpy as np
import pytest
import torch
from double_well import LOOKED_AT, DoubleWell, settings

from meanforce.core.configuration import Configuration
from meanforce.dynamics.engine import CgRun
from meanforce.dynamics.sample import MemoryStore, sample
from meanforce.dynamics.stability import Unstable
from meanforce.dynamics.streaming import StreamedRun

CHOSEN = {"chains": 4, "equilibration": 0.2, "length": 2.0, "stride": 0.1, "until": None}


def run() -> CgRun:
    starts = Configuration(np.linspace(-1, 1, 12).reshape(4, 1, 3), 300.0)
    generator = torch.Generator().manual_seed(5)
    return CgRun(DoubleWell(), starts, settings(**CHOSEN), generator, LOOKED_AT)


class Enough(Exception):
    """Ends a process."""


@pytest.mark.parametrize("stop", [0, 3, 30])
def test_frames_are_those_of_a_run_in_memory(stop):
    """Stopped after some steps, in equilibration or later, and continued by another process."""
    whole = run()
    wanted = sample(
        whole.potential, whole.starts, whole.simulation, whole.generator, whole.system
    ).positions
    store, standing = MemoryStore(), None
    if stop:
        first = StreamedRun(run(), store, lambda line: None)

        def between() -> None:
            if first.chains.step == stop:
                raise Enough

        with pytest.raises(Enough):
            first.to_end(between)
        standing = first.standing
    stream = StreamedRun(run(), store, lambda line: None, standing)
    assert stream.chains.step == stop
    stream.to_end(lambda: None)
    np.testing.assert_array_equal(store.positions(0), wanted)


def test_a_run_can_end_early():
    store = MemoryStore()
    stream = StreamedRun(run(), store, lambda line: None)
    stream.to_end(lambda: stream.end("enough") if len(store.frames) == 7 else None)
    assert len(store.frames) == 7
    assert stream.standing.plain["ended"] == "enough"


def test_chains_that_break_have_an_error_of_their_own():
    """Callers can tell it from wrong input."""
    broken = run()
    broken.starts.positions[:] = np.nan
    with pytest.raises(Unstable, match="4 of 4 chains of the CG run broke"):
        StreamedRun(broken, MemoryStore(), lambda line: None).to_end(lambda: None)
