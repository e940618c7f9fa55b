"""Jobs see their GPUs and no others, and share one only where the user wants it."""

import os
import signal
import subprocess
import sys
import time

import pytest

from meanforce.restart.stop import SCHEDULERS

SHOW = [sys.executable, "-c", "import os; print(repr(os.environ['CUDA_VISIBLE_DEVICES']))"]
# It prints which GPU it has, and keeps it.
KEEP = [
    sys.executable, "-c",
    "import os, time; print(os.environ['CUDA_VISIBLE_DEVICES'], flush=True); time.sleep(60)",
]  # fmt: skip


@pytest.fixture
def machine(tmp_path):
    """Environment of a machine with an ``nvidia-smi`` that lists two GPUs."""
    tool = tmp_path / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\nprintf '0\\n1\\n'\n")
    tool.chmod(0o755)
    hidden = (*SCHEDULERS, "CUDA_VISIBLE_DEVICES")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    path = os.pathsep.join([str(tool.parent), environment["PATH"]])
    return environment | {"PATH": path, "TMPDIR": str(tmp_path)}


@pytest.fixture
def command(root):
    return lambda number, program: [
        sys.executable, str(root / "workflow" / "scripts" / "with_gpu.py"), str(number), *program
    ]  # fmt: skip


def run(arguments, environment) -> subprocess.CompletedProcess:
    return subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)


def test_without_a_gpu_of_its_own_a_job_sees_none(command, machine):
    assert run(command(0, SHOW), machine).stdout == "''\n"
    assert run(command(0, SHOW), machine | {"CUDA_VISIBLE_DEVICES": "1"}).stdout == "''\n"


def test_two_jobs_never_share_a_gpu_and_a_third_waits(command, machine):
    jobs = []
    try:
        for _ in range(2):
            jobs.append(
                subprocess.Popen(command(1, KEEP), env=machine, stdout=subprocess.PIPE, text=True)
            )
        seen = [job.stdout.readline().strip() for job in jobs]
        assert sorted(seen) == ["0", "1"]
        third = subprocess.Popen(
            command(1, SHOW), env=machine, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        jobs.append(third)
        assert third.stderr.readline() == "waiting for 1 of 2 GPUs\n"
        time.sleep(0.2)
        assert third.poll() is None
        # Even a job that is killed gives its GPU back.
        jobs[1].send_signal(signal.SIGKILL)
        assert third.communicate(timeout=10)[0] == repr(seen[1]) + "\n"
    finally:
        for job in jobs:
            job.kill()
            job.communicate()


def test_both_gpus_for_one_job_and_only_those_the_user_chose(command, machine):
    assert run(command(2, SHOW), machine).stdout == "'0,1'\n"
    assert run(command(1, SHOW), machine | {"CUDA_VISIBLE_DEVICES": "7"}).stdout == "'7'\n"


def test_jobs_share_a_gpu_that_the_user_lists_several_times(command, machine):
    shared = machine | {"CUDA_VISIBLE_DEVICES": "0,1,1"}
    jobs = []
    try:
        for _ in range(3):
            jobs.append(
                subprocess.Popen(command(1, KEEP), env=shared, stdout=subprocess.PIPE, text=True)
            )
        assert sorted(job.stdout.readline().strip() for job in jobs) == ["0", "1", "1"]
        result = run(command(3, SHOW), shared)
        assert result.stderr.startswith("error: gpu: the job asks for 3 GPUs, and 2 NVIDIA GPUs")
    finally:
        for job in jobs:
            job.kill()
            job.communicate()
    # A job of two GPUs has two different ones, and a GPU that is free comes before one that is not.
    assert run(command(2, SHOW), machine | {"CUDA_VISIBLE_DEVICES": "1,1,0"}).stdout == "'1,0'\n"


def test_gpus_of_a_scheduler_are_taken_as_they_are(command, machine):
    given = machine | {"SLURM_JOB_ID": "1", "CUDA_VISIBLE_DEVICES": "3"}
    assert run(command(1, SHOW), given).stdout == "'3'\n"


@pytest.mark.parametrize("visible", [None, "0"])
def test_too_few_gpus_are_said_in_one_sentence(command, machine, visible):
    given = machine if visible is None else machine | {"CUDA_VISIBLE_DEVICES": visible}
    result = run(command(3, SHOW), given)
    assert result.returncode == 1
    assert result.stderr.startswith("error: gpu: the job asks for 3 GPUs, and ")
    assert result.stderr.count("\n") == 1


def test_wrong_use_is_said(command, machine):
    result = run(command("one", SHOW), machine)
    assert result.returncode == 1 and result.stderr.startswith("error: usage: with_gpu.py")


def test_status_of_the_program_is_kept(command, machine):
    assert run(command(0, [sys.executable, "-c", "raise SystemExit(75)"]), machine).returncode == 75
