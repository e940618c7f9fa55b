"""Training and CG runs that stop again and again make the same bits as those that do not."""

import dataclasses

import numpy as np
import pytest
import torch
from chains import CGNET, chain_frames
from double_well import LOOKED_AT, SYSTEM, DoubleWell, cg_run, settings
from interruptions import go_on_until_done

from meanforce.dynamics import compiled as compiling
from meanforce.dynamics.compiled import available
from meanforce.dynamics.engine import CgRun
from meanforce.dynamics.job import Speed, sample_to_file
from meanforce.dynamics.schedule import Schedule
from meanforce.errors import InputError, Stopped
from meanforce.fitting.registry import fit
from meanforce.fitting.resampling import Split
from meanforce.restart.job import Job
from meanforce.settings.job import validated
from meanforce.settings.potentials.registry import Potential

OPTIONS = {
    "plain": {},
    "weighted": {},
    "half sample": {},
    "weight decay chosen": {"weight_decay": "auto"},
    "with all options": {
        "ema": 0.95, "patience": 3, "schedule": "cosine", "bead_weights": "inverse_variance",
        "torque_weight": 2
    },
}  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS)
def test_training_goes_on_within_an_epoch(tmp_path, options):
    frames = chain_frames(500, seed=1)
    if options == "weighted":
        weights = torch.rand(500, generator=torch.Generator().manual_seed(2))
        frames = dataclasses.replace(frames, weights=weights)
    left_out = 0
    if options == "half sample":
        frames, left_out = Split.of("half_samples", 5, 1).frames(frames)
    values = CGNET | {"training": CGNET["training"] | {"epochs": 4} | OPTIONS[options]}
    potential = validated(Potential, values, "potential")
    made = [fit(potential, frames, {}, left_out, 7, lambda line: None)]
    stops = go_on_until_done(
        tmp_path / "job",
        lambda job: made.append(fit(potential, frames, {}, left_out, 7, lambda line: None, job)),
        every=2,
    )
    # Four times six batches, or three; also between an epoch and its validation.
    assert stops >= (5 if options == "half sample" else 8)
    once, again = made
    assert once.curve.equals(again.curve)
    assert once.about == again.about
    for name, tensor in once.potential.state()[0].items():
        assert torch.equal(tensor, again.potential.state()[0][name]), name


BIAS = {
    "collective_variables": ["x"], "width": [0.15], "bias_factor": 8.0, "build": 2.0,
    "bins": 100, "lower": [-2.0], "upper": [2.0],
}  # fmt: skip


KINDS = {
    "plain": {},
    "biased": {"bias": BIAS},
    "exchange": {"exchange": {"highest": 500.0, "levels": 3, "every": 0.07}, "bias": BIAS},
    "several": {
        "exchange": {"highest": 500.0, "levels": 3, "every": 0.1},
        "bias": BIAS | {"build": 10.0},
    },
    "until": {"until": {"drift": 1e-9, "at_most": 6.0}},
    "until it converges": {
        "until": {"r_hat": None, "round_trips": 0.5, "at_most": 200.0},
        "bias": BIAS,
    },
}


def short_run(kind: str) -> CgRun:
    """A short run of a few chains; every call gives a new one."""
    changes = {"chains": 6, "equilibration": 0.5, "length": 2.0, "stride": 0.1} | KINDS[kind]
    chosen = settings(**changes)
    starts = np.linspace(-1, 1, 18).reshape(6, 1, 3)
    return cg_run(DoubleWell(), starts, chosen, 11, LOOKED_AT if chosen.until else SYSTEM)


def run_to(path, kind: str, job: Job | None = None, lines: list[str] | None = None) -> Speed:
    told = [] if lines is None else lines
    return sample_to_file(short_run(kind), path, told.append, job)


@pytest.mark.parametrize("kind", KINDS)
def test_a_cg_run_goes_on_in_every_phase(tmp_path, kind):
    run_to(tmp_path / "once.h5", kind)
    stops = go_on_until_done(
        tmp_path / "job",
        lambda job: run_to(tmp_path / "again.h5", kind, job),
        every=17,
    )
    assert stops >= (25 if "bias" in KINDS[kind] else 13)
    assert (tmp_path / "once.h5").read_bytes() == (tmp_path / "again.h5").read_bytes()


@pytest.mark.slow
@pytest.mark.skipif(not available(), reason="there is no C++ compiler")
@pytest.mark.parametrize(
    ("kind", "every", "size"), [("plain", 24, 16), ("several", 120, 4), ("biased", 180, 4)]
)
def test_a_compiled_run_goes_on(tmp_path, monkeypatch, kind, every, size):
    """It makes up to five steps in one call, of six chains and copies, or of four at a time."""
    monkeypatch.setattr(compiling, "WORTH", 1)
    monkeypatch.setattr("meanforce.dynamics.engine.LONG", 1)
    monkeypatch.setattr(compiling, "chains_in_a_call", lambda chains, beads: size)
    lines = []
    run_to(tmp_path / "once.h5", kind, lines=lines)
    stops = go_on_until_done(
        tmp_path / "job",
        lambda job: run_to(tmp_path / "again.h5", kind, job, lines),
        every=every,
    )
    assert stops == 2
    assert sum(line.startswith("steps compiled in") for line in lines) == 4
    assert (tmp_path / "once.h5").read_bytes() == (tmp_path / "again.h5").read_bytes()


def test_the_bundle_of_another_run_is_refused(tmp_path):
    job = Job(tmp_path, {"seed": 1}, stop=lambda: "test")
    with pytest.raises(Stopped, match="the same command goes on from here"):
        run_to(tmp_path / "cg.h5", "biased", job)
    other = Job(tmp_path, {"seed": 2})
    with pytest.raises(InputError, match="another job: seed was 1 and is 2"):
        run_to(tmp_path / "cg.h5", "biased", other)


def test_schedule_of_a_cg_run():
    changes = {"equilibration": 0.5, "length": 2.0, "stride": 0.3, "bias": BIAS | {"build": 4.5}}
    # 450 steps: 200 hills two steps apart would leave 50, so there are 225.
    schedule = Schedule.of(settings(**changes))
    assert schedule == Schedule(225, 2, 50, 6, 30, 6)
    steps = range(1, schedule.end + 1)
    assert sum(map(schedule.is_deposit, steps)) == 225
    assert [step for step in steps if schedule.is_frame(step)] == list(range(530, 681, 30))


@pytest.mark.parametrize(
    ("changes", "at_once"),
    [
        ({}, 5),
        ({"stride": 0.12}, 2),
        ({"stride": 0.07}, 1),
        ({"bias": BIAS | {"build": 6.0}}, 1),  # 200 hills, three steps apart
        ({"bias": BIAS | {"build": 20.0}}, 5),
        ({"exchange": {"highest": 500.0, "levels": 4, "every": 0.04}}, 2),
    ],
)
def test_nothing_happens_between_steps_that_are_one_call(changes, at_once):
    values = {"equilibration": 0.5, "length": 2.0, "stride": 0.1} | changes
    schedule = Schedule.of(settings(**values))
    assert schedule.at_once == at_once
    happens = schedule.is_deposit, schedule.is_frame, schedule.is_look, schedule.is_exchange
    steps = [step for step in range(1, schedule.end + 1) if any(one(step) for one in happens)]
    assert steps and all(step % at_once == 0 for step in steps)
