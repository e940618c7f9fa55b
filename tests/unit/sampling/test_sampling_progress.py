"""Progress reports of sampling and of the recomputation of forces."""

import types

import numpy as np
import pytest
from interruptions import stopped_after
from progress_lines import phases_of, progress_of

import torsion
from meanforce import progress
from meanforce.data.trajectory import TrajectoryReader
from meanforce.progress import Progress, parse
from meanforce.sampling import engine as engine_module
from meanforce.sampling.recompute import recompute
from meanforce.settings.campaigns.replica_exchange import ReplicaExchangeSettings
from meanforce.settings.campaigns.static import StaticSettings
from meanforce.settings.campaigns.umbrella import UmbrellaSettings
from meanforce.settings.campaigns.unbiased import UnbiasedSettings

SHORT = {"length": 4.0, "equilibration": 1.0, "stride": 0.1}
WELL = {"height": -2.0, "center": [0.2], "width": [0.3]}
KINDS = {
    "unbiased": (UnbiasedSettings, {"kind": "unbiased"}, ["equilibration", "frames"]),
    "static": (
        StaticSettings,
        {"kind": "static", "collective_variables": ["phi"], "gaussians": [WELL]},
        ["equilibration", "frames"],
    ),
    "umbrella": (
        UmbrellaSettings,
        {
            "kind": "umbrella", "collective_variables": ["phi"], "force_constant": [100.0],
            "rows": [{"first": -2.8, "last": 2.8, "number": 3}], "windows_per_job": 3, "pull": 1.0,
        },
        ["pulling windows to their places", "equilibration", "frames"],
    ),
    "replica exchange": (
        ReplicaExchangeSettings,
        {"kind": "replica_exchange", "highest": 400.0, "levels": 3, "exchange_every": 0.5},
        ["equilibration", "frames"],
    ),
}  # fmt: skip


def campaign_of(kind: str, **changes):
    """A short campaign and the phases that it has."""
    if kind in ("metadynamics", "walkers"):
        values = SHORT | {"burn_in": 2.0, "walkers": 2 if kind == "walkers" else 1} | changes
        return torsion.metadynamics(**values), ["equilibration", "burn-in", "frames"]
    settings, values, phases = KINDS[kind]
    values = torsion.PROTOCOL | SHORT | values | changes
    return settings.model_validate(values, context={"internal": True}), phases


def run(engine, job, folder) -> list[str]:
    lines = []
    engine._report = lines.append
    engine.run(job.load(), *(folder / name for name in ("trajectory.h5", "log.csv", "s.csv")))
    return lines


@pytest.mark.parametrize("kind", [*KINDS, "metadynamics", "walkers"])
def test_every_kind_reports_its_phases(tmp_path, kind):
    campaign, phases = campaign_of(kind)
    lines = run(*torsion.make_engine(campaign, tmp_path), tmp_path)
    assert phases_of(lines) == [*phases, "writing files"]
    assert progress_of(lines)[0].percent == 0.0
    assert progress_of(lines)[-1].rate.endswith(" ns/day on Reference")


@pytest.mark.parametrize("kind", ["umbrella", "metadynamics"])
def test_sampling_that_goes_on_starts_at_the_percent_where_it_stopped(tmp_path, kind):
    campaign, _ = campaign_of(kind, length=200.0)
    engine, job = torsion.make_engine(campaign, tmp_path)
    stopped_after(engine, job, tmp_path, 40)
    engine, job = torsion.make_engine(campaign, tmp_path)
    tick = job.load().info["tick"]
    assert tick > 0
    first = progress_of(run(engine, job, tmp_path))[0]
    assert first.percent == pytest.approx(100 * tick / engine._schedule.end, abs=0.11)


SPEED = 1e5
"""Steps times atoms in a second of a machine ten times as slow as the engine expects at worst."""


@pytest.mark.parametrize("kind", ["metadynamics", "walkers", "replica exchange"])
def test_on_a_slow_machine_lines_come_in_time(tmp_path, monkeypatch, kind):
    """Hours of equilibration, of burn-in and of few frames, by an artificial clock."""
    long = {"equilibration": 1e6, "length": 3e6, "stride": 1e4}
    if kind != "replica exchange":
        long |= {"burn_in": 5e5, "pace": 1e4}
    else:
        long |= {"exchange_every": 1e4}
    campaign, phases = campaign_of(kind, **long)
    engine, _ = torsion.make_engine(campaign, tmp_path)
    now, times, lines = [0.0], [], []
    monkeypatch.setattr(engine_module, "time", types.SimpleNamespace(perf_counter=lambda: now[0]))
    monkeypatch.setattr(
        engine_module, "Progress", lambda *args: Progress(*args, clock=lambda: now[0])
    )

    def advance(ticks: int) -> None:
        # Time passes, and the molecule stays where it is.
        now[0] += ticks * 4 * engine._dynamics.copies / SPEED

    def report(line: str) -> None:
        if parse(line) is not None:
            times.append(now[0])
            lines.append(line)

    engine._dynamics.advance, engine._report = advance, report
    monkeypatch.setattr(engine, "_save", lambda: None)
    engine.run(None, *(tmp_path / name for name in ("trajectory.h5", "log.csv", "s.csv")))
    assert now[0] > 3600
    assert times[0] == 0.0 and times[1] <= 20.0
    assert np.diff([*times, now[0]]).max() <= 30.0
    assert phases_of(lines) == [*phases, "writing files"]
    # At a steady speed the time left is right at any time, except for its rounding to minutes.
    for at, line in zip(times[2:], map(parse, lines[2:]), strict=True):
        if at < now[0]:
            assert line.left == pytest.approx(now[0] - at, rel=0.01, abs=31)
    # Frames are rare: of old, a line at a tenth of them would have come later than this.
    assert 0.1 * campaign.length / campaign.time_step * 4 / SPEED > 60


@pytest.mark.parametrize("kind", ["walkers", "replica exchange", "metadynamics"])
def test_reporting_changes_no_bit(tmp_path, monkeypatch, kind):
    campaign, _ = campaign_of(kind)
    positions, lines = [], []
    for name, often in (("seldom", False), ("often", True)):
        if often:
            monkeypatch.setattr(progress, "FIRST", 0.0)
            monkeypatch.setattr(progress, "INTERVAL", 0.0)
        folder = tmp_path / name
        lines.append(run(*torsion.make_engine(campaign, folder), folder))
        with TrajectoryReader(folder / "trajectory.h5") as frames:
            positions.append(frames.positions(slice(None)))
    assert len(lines[1]) > len(lines[0]) + 20
    assert np.array_equal(*positions)


def test_forces_report_frames(tmp_path):
    campaign, _ = campaign_of("metadynamics")
    run(*torsion.make_engine(campaign, tmp_path), tmp_path)

    def lines_of(job) -> list[str]:
        lines = []
        recompute(
            torsion.molecule(), tmp_path / "trajectory.h5", tmp_path / "forces.h5", 1, job,
            lines.append,
        )  # fmt: skip
        return lines

    lines = lines_of(torsion.job_in(tmp_path / "f"))
    assert phases_of(lines) == ["setting up forces", "forces of frames", "writing files"]
    assert progress_of(lines)[-1].rate.endswith(" frames/s")
    # A job that stopped after some frames goes on there.
    job = torsion.job_in(tmp_path / "g")
    left = iter(range(5))
    job.stop = lambda: None if next(left, None) is not None else "test"
    with pytest.raises(Exception, match="stopped"):
        lines_of(job)
    job.stop = lambda: None
    done = job.load().info["file"][0]
    assert 0 < done < 20
    assert progress_of(lines_of(job))[0].percent == pytest.approx(100 * done / 20, abs=0.1)
