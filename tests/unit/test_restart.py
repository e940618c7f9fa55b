"""Bundles, records, locks, stop requests, thermometer: what a restart rests on."""

import fcntl
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import openmm
import psutil
import pytest
from openmm import app, unit

from meanforce.data.forces import ForcesReader
from meanforce.data.trajectory import TrajectoryReader
from meanforce.errors import InputError, Stopped
from meanforce.restart.bundle import Bundle, read_bundle, write_bundle
from meanforce.restart.job import BUNDLE, Job, folder_of, resumable
from meanforce.restart.lock import LOCK, locked
from meanforce.restart.records import RecordFile
from meanforce.restart.stop import StopRequest
from meanforce.sampling.recompute import recompute
from meanforce.sampling.thermometer import Thermometer
from meanforce.settings.campaigns import Unbiased
from meanforce.systems.prepared import Prepared
from torsion import PROTOCOL, job_in, make_engine, metadynamics, molecule
from torsion import run as sample

FLIPS = 250
CUTS = 40


def damages(good: bytes, seed: int, flips: int = FLIPS):
    """Copies with one altered byte each, and copies cut short."""
    moments = random.Random(seed)  # noqa: S311
    for place in moments.sample(range(len(good)), min(flips, len(good))):
        content = bytearray(good)
        content[place] ^= moments.randrange(1, 256)
        yield f"byte {place}", bytes(content)
    for size in moments.sample(range(len(good)), CUTS):
        yield f"cut to {size}", good[:size]


def refusals(path: Path, read, seed: int, same, flips: int = FLIPS) -> int:
    """How many damaged copies are refused; all others must read as the good one does.

    Anything else, an error of another kind or other content, fails the test.
    """
    good, expected, refused = path.read_bytes(), read(path), 0
    for what, content in damages(good, seed, flips):
        path.write_bytes(content)
        try:
            assert same(read(path), expected), what
        except InputError:
            refused += 1
    path.write_bytes(good)
    return refused


def same_arrays(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)


# Bundles and records


def test_damaged_bundle_is_refused(tmp_path):
    path = tmp_path / BUNDLE
    write_bundle(path, Bundle({"x": np.arange(50.0), "n": np.arange(7)}, {"tick": 3, "a": None}))

    def same(one: Bundle, other: Bundle) -> bool:
        return one.info == other.info and same_arrays(one.arrays, other.arrays)

    # Every byte is covered by the header or by the checksum.
    assert refusals(path, read_bundle, 1, same) == FLIPS + CUTS
    path.write_bytes(b"")
    with pytest.raises(InputError, match=r"damaged.*delete the folder"):
        read_bundle(path)


def test_no_bundle_is_no_error_and_a_dying_writer_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / BUNDLE
    assert read_bundle(path) is None
    write_bundle(path, Bundle({}, {"tick": 1}))
    monkeypatch.setattr(os, "fsync", lambda handle: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_bundle(path, Bundle({}, {"tick": 2}))
    assert read_bundle(path).info == {"tick": 1}


def test_bundle_of_other_settings_is_refused_with_both_values(tmp_path):
    Job(tmp_path, {"settings": {"campaign": {"friction": 1.0, "kind": "x"}}}).save({}, {})
    other = Job(tmp_path, {"settings": {"campaign": {"friction": 2.0, "kind": "x"}}})
    with pytest.raises(InputError, match=r"settings\.campaign\.friction was 1\.0 and is 2\.0"):
        other.load()


def records_in(path: Path) -> RecordFile:
    return RecordFile(path, np.dtype([("a", "f8"), ("b", "i4", (3,))]))


def test_damaged_records_are_refused_and_later_ones_dropped(tmp_path):
    path = tmp_path / "records.raw"
    file = records_in(path)
    kind, content = file.kind, np.zeros(40, file.kind)
    content["a"], content["b"] = np.arange(40.0), np.arange(120).reshape(40, 3)
    file.append(content[:30])
    position = file.position()
    file.append(content[30:])
    file.position()
    file.close()
    whole = path.read_bytes()

    def read(path: Path) -> dict:
        file = RecordFile(path, kind, position)
        rows = np.concatenate([*file.blocks(7)])
        file.close()
        return {"rows": rows}

    good = 30 * kind.itemsize
    moments = random.Random(2)  # noqa: S311
    for _ in range(100):
        damaged = bytearray(whole)
        place = moments.randrange(len(whole))
        damaged[place] ^= moments.randrange(1, 256)
        path.write_bytes(damaged)
        if place < good:
            with pytest.raises(InputError, match=r"altered.*delete the folder"):
                read(path)
        else:
            # Bytes after the bundle's position are dropped in any case.
            assert np.array_equal(read(path)["rows"], content[:30])
    for size in (0, 1, good // 2, good - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"shorter than its restart bundle says"):
            read(path)
    path.unlink()
    with pytest.raises(InputError, match=r"shorter than its restart bundle says"):
        read(path)


# Trajectories and forces


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    sample(metadynamics(length=110.0), folder).__exit__()
    forces, job = folder / "forces.h5", job_in(folder / "forces")
    recompute(molecule(), folder / "trajectory.h5", forces, 1, job, lambda line: None)
    return folder


def test_damaged_trajectory_is_refused(made):
    import h5py

    path = made / "trajectory.h5"
    with h5py.File(path) as file:
        names = list(file["meanforce"])

    def read(path: Path) -> dict:
        with TrajectoryReader(path) as frames:
            with frames._checked():
                topology = frames._file["topology"][0]
            return {name: frames.array(name) for name in names} | {
                "positions": frames.positions(slice(None)),
                "times": frames.times(),
                "attributes": json.dumps(frames.attributes, sort_keys=True),
                "shape": (frames.n_frames, frames.n_atoms),
                "topology": topology,
            }

    # Space that HDF5 leaves unused, a tenth of so small a file, carries no checksum.
    assert refusals(path, read, 3, same_arrays) > 0.7 * FLIPS


def test_damaged_forces_are_refused(made):
    def read(path: Path) -> dict:
        with ForcesReader(path) as file:
            return {
                "forces": file.forces(slice(None)),
                "trajectory": file.trajectory,
                "shape": (file.n_frames, file.n_atoms),
            }

    # Energies, which no stage reads, and unused space are the rest.
    assert refusals(made / "forces.h5", read, 4, same_arrays) > 0.3 * FLIPS


def test_texts_lie_where_hdf5_has_checksums(made):
    import h5py

    for name in ("trajectory.h5", "forces.h5"):
        with h5py.File(made / name) as file:
            places = [file]
            file.visititems(lambda _, item, places=places: places.append(item))
            for item in places:
                for key, value in item.attrs.items():
                    assert not isinstance(value, str), f"{name}: {item.name}: {key}"
                if isinstance(item, h5py.Dataset) and item.size:
                    assert item.fletcher32, f"{name}: {item.name}"


def test_mdtraj_reads_the_trajectory(made):
    import mdtraj

    whole = mdtraj.load(str(made / "trajectory.h5"))
    with TrajectoryReader(made / "trajectory.h5") as frames:
        np.testing.assert_array_equal(whole.xyz, frames.positions(slice(None)))
        np.testing.assert_allclose(whole.time, frames.times())
    assert [atom.name for atom in whole.topology.atoms] == ["A", "B", "C", "D"]


# Locks


def lock_of(folder: Path, **changes) -> None:
    """A lock file of another process."""
    process = psutil.Process()
    owner = {
        "host": socket.gethostname(), "process": process.pid, "started": process.create_time(),
        "job": None,
    }  # fmt: skip
    (folder / LOCK).write_text(json.dumps(owner | changes))


def dead_process() -> dict:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = psutil.Process(process.pid).create_time()
    process.communicate(b"\n")
    return {"process": process.pid, "started": started}


def fake_squeue(folder: Path, monkeypatch, script: str) -> None:
    program = folder / "bin" / "squeue"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


def test_lock_of_a_living_process_is_respected_and_named(tmp_path):
    lock_of(tmp_path)
    with (
        pytest.raises(InputError, match=rf"process {os.getpid()} on host {socket.gethostname()}"),
        locked(tmp_path),
    ):
        pass


def test_lock_of_a_dead_process_is_taken_over(tmp_path):
    lock_of(tmp_path, **dead_process())
    with locked(tmp_path):
        assert json.loads((tmp_path / LOCK).read_text())["process"] == os.getpid()


def test_lock_of_a_process_number_given_away_is_taken_over(tmp_path):
    lock_of(tmp_path, started=psutil.Process().create_time() - 5000.0)
    with locked(tmp_path):
        pass


def test_lock_of_a_zombie_is_taken_over(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    lock_of(
        tmp_path, process=process.pid, started=psutil.Process(process.pid).create_time()
    )  # fmt: skip
    process.kill()
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    with locked(tmp_path):
        pass
    process.communicate()


@pytest.mark.parametrize("text", ["", "{", "[1]", "{}", "null", '{"host": "x"}', "\x00\x00"])
def test_lock_that_names_nobody_is_taken_over(tmp_path, text):
    (tmp_path / LOCK).write_text(text)
    with locked(tmp_path):
        pass


@pytest.mark.parametrize("text", ["", "{", "[1]"])
def test_lock_held_but_not_yet_written_is_respected(tmp_path, text):
    (tmp_path / LOCK).write_text(text)
    with (tmp_path / LOCK).open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="another process works here"), locked(tmp_path):
            pass


@pytest.mark.parametrize(
    ("answer", "gone"),
    [
        ("echo '123 normal sample user R 1:00 1 node7'", False),
        ("echo 'slurm_load_jobs error: Unable to contact controller' >&2; exit 1", False),
        ("echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1", True),
        ("exit 0", True),
    ],
)
def test_lock_of_a_slurm_job_on_another_host(tmp_path, monkeypatch, answer, gone):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    fake_squeue(tmp_path, monkeypatch, f'test "$3" = 123 || exit 2; {answer}')
    lock_of(tmp_path, host="node7.elsewhere", job="123")
    if gone:
        with locked(tmp_path):
            pass
        return
    message = r"on host node7\.elsewhere \(SLURM job 123\).*delete the file 'lock'"
    with pytest.raises(InputError, match=message), locked(tmp_path):
        pass


def test_lock_of_a_requeued_job_is_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "123")
    lock_of(tmp_path, host="node7.elsewhere", job="123")
    with locked(tmp_path):
        pass


def test_lock_of_another_host_without_a_job_is_respected(tmp_path):
    lock_of(tmp_path, host="elsewhere")
    message = "on host elsewhere works here.*certainly gone delete the file 'lock'"
    with pytest.raises(InputError, match=message), locked(tmp_path):
        pass


def test_a_process_that_ends_in_an_error_lets_go(tmp_path):
    with pytest.raises(Stopped), locked(tmp_path):
        raise Stopped("now")
    assert (tmp_path / LOCK).read_text() == ""


RACER = """
import sys, time
from pathlib import Path
from meanforce.errors import InputError
from meanforce.restart.lock import locked
folder, start = Path(sys.argv[1]), Path(sys.argv[2])
print("ready", flush=True)
while not start.exists():
    pass
try:
    with locked(folder):
        # Nobody else may be inside: making the same folder twice fails.
        (folder / "inside").mkdir()
        time.sleep(0.5)
        (folder / "inside").rmdir()
        print("won")
except InputError as error:
    assert "works here" in str(error), error
    print("lost")
"""


def test_of_processes_racing_for_a_stale_lock_one_wins(root, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(root / "workflow/scripts")}
    for number in range(4):
        folder, start = tmp_path / str(number), tmp_path / f"start{number}"
        folder.mkdir()
        lock_of(folder, **dead_process())
        racers = [
            subprocess.Popen(
                [sys.executable, "-c", RACER, folder, start],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
            )
            for _ in range(4)
        ]  # fmt: skip
        for racer in racers:
            assert racer.stdout.readline() == "ready\n"
        start.touch()
        answers = [racer.communicate() for racer in racers]
        assert sorted(out.strip() for out, _ in answers) == ["lost"] * 3 + ["won"], answers


# Work folders and stop requests


@pytest.fixture
def handlers():
    """Signal handlers as they were, after the test."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def no_scheduler(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("SLURM", "PBS", "LSB")) or name in ("JOB_ID", "_CONDOR_SLOT"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGUSR1", "SIGUSR2"])
def test_a_signal_is_a_reason_to_stop(handlers, no_scheduler, name):
    stop = StopRequest()
    assert stop() is None
    os.kill(os.getpid(), signal.Signals[name])
    assert stop() == name


def test_time_limits_count_only_where_a_scheduler_enforces_them(
    handlers, no_scheduler, monkeypatch
):
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    limited = {"alone": StopRequest(10.0)}
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    limited |= {"unknown": StopRequest(None), "limit": StopRequest(10.0), "1": StopRequest(1.0)}
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(now) + 300))
    limited["end"] = StopRequest(10.0)
    stops = {}
    for second in range(1200):
        monkeypatch.setattr(time, "time", lambda second=second: now + second)
        for name, stop in limited.items():
            if stop() is not None:
                stops.setdefault(name, second)
    # A minute before the limit, a fifth of a short one.
    assert stops == {
        "limit": pytest.approx(541, abs=1), "end": pytest.approx(240, abs=2),
        "1": pytest.approx(49, abs=1),
    }  # fmt: skip


def test_a_process_killed_while_it_cleans_up_leaves_no_job_to_go_on_with(
    tmp_path, handlers, monkeypatch
):
    output, removed, unlink = tmp_path / "result", [], Path.unlink

    def dying(path: Path) -> None:
        if len(removed) == 1:
            raise KeyboardInterrupt
        removed.append(path.name)
        unlink(path)

    with pytest.raises(KeyboardInterrupt), resumable(output, {}) as job:
        for name in ("a.raw", "z.raw"):
            (job.folder / name).touch()
        job.save({}, {})
        monkeypatch.setattr(Path, "unlink", dying)
    monkeypatch.undo()
    assert removed == [BUNDLE]
    with resumable(output, {}) as job:
        assert job.load() is None
    assert not folder_of(output).exists()


# Thermometer

SEGMENTS = 1500
SAMPLES = 60


def kinetic_ratios(rng, degrees: int, friction: float, frequency: float, interval: float):
    """Exact kinetic energies of Langevin oscillators (frequency 0: free), relative to kT/2.

    Returns:
        shape (SEGMENTS, SAMPLES), in equilibrium.
    """
    from scipy.linalg import expm

    drift = np.array([[0.0, 1.0], [-(frequency**2), -friction]])
    if frequency == 0.0:
        drift = drift[1:, 1:]
        covariance = np.eye(1)
    else:
        covariance = np.diag([1.0 / frequency**2, 1.0])
    propagator = expm(drift * interval)
    noise = np.linalg.cholesky(covariance - propagator @ covariance @ propagator.T)
    n = len(covariance)
    state = np.linalg.cholesky(covariance) @ rng.standard_normal((SEGMENTS, degrees, n, 1))
    ratios = np.empty((SEGMENTS, SAMPLES))
    for number in range(SAMPLES):
        kicks = rng.standard_normal((SEGMENTS, degrees, n, 1))
        state = propagator @ state + noise @ kicks
        ratios[:, number] = (state[:, :, -1, 0] ** 2).mean(axis=1)
    return ratios


@pytest.mark.parametrize("degrees", [1, 3, 6, 51])
@pytest.mark.parametrize(
    ("frequency", "interval"), [(0.0, 0.05), (0.0, 0.25), (0.0, 2.0), (0.3, 0.25), (20.0, 0.25)]
)
def test_thermometer_raises_no_false_alarm(degrees, frequency, interval):
    """Checked after every sample of every segment: at most 2e-4 alarms are expected in a case."""
    rng = np.random.default_rng([degrees, int(frequency * 10), int(interval * 100)])
    ratios = kinetic_ratios(rng, degrees, 1.0, frequency, interval)
    means = ratios.cumsum(axis=1) / np.arange(1, SAMPLES + 1)
    for count in range(1, SAMPLES + 1):
        thermometer = Thermometer(degrees, 1, interval, 1.0, count=count)
        low, high = thermometer.bounds()
        assert low < means[:, count - 1].min() and means[:, count - 1].max() < high
    # No sample looks like an explosion either.
    for row in ratios:
        thermometer.look(row)


def test_thermometer_bounds_narrow_to_the_allowance():
    bounds = [Thermometer(51, 1, 0.25, 1.0, count=n).bounds() for n in (1, 100, 10**4, 10**7)]
    assert np.all(np.diff([high for _, high in bounds]) < 0)
    assert np.all(np.diff([low for low, _ in bounds]) > 0)
    assert bounds[-1] == pytest.approx((0.95, 1.05), abs=0.003)


def test_wrong_thermostat_is_caught():
    """350 K for 300 K: a capped alanine (51 degrees of freedom, 1/ps) shows it in 0.5 ns."""
    rng = np.random.default_rng(5)
    for ratio, caught in ((350 / 300, True), (1.25**2, True), (1 / 1.2, True), (1.0, False)):
        thermometer = Thermometer(51, 1, 0.25, 1.0)
        velocities = rng.standard_normal(51)
        decay = np.exp(-0.25)
        for _ in range(2000):
            kicks = rng.standard_normal(51)
            velocities = decay * velocities + np.sqrt(1.0 - decay**2) * kicks
            thermometer.add(ratio * np.array([(velocities**2).mean()]))
        if caught:
            with pytest.raises(InputError, match=r"K, but its thermostat 300 K .*is wrong"):
                thermometer.check(300.0)
        else:
            thermometer.check(300.0)


# Restarts of the engine


def stopped_after(engine, job, folder: Path, stretches: int, bundle=None) -> None:
    """Let an engine run until it has been asked a few times, and stop it."""
    left = [stretches]

    def stop():
        left[0] -= 1
        return "the test" if left[0] < 0 else None

    job.stop = stop
    with pytest.raises(Stopped):
        engine.run(bundle, folder / "trajectory.h5", folder / "log.csv", folder / "segments.csv")
    job.stop = lambda: None


def go_on(campaign, folder: Path, lines: list | None = None):
    engine, job = make_engine(campaign, folder)
    if lines is not None:
        engine._report = lines.append
    engine.run(job.load(), folder / "trajectory.h5", folder / "log.csv", folder / "segments.csv")
    return TrajectoryReader(folder / "trajectory.h5")


def tampered(folder: Path, change) -> None:
    """Alter the content of a bundle, checksum included."""
    bundle = read_bundle(folder / BUNDLE)
    arrays, info = dict(bundle.arrays), dict(bundle.info)
    change(arrays, info)
    write_bundle(folder / BUNDLE, Bundle(arrays, info))


@pytest.fixture
def stopped(tmp_path):
    engine, job = make_engine(metadynamics(length=150.0), tmp_path)
    stopped_after(engine, job, tmp_path, 1400)
    return tmp_path


def another_place(arrays, info):
    """A state of the same system from elsewhere."""
    from meanforce.sampling.registry import Task, make_dynamics

    task = Task(Unbiased.model_validate(
        PROTOCOL | {"kind": "unbiased"}, context={"internal": True}
    ), {}, 300.0, 99)  # fmt: skip
    dynamics = make_dynamics(task, molecule(), threads=1)
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
    campaign = Unbiased.model_validate(
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
    # A million steps a copy of nothing but equilibration: half a minute at least.
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
    campaign = Unbiased.model_validate(
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
    campaign = Unbiased.model_validate(
        PROTOCOL | {"kind": "unbiased", "on_instability": choice}, context={"internal": True}
    )
    engine, job = make_engine(campaign, tmp_path, system=prepared)
    with pytest.raises(InputError, match=r"unstable at step 0 .*kinetic energy is not finite"):
        engine.run(job.load(), tmp_path / "t", tmp_path / "l", tmp_path / "s")


# What other files rest on

WRITER = """
import errno, resource, sys
from pathlib import Path
import numpy as np
from meanforce.data.h5md import H5mdWriter
from meanforce.data.hdf5 import new_file
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
folder, n = Path(sys.argv[1]), 5000
try:
    if sys.argv[2] == "H5MD":
        with H5mdWriter(folder / "a.h5", np.ones(1), {}, with_forces=False) as writer:
            writer.append(np.zeros((n, 1, 3)), *np.arange(4.0 * n).reshape(4, n))
    else:
        with new_file(folder / "a.h5") as file:
            file.create_dataset("x", data=np.arange(n))
            file.create_dataset("y", data=np.arange(n))
except OSError as error:
    assert error.errno == errno.EFBIG, error
    print("said")
"""


@pytest.mark.parametrize("kind", ["H5MD", "plain"])
def test_hdf5_files_end_in_good_order_where_there_is_no_room(root, tmp_path, kind):
    result = subprocess.run(
        [sys.executable, "-c", WRITER, tmp_path, kind], capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(root / "workflow/scripts")},
    )  # fmt: skip
    # HDF5 by itself would crash when the program ends.
    assert (result.returncode, result.stdout, result.stderr) == (0, "said\n", "")


@pytest.mark.parametrize("name", ["system.xml", "state.xml", "topology.cif"])
@pytest.mark.parametrize("part", [0.0, 0.3, 0.9])
def test_prepared_system_cut_short_is_refused(tmp_path, name, part):
    molecule().write(tmp_path)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(part * len(content))])
    with pytest.raises(InputError, match="is not a prepared system"):
        Prepared.read(tmp_path)
