"""Steps that are recorded on a GPU are the steps that are not."""

import numpy as np
import pytest
import torch
from chains import CHAIN, chain_frames
from double_well import settings
from interruptions import go_on_until_done
from networks import network, on_a_prior

from meanforce.core.configuration import Configuration
from meanforce.dynamics import engine as engines
from meanforce.dynamics.engine import CgRun, TorchEngine
from meanforce.dynamics.job import sample_to_file
from meanforce.dynamics.recorded import Recorded, recorded
from meanforce.dynamics.system import CgSystem
from meanforce.potentials.device import chosen_device
from meanforce.settings.collective_variables import CollectiveVariableSettings

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")

TURN = CollectiveVariableSettings(kind="dihedral", mapping="x", beads=list("ABCD"))
BIAS = {
    "collective_variables": ["turn"], "width": [0.3], "bias_factor": 6.0, "build": 2.0, "bins": 60
}  # fmt: skip
KINDS = {
    "plain": {},
    "biased": {"bias": BIAS},
    "exchange": {"exchange": {"highest": 450.0, "levels": 3, "every": 0.1}, "bias": BIAS},
}


@pytest.fixture(scope="module")
def model():
    """A network on a prior with all kinds of terms, stiff enough to hold the chain together."""
    frames = chain_frames(100, 1).positions.numpy()
    return on_a_prior(network(CHAIN, frames), frames)


def run(model, kind: str) -> CgRun:
    device = chosen_device("cuda", "device")
    changes = {"chains": 60, "equilibration": 0.5, "length": 3.0, "stride": 0.1} | KINDS[kind]
    chosen = settings(time_step=0.002, friction=5.0, **changes)
    starts = chain_frames(60, 2).positions.numpy()
    return CgRun(
        model.to(model.dtype, device),
        Configuration(starts, 300.0),
        chosen,
        torch.Generator(device).manual_seed(3),
        CgSystem(CHAIN, np.full(4, 12.0), {"turn": TURN}),
    )


def run_to(path, model, kind: str, job=None, lines: list[str] | None = None) -> None:
    told = [] if lines is None else lines
    sample_to_file(run(model, kind), path, told.append, job)


@pytest.mark.parametrize("kind", KINDS)
def test_a_recorded_run_is_the_run(tmp_path, monkeypatch, model, kind):
    lines: list[str] = []
    run_to(tmp_path / "recorded.h5", model, kind, lines=lines)
    assert "steps recorded as a CUDA graph" in lines
    monkeypatch.setattr(engines, "recorded", lambda function, *_: function)
    run_to(tmp_path / "plain.h5", model, kind)
    assert (tmp_path / "recorded.h5").read_bytes() == (tmp_path / "plain.h5").read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_a_recorded_run_goes_on(tmp_path, model, kind):
    run_to(tmp_path / "once.h5", model, kind)
    stops = go_on_until_done(
        tmp_path / "job", lambda job: run_to(tmp_path / "again.h5", model, kind, job), every=90
    )
    assert stops >= 2
    assert (tmp_path / "once.h5").read_bytes() == (tmp_path / "again.h5").read_bytes()


def test_memory_of_what_was_recorded_is_not_used_again(model):
    """The engine keeps no other reference to its steps' constants."""
    engine = TorchEngine(run(model, "plain"))
    chains = engine.start()
    engine.prepare(chains, lambda line: None)
    assert isinstance(engine._together, Recorded)
    function = engine._together.function
    engine._advance = None
    others = [torch.full((2**n,), torch.nan, device="cuda") for n in range(16) for _ in range(50)]
    given = [tensor.flip(0) for tensor in engine._together.arguments]
    for found, wanted in zip(engine._together(*given), function(*given), strict=True):
        torch.testing.assert_close(found, wanted)
    del others


def test_what_cannot_be_recorded_is_done_as_it_is():
    lines: list[str] = []

    def function(x):
        return (x * float(x.sum()),)

    x = torch.ones(2, 3, 1, 1, device="cuda")
    assert recorded(function, (x,), lines.append) is function
    assert lines[0].startswith("steps cannot be recorded (")
    assert lines[0].endswith("): continuing without a CUDA graph")
    assert torch.equal(function(x)[0], 6 * x)
