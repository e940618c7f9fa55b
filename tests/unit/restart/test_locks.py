"""Locks of work folders, and requests to stop."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from meanforce.errors import InputError, Stopped
from meanforce.restart.job import BUNDLE, folder_of, resumable
from meanforce.restart.lock import LOCK, locked
from meanforce.restart.overview import clean, work_folders
from meanforce.restart.stop import StopRequest

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


def test_only_folders_of_jobs_are_cleaned(tmp_path):
    """Others with such a name are the user's."""
    folder = folder_of(tmp_path / "result")
    with pytest.raises(InputError), resumable(tmp_path / "result", {}) as job:
        job.save({}, {})
        raise InputError("it fails")
    for name in (".notes.work/text", ".data.work/lock/text"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    assert list(work_folders(tmp_path)) == [folder]
    assert clean(folder) is None
    assert not folder.exists() and list(work_folders(tmp_path)) == []
