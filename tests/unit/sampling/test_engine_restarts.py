"""The sampling engine continues from its bundle, or reports why not; explosions are reported."""

import time
from pathlib import Path

import numpy as np
import openmm
import pytest
from interruptions import stopped_after, tampered
from openmm import app, unit

from meanforce.data.trajectory import TrajectoryReader
from meanforce.errors import InputError
from meanforce.restart.bundle import read_bundle
from meanforce.restart.job import BUNDLE
from meanforce.settings.campaigns.unbiased import UnbiasedSettings
from meanforce.systems.prepared import Prepared
from torsion import PROTOCOL, make_engine, metadynamics, molecule
from torsion import run as sample

# Restarts of the engine


def go_on(campaign, folder: Path, lines: list | None = None):
    engine, job = make_engine(campaign, folder)
    if lines is not None:
        engine._report = lines.append
    engine.run(job.load(), folder / "trajectory.h5", folder / "log.csv", folder / "segments.csv")
    return TrajectoryReader(folder / "trajectory.h5")


@pytest.fixture
def stopped(tmp_path):
    engine, job = make_engine(metadynamics(length=150.0), tmp_path)
    stopped_after(engine, job, tmp_path, 1400)
    return tmp_path


def another_place(arrays, info):
    """A state of the same system from elsewhere."""
    from meanforce.sampling.registry import dynamics_of
    from meanforce.sampling.task import Host, Task

    task = Task(UnbiasedSettings.model_validate(
        PROTOCOL | {"kind": "unbiased"}, context={"internal": True}
    ), {}, 300.0, 99)  # fmt: skip
    dynamics = dynamics_of(task, Host(molecule()))
    dynamics.advance(5000)
    state = dynamics.state()
    arrays |= {name: state[name] for name in ("checkpoint_0", "positions_0", "velocities_0")}


def without_its_checkpoint(arrays, info):
    info["made_on"] = "another machine"
    arrays["positions_0"] = arrays["positions_0"] + np.array([[0.002, 0, 0], *[[0, 0, 0]] * 3])


def with_another_grid(arrays, info):
    arrays["bias_grid"] = arrays["bias_grid"] + 0.01


@pytest.mark.parametrize("change", [without_its_checkpoint, with_another_grid])
def test_bundle_that_does_not_fit_is_caught_by_its_energy(stopped, change):
    tampered(stopped, change)
    with pytest.raises(InputError, match="restart bundle does not fit the system: a potential"):
        go_on(metadynamics(length=150.0), stopped)


def test_state_of_another_run_is_caught_by_its_energy(tmp_path):
    campaign = UnbiasedSettings.model_validate(
        PROTOCOL | {"kind": "unbiased", "length": 300.0}, context={"internal": True}
    )
    engine, job = make_engine(campaign, tmp_path)
    stopped_after(engine, job, tmp_path, 500)
    tampered(tmp_path, another_place)
    with pytest.raises(InputError, match="restart bundle does not fit the system: a potential"):
        go_on(campaign, tmp_path)


def test_on_another_machine_a_run_goes_on_with_new_random_numbers(stopped, tmp_path_factory):
    campaign, lines = metadynamics(length=150.0), []
    bundle = read_bundle(stopped / BUNDLE)
    n_before = bundle.info["files"]["frames"][0]
    tampered(stopped, lambda arrays, info: info.update(made_on="OpenMM 1, CUDA"))
    other = go_on(campaign, stopped, lines)
    assert any("was on OpenMM 1, CUDA and is on OpenMM" in line for line in lines)
    once = sample(campaign, tmp_path_factory.mktemp("once"))
    assert 0 < n_before < other.n_frames
    ours, theirs = other.positions(slice(None)), once.positions(slice(None))
    assert np.array_equal(ours[:n_before], theirs[:n_before])
    assert not np.array_equal(ours[n_before], theirs[n_before])
    np.testing.assert_allclose(np.diff(other.times()), campaign.stride, rtol=1e-6)


def test_several_copies_stop_in_time(tmp_path):
    # A million steps of equilibration per copy: half a minute at least.
    campaign = metadynamics(length=150.0, walkers=2, equilibration=5e4)
    engine, job = make_engine(campaign, tmp_path)
    start = time.perf_counter()
    stopped_after(engine, job, tmp_path, 2)
    assert time.perf_counter() - start < 10.0
    assert 0 < read_bundle(tmp_path / BUNDLE).info["tick"] < 10**6


# Explosions

STEP = 0.005


def trap(stiffer: float) -> Prepared:
    """An oscillator in x, stable at STEP, that is `stiffer` where y > 0.4 nm.

    y is a slow oscillator that goes there about once in 200 ps. Leapfrog is stable below ωΔt = 2.
    """
    system = openmm.System()
    system.addParticle(12.0)
    soft = 12.0 * (0.8 / STEP) ** 2
    force = openmm.CustomExternalForce(
        f"0.5*{soft}*(1+{stiffer}*step(y-0.4))*x^2 + 0.5*150*y^2 + 0.5*1000*z^2"
    )
    force.addParticle(0)
    system.addForce(force)
    topology = app.Topology()
    residue = topology.addResidue("ONE", topology.addChain())
    topology.addAtom("A", app.Element.getBySymbol("C"), residue)
    return Prepared(system, topology, np.zeros((1, 3)) * unit.nanometer)


def exploding(folder: Path, stiffer: float, **changes) -> tuple[TrajectoryReader, list[str]]:
    campaign = UnbiasedSettings.model_validate(
        PROTOCOL | {"kind": "unbiased", "time_step": STEP, "length": 1500.0} | changes,
        context={"internal": True},
    )
    engine, job = make_engine(campaign, folder, system=trap(stiffer))
    job.interval, lines = 0.01, []
    engine._report = lines.append
    engine.run(job.load(), folder / "trajectory.h5", folder / "log.csv", folder / "segments.csv")
    return TrajectoryReader(folder / "trajectory.h5"), lines


ONCE, TWICE = 9.0, 60.0
"""ωΔt of the trap: 2.5, halved 1.3; and 6.2, halved 3.1."""


def test_explosion_is_reported_with_step_and_last_good_frame(tmp_path):
    message = r"unstable at step (\d+) \(.* ps\): its .*; its last good frame is number [1-9]\d*; "
    with pytest.raises(InputError, match=message + r"use a smaller time_step \(given 5 fs\)"):
        exploding(tmp_path, ONCE)
    # What is in the bundle was good.
    assert np.isfinite(read_bundle(tmp_path / BUNDLE).arrays["positions_0"]).all()


@pytest.mark.slow
def test_after_an_explosion_half_the_time_step_goes_on_if_the_settings_allow(tmp_path):
    frames, lines = exploding(tmp_path, ONCE, on_instability="halve_time_step")
    assert sum("with half the time step" in line for line in lines) == 1
    assert frames.attributes["time_step_halved_at_tick"] > 0
    assert frames.n_frames == 15000
    np.testing.assert_allclose(frames.times(), 0.1 * np.arange(1, 15001), rtol=1e-9)
    positions = frames.positions(slice(None))
    assert np.isfinite(positions).all() and np.abs(positions).max() < 2.0


def test_a_second_explosion_is_an_error(tmp_path):
    with pytest.raises(InputError, match="with half the time_step of 5 fs too"):
        exploding(tmp_path, TWICE, on_instability="halve_time_step")


@pytest.mark.parametrize("choice", ["stop", "halve_time_step"])
def test_explosion_before_the_first_step_is_reported(tmp_path, choice):
    prepared = trap(1.0)
    prepared.system.getForce(0).setEnergyFunction("1/x^12")
    campaign = UnbiasedSettings.model_validate(
        PROTOCOL | {"kind": "unbiased", "on_instability": choice}, context={"internal": True}
    )
    engine, job = make_engine(campaign, tmp_path, system=prepared)
    with pytest.raises(InputError, match=r"unstable at step 0 .*kinetic energy is not finite"):
        engine.run(job.load(), tmp_path / "t", tmp_path / "l", tmp_path / "s")
