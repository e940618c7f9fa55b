"""Sampling and forces with signals, time limits, rivals, damage, full disks and explosions."""

import csv
import filecmp
import itertools
import json
import os
import random
import resource
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from killing import command
from scipy import stats

from meanforce.data.trajectory import TrajectoryReader

pytestmark = [pytest.mark.workflow, pytest.mark.extended]

STOPPED = 75
GRACE = 5.0
"""Seconds within which a job must end when asked."""

PROTOCOL = {
    "kind": "unbiased", "length": 250.0, "stride": 0.05, "time_step": 0.002, "friction": 1.0,
    "equilibration": 4.0, "platform": "Reference",
}  # fmt: skip
LONG = {"length": 1e5}
MADE = ("trajectory.h5", "log.csv")
SCHEDULERS = ("SLURM", "PBS", "LSB", "JOB_ID", "_CONDOR")
ALONE = {name: value for name, value in os.environ.items() if not name.startswith(SCHEDULERS)}


def run(arguments: list[str], **options) -> subprocess.CompletedProcess:
    options = {"env": ALONE} | options
    return subprocess.run(arguments, capture_output=True, text=True, check=False, **options)


def start(arguments: list[str], **options) -> subprocess.Popen:
    options = {"env": ALONE} | options
    return subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


@pytest.fixture(scope="module")
def sampling(root, prepared):
    """Function that gives the command of a sampling job in a folder."""

    def build(folder: Path, *more, every: float = 0.1, seed: int = 11, **changes) -> list[str]:
        folder.mkdir(exist_ok=True)
        settings = {
            "campaign": PROTOCOL | changes, "job": 1, "temperature": 300.0,
            "collective_variables": {}, "seed": seed,
        }  # fmt: skip
        return command(
            root, "sample", "--prepared", prepared, "--settings", json.dumps(settings),
            "--trajectory", folder / "trajectory.h5", "--log", folder / "log.csv",
            "--segments", folder / "segments.csv", "--bundle-every", every, *more,
        )  # fmt: skip

    return build


@pytest.fixture(scope="module")
def once(sampling, tmp_path_factory):
    """Folder of an undisturbed run; its time limit has no effect, as no scheduler enforces it."""
    folder = tmp_path_factory.mktemp("once")
    result = run(sampling(folder, "--time-limit", 0.005))
    assert result.returncode == 0, result.stderr
    return folder


def work(output: Path) -> Path:
    return output.parent / f".{output.name}.work"


def wait_for_bundle(process: subprocess.Popen, folder: Path, number: int = 2) -> None:
    """Wait until a job has written some bundles."""
    bundle, seen = folder / "bundle", set()
    while len(seen) < number:
        assert process.poll() is None, process.communicate()
        if bundle.exists():
            seen.add(bundle.stat().st_mtime_ns)
        time.sleep(0.005)


def assert_error(result, text: str) -> None:
    """The program ended with one clear line."""
    assert result.returncode == 1, result.stderr
    assert text in result.stderr
    assert "Traceback" not in result.stderr and "Exception ignored" not in result.stderr


def assert_identical(once: Path, again: Path, names=MADE) -> None:
    for name in names:
        assert filecmp.cmp(once / name, again / name, shallow=False), name
    assert not list(again.glob(".*.work"))


# Requests to stop


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_sampling_stops_when_asked_and_goes_on(sampling, once, tmp_path, name):
    arguments = sampling(tmp_path, every=30)
    process = start(arguments)
    wait_for_bundle(process, work(tmp_path / "trajectory.h5"), number=1)
    time.sleep(random.Random(name).uniform(0.0, 0.6))  # noqa: S311
    process.send_signal(signal.Signals[name])
    asked = time.monotonic()
    _, error = process.communicate(timeout=GRACE + 5)
    assert time.monotonic() - asked < GRACE
    assert process.returncode == STOPPED
    assert f"stopped ({name}); the same command goes on from here" in error
    assert "Traceback" not in error
    folder = work(tmp_path / "trajectory.h5")
    assert (folder / "bundle").is_file() and (folder / "lock").read_text() == ""
    assert not (tmp_path / "trajectory.h5").exists()
    result = run(arguments)
    assert result.returncode == 0, result.stderr
    assert "going on at" in result.stderr
    assert_identical(once, tmp_path)
    assert len((tmp_path / "segments.csv").read_text().splitlines()) == 3


def test_forces_stop_when_asked_and_go_on(root, prepared, sampling, tmp_path):
    result = run(sampling(tmp_path, length=600.0, stride=0.02, time_step=0.004))
    assert result.returncode == 0, result.stderr

    def arguments(output: Path) -> list[str]:
        return command(
            root, "forces", "--prepared", prepared, "--trajectory", tmp_path / "trajectory.h5",
            "--output", output, "--bundle-every", "0.1",
        )  # fmt: skip

    for name in ("once", "again"):
        (tmp_path / name).mkdir()
    assert run(arguments(tmp_path / "once" / "forces.h5")).returncode == 0
    output = tmp_path / "again" / "forces.h5"
    process = start(arguments(output))
    wait_for_bundle(process, work(output), number=1)
    process.send_signal(signal.SIGTERM)
    asked = time.monotonic()
    _, error = process.communicate(timeout=GRACE + 5)
    assert time.monotonic() - asked < GRACE
    assert process.returncode == STOPPED, error
    assert "stopped (SIGTERM)" in error and "Traceback" not in error
    assert (work(output) / "bundle").is_file()
    assert run(arguments(output)).returncode == 0
    assert_identical(tmp_path / "once", tmp_path / "again", ["forces.h5"])


@pytest.mark.parametrize("source", ["option", "environment"])
def test_sampling_stops_by_itself_before_its_run_time_limit(sampling, tmp_path, source):
    began, environment, options = time.time(), ALONE | {"SLURM_JOB_ID": "1"}, []
    if source == "option":
        options, end = ["--time-limit", 0.1], began + 6.0
    else:
        end = int(began) + 7
        environment["SLURM_JOB_END_TIME"] = str(end)
    arguments = sampling(tmp_path, *options, **LONG)
    result = run(arguments, env=environment, timeout=60)
    assert result.returncode == STOPPED
    assert "stopped (the run-time limit is near)" in result.stderr
    # An option counts from when the program has been loaded.
    assert 3.0 < time.time() - began < end - began + 2.0 * (source == "option")
    assert (work(tmp_path / "trajectory.h5") / "bundle").is_file()


def test_a_retry_of_snakemake_goes_on_with_a_stopped_job(sampling, once, tmp_path):
    (tmp_path / "job.sh").write_text(f"exec {shlex.join(sampling(tmp_path))}\n")
    (tmp_path / "Snakefile").write_text(
        "rule sample:\n"
        "    output: 'trajectory.h5', 'log.csv', 'segments.csv'\n"
        "    retries: 2\n"
        "    shell: 'sh job.sh > sample.log 2>&1'\n"
    )
    process = start([sys.executable, "-m", "snakemake", "--cores", "1"], cwd=tmp_path)
    folder = work(tmp_path / "trajectory.h5")
    wait_for_bundle(process, folder)
    os.kill(json.loads((folder / "lock").read_text())["process"], signal.SIGTERM)
    output, error = process.communicate(timeout=100)
    assert process.returncode == 0, output + error
    assert "going on at" in (tmp_path / "sample.log").read_text()
    for name in MADE:
        assert filecmp.cmp(once / name, tmp_path / name, shallow=False)
    assert len((tmp_path / "segments.csv").read_text().splitlines()) == 3


# Rivals


def test_a_second_process_on_the_same_folder_is_refused(sampling, once, tmp_path):
    arguments = sampling(tmp_path)
    first = start(arguments)
    wait_for_bundle(first, work(tmp_path / "trajectory.h5"), number=1)
    # Paused, so that it is still there however long the second takes to start.
    first.send_signal(signal.SIGSTOP)
    second = run(arguments)
    first.send_signal(signal.SIGCONT)
    assert_error(second, f"process {first.pid} on host {socket.gethostname()} works here; wait")
    _, error = first.communicate(timeout=60)
    assert first.returncode == 0, error
    assert_identical(once, tmp_path)


# Damage


@pytest.fixture(scope="module")
def stopped(sampling, tmp_path_factory):
    """A job that was killed in its middle."""
    folder = tmp_path_factory.mktemp("stopped")
    process = start(sampling(folder))
    wait_for_bundle(process, work(folder / "trajectory.h5"), number=4)
    process.kill()
    process.communicate()
    return folder


DAMAGES = {
    "bundle": (slice(0, -1), "the restart bundle is damaged"),
    "frames.raw": (slice(0, 300), "is shorter than its restart bundle requires"),
    "checks.raw": (slice(0, 0), "is shorter than its restart bundle requires"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_refused_and_said(sampling, stopped, tmp_path, name):
    kept, message = DAMAGES[name]
    shutil.copytree(stopped, tmp_path, dirs_exist_ok=True)
    path = work(tmp_path / "trajectory.h5") / name
    path.write_bytes(path.read_bytes()[kept])
    assert_error(run(sampling(tmp_path)), message)
    assert not (tmp_path / "trajectory.h5").exists()


def test_bundle_of_other_settings_is_refused_with_both_values(sampling, stopped):
    result = run(sampling(stopped, friction=2.0, stride=0.1))
    assert_error(result, "settings.campaign.friction was 1.0 and is 2.0")
    assert "settings.campaign.stride was 0.05 and is 0.1" in result.stderr


# Full disks


@pytest.mark.parametrize("place", ["first records", "records", "trajectory"])
def test_full_disk_is_said_and_nothing_is_lost(sampling, once, tmp_path, place):
    """A limit on the size of files, which the job meets in its records or in the finished file."""
    records, whole = 5000 * (8 + 8 + 8 + 4 + 12 * 22), (once / "trajectory.h5").stat().st_size
    room = {"first records": 20_000, "records": 300_000, "trajectory": whole - 5000}[place]
    assert room > records if place == "trajectory" else room < records
    arguments = sampling(tmp_path)
    result = run(
        arguments, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    )
    assert_error(result, "error: the disk is full (")
    assert "nothing that was saved is lost" in result.stderr
    result = run(arguments)
    assert result.returncode == 0, result.stderr
    assert_identical(once, tmp_path)


@pytest.fixture
def small_disk(tmp_path):
    """Function that mounts an empty disk of some size, or makes the mounted one larger."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def make(size: int, *options: str) -> Path:
        setting = ",".join([f"size={size}", *options])
        mount = run(["mount", "-t", "tmpfs", "-o", setting, "tmpfs", str(folder)])
        if mount.returncode:
            pytest.skip(f"mounting is not permitted here: {mount.stderr.strip()}")
        return folder

    yield make
    run(["umount", str(folder)])


@pytest.mark.parametrize("room", [100_000, 2_400_000])
def test_small_disk_is_said_and_with_room_the_run_goes_on(sampling, once, small_disk, room):
    folder = small_disk(room)
    arguments = sampling(folder)
    result = run(arguments)
    assert_error(result, "error: the disk is full (")
    small_disk(20_000_000, "remount")
    result = run(arguments)
    assert result.returncode == 0, result.stderr
    assert_identical(once, folder)


# Explosions


def test_explosion_is_reported(sampling, tmp_path):
    result = run(sampling(tmp_path, time_step=0.02))
    assert_error(result, "error: the run became unstable at step ")
    assert "its last good frame is number 0; use a smaller time_step (given 20 fs)" in result.stderr


def test_explosion_is_mended_with_half_the_time_step(sampling, tmp_path):
    result = run(sampling(tmp_path, time_step=0.01, length=50.0, on_instability="halve_time_step"))
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("going back to the last restart bundle with half") == 1
    with TrajectoryReader(tmp_path / "trajectory.h5") as frames:
        assert frames.attributes["time_step_halved_at_tick"] is not None
        np.testing.assert_allclose(frames.times(), 0.05 * np.arange(1, 1001), rtol=1e-9)


# Platforms that are not deterministic

FRAMES = 2400
BLOCKS = 24
"""Of 5 ps. In long runs the block means of what is compared have correlations below 0.06."""


def series_of(folder: Path) -> dict[str, np.ndarray]:
    """The bond CA–CB, an angle H–C–H of the first cap and the potential energy in time."""
    with TrajectoryReader(folder / "trajectory.h5") as frames:
        positions = frames.positions(slice(None)).astype(float)
        assert frames.attributes["platform"] == "CPU"
    bond = np.linalg.norm(positions[:, 8] - positions[:, 10], axis=1)
    one, other = positions[:, 0] - positions[:, 1], positions[:, 2] - positions[:, 1]
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    with (folder / "log.csv").open() as file:
        energy = [float(row["potential_energy_kj_mol"]) for row in csv.DictReader(file)]
    return {
        "bond": bond,
        "angle": np.arccos((one * other).sum(axis=1) / lengths),
        "energy": np.array(energy),
    }


def test_on_the_cpu_platform_a_killed_run_is_continuous_and_statistically_the_same(
    sampling, tmp_path
):
    cpu = {"platform": "CPU", "length": 0.05 * FRAMES, "friction": 5.0}
    undisturbed = start(sampling(tmp_path / "once", seed=12, **cpu))
    arguments = sampling(tmp_path / "killed", **cpu)
    for _ in range(3):
        process = start(arguments)
        wait_for_bundle(process, work(tmp_path / "killed" / "trajectory.h5"), number=3)
        process.kill()
        process.communicate()
    result = run(arguments)
    assert result.returncode == 0, result.stderr
    _, error = undisturbed.communicate(timeout=60)
    assert undisturbed.returncode == 0, error

    with (tmp_path / "killed" / "segments.csv").open() as file:
        segments = list(csv.DictReader(file))
    assert len(segments) == 4
    assert all(a["to_ps"] == b["from_ps"] for a, b in itertools.pairwise(segments))
    positions, times = {}, {}
    for name in ("once", "killed"):
        with TrajectoryReader(tmp_path / name / "trajectory.h5") as frames:
            positions[name], times[name] = frames.positions(slice(None)), frames.times()
        np.testing.assert_allclose(times[name], 0.05 * np.arange(1, FRAMES + 1), rtol=1e-9)
    # From one frame to the next nothing moves further than it does in the undisturbed run.
    moved = {
        name: np.sqrt((np.diff(frames, axis=0) ** 2).sum(axis=2).mean(axis=1))
        for name, frames in positions.items()
    }
    restarts = np.array([float(row["from_ps"]) for row in segments[1:]]) - 4.0
    steps = np.searchsorted(times["killed"], restarts[restarts > 0.05], side="right") - 1
    assert len(steps) and (moved["killed"][steps] < 1.2 * moved["once"].max()).all()
    assert moved["killed"].min() > 0.5 * moved["once"].min(), "a frame is there twice"
    # A frame from elsewhere would show: after 1 ps the molecule is further away.
    far = np.sqrt(((positions["once"][20:] - positions["once"][:-20]) ** 2).sum(2).mean(1))
    assert np.median(far) > 1.2 * moved["once"].max()

    series = {name: series_of(tmp_path / name) for name in ("once", "killed")}
    for name in series["once"]:
        once, killed = series["once"][name], series["killed"][name]
        center = once.mean()
        for power in (1, 2):
            means = [
                [((block - center) ** power).mean() for block in np.array_split(values, BLOCKS)]
                for values in (once, killed)
            ]
            # Six comparisons: false alarms below 1e-4 together. Temperatures that differ by 20 %
            # would move the energy by 7 standard errors.
            p = stats.ttest_ind(*means, equal_var=False).pvalue
            assert p > 5e-6, f"{name}, power {power}"
