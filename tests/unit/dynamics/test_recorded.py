"""Steps that are recorded on a GPU are the steps that are not."""

import gc
import re

import numpy as np
import pytest
import torch
from chains import CHAIN, chain_frames
from double_well import settings
from interruptions import go_on_until_done
from networks import network, on_a_prior
from torch.fx.experimental.proxy_tensor import make_fx

from meanforce.core.configuration import Configuration
from meanforce.dynamics import engine as engines
from meanforce.dynamics.compiled import disagreement
from meanforce.dynamics.engine import CgRun, TorchEngine
from meanforce.dynamics.job import sample_to_file
from meanforce.dynamics.recorded import Recorded, recorded
from meanforce.dynamics.system import CgSystem
from meanforce.potentials.device import chosen_device
from meanforce.settings.collective_variables import CollectiveVariableSettings

needs_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")

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
    device = chosen_device("auto", "device")
    changes = {"chains": 60, "equilibration": 0.5, "length": 0.5, "stride": 0.1} | KINDS[kind]
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


@needs_a_gpu
@pytest.mark.parametrize("kind", KINDS)
def test_a_recorded_run_is_the_run(tmp_path, monkeypatch, model, kind):
    lines: list[str] = []
    run_to(tmp_path / "recorded.h5", model, kind, lines=lines)
    assert "steps recorded as a CUDA graph" in lines
    monkeypatch.setattr(engines, "recorded", lambda function, *_: function)
    run_to(tmp_path / "plain.h5", model, kind)
    assert (tmp_path / "recorded.h5").read_bytes() == (tmp_path / "plain.h5").read_bytes()


def test_what_a_recording_reads_is_changed_in_place_only(tmp_path, monkeypatch, model):
    """Also without a GPU: a trace has the tensors that were read, and constants, as a graph has."""

    def traced(function, arguments, report):
        report("traced")
        return make_fx(function, tracing_mode="real")(*map(torch.clone, arguments))

    monkeypatch.setattr(TorchEngine, "_records", True)
    monkeypatch.setattr(engines, "recorded", traced)
    lines: list[str] = []
    run_to(tmp_path / "traced.h5", model, "exchange", lines=lines)
    assert "traced" in lines
    monkeypatch.setattr(engines, "recorded", lambda function, *_: function)
    run_to(tmp_path / "plain.h5", model, "exchange")
    assert (tmp_path / "traced.h5").read_bytes() == (tmp_path / "plain.h5").read_bytes()


@needs_a_gpu
@pytest.mark.parametrize("kind", KINDS)
def test_a_recorded_run_goes_on(tmp_path, model, kind):
    run_to(tmp_path / "once.h5", model, kind)
    stops = go_on_until_done(
        tmp_path / "job", lambda job: run_to(tmp_path / "again.h5", model, kind, job), every=40
    )
    assert stops >= 2
    assert (tmp_path / "once.h5").read_bytes() == (tmp_path / "again.h5").read_bytes()


@needs_a_gpu
def test_memory_of_what_was_recorded_is_not_used_again(model):
    """Nothing but the recording keeps the constants of the engine's steps."""
    engine = TorchEngine(run(model, "plain"))
    chains = engine.start()
    engine.prepare(chains, lambda line: None)
    assert isinstance(engine._together, Recorded)
    given = [tensor.flip(0) for tensor in engine._together.arguments]
    wanted = engine._together.function(*given)
    engine._advance = None
    gc.collect()
    others = [torch.full((2**n,), torch.nan, device="cuda") for n in range(16) for _ in range(50)]
    for one, other in zip(engine._together(*given), wanted, strict=True):
        torch.testing.assert_close(one, other)
    del others


@needs_a_gpu
def test_what_cannot_be_recorded_is_done_as_it_is():
    lines: list[str] = []

    def function(x):
        return (x * float(x.sum()),)

    x = torch.ones(2, 3, 1, 1, device="cuda")
    assert recorded(function, (x,), lines.append) is function
    assert re.fullmatch(
        r"steps cannot be recorded \(.*captur.*\): continuing without a CUDA graph", lines[0]
    )
    assert torch.equal(function(x)[0], 6 * x)
    assert torch.cuda.current_stream() == torch.cuda.default_stream()


def test_broken_chains_agree_where_both_are_broken():
    wanted = torch.tensor([1.0, torch.nan, torch.inf, 100.0])
    assert disagreement((wanted.clone(),), (wanted,)) == 0.0
    assert disagreement((wanted + torch.tensor([0.0, 0.0, 0.0, 1e-3]),), (wanted,)) == 0.0
    near = wanted + torch.tensor([1.0, 0.0, 0.0, 0.0])
    assert disagreement((near,), (wanted,)) == pytest.approx(0.01)
    for place in range(4):
        other = wanted.clone()
        other[place] = 0.0 if place in (1, 2) else torch.nan
        assert not disagreement((other,), (wanted,)) <= 1e-4, place
