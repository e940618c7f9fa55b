"""A private SLURM of virtual nodes on this machine, and Snakemake runs that submit to it."""

import contextlib
import dataclasses
import fcntl
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

SCRIPTS = Path(__file__).resolve().parents[1] / "slurm"
NODES, PROCESSORS, MEMORY_MB = 2, 3, 9000
PATIENCE = 240.0
"""Longest time to wait for something that must happen, on a busy machine, s."""


def wait_until(condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> object:
    """Value of the condition as soon as it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds:g} s: {what}")


@dataclasses.dataclass(frozen=True)
class SlurmJob:
    """A line of squeue."""

    number: str
    state: str
    node: str
    folder: str
    comment: str


class Cluster:
    """The daemons, and the commands of a user.

    Args:
        folder: where all their files lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = dict(os.environ) | {
            "PATH": os.pathsep.join([str(folder / "bin"), os.environ["PATH"]])
        }

    def start(self) -> None:
        """Start the daemons; all nodes are idle then."""
        numbers = (_free_ports(NODES + 1), NODES, PROCESSORS, MEMORY_MB)
        command = ["bash", str(SCRIPTS / "up.sh"), str(self.folder), *map(str, numbers)]
        # In files: the daemons inherit these, and a pipe would not end before they do.
        with (self.folder / "up.log").open("w") as log:
            status = subprocess.run(command, stdout=log, stderr=log, check=False).returncode
        assert status == 0, (self.folder / "up.log").read_text()

    def stop(self) -> None:
        """Stop the daemons and all jobs, with what is left of jobs that were just starting."""
        subprocess.run(["bash", str(SCRIPTS / "down.sh"), str(self.folder)], check=False)
        left = [process for process in psutil.process_iter() if self._is_ours(process)]
        parents = [process.parent() for process in left]
        _kill([*left, *(parent for parent in parents if parent and parent.name() == "slurmstepd")])

    @classmethod
    @contextlib.contextmanager
    def running(cls, folder: Path) -> Iterator["Cluster"]:
        """A cluster, stopped at the end with all that it runs; skips where there is no SLURM.

        Only one at a time runs on a machine: other processes wait for it.
        """
        with (Path(tempfile.gettempdir()) / "meanforce-test-slurm.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = subprocess.run(
                ["bash", str(SCRIPTS / "install.sh")], capture_output=True, text=True, check=False
            )
            if done.returncode:
                pytest.skip(f"no SLURM here: {done.stderr.strip().splitlines()[-1]}")
            cluster = cls(folder)
            try:
                cluster.start()
                yield cluster
            finally:
                cluster.stop()

    def call(self, *command: str) -> str:
        """What a client command prints."""
        result = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
        return result.stdout

    def jobs(self, folder: Path, comment: str = "") -> list[SlurmJob]:
        """Jobs of the run in a folder whose comments (rule and wildcards) start so; in order."""
        mine = [job for job in self._all_jobs() if Path(job.folder) == folder]
        return [job for job in mine if job.comment.startswith(comment)]

    def _all_jobs(self) -> list[SlurmJob]:
        lines = self.call("squeue", "-h", "--states=all", "-o", "%A|%T|%N|%Z|%k").splitlines()
        found = [SlurmJob(*line.split("|", 4)) for line in lines]
        return sorted(found, key=lambda job: int(job.number))

    def job(self, number: str) -> SlurmJob:
        return next(job for job in self._all_jobs() if job.number == number)

    def lose_node(self, node: str) -> None:
        """Simulate a power failure: its daemon and all processes of its jobs are killed."""
        numbers = [job.number for job in self._all_jobs() if job.node == node]
        daemon = int((self.folder / "run" / f"slurmd.{node}.pid").read_text())
        _kill([psutil.Process(daemon)])
        _kill(self._step_daemons(numbers))
        self.call("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=lost")

    def _step_daemons(self, numbers: list[str]) -> list[psutil.Process]:
        """Processes that manage some jobs, and those below them."""
        starts = tuple(f"slurmstepd: [{number}." for number in numbers)
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.NoSuchProcess):
                if " ".join(process.cmdline()).startswith(starts):
                    below = process.children(recursive=True)
                    # Another SLURM on this machine may have jobs of the same numbers.
                    if any(self._is_ours(child) for child in below):
                        found += [process, *below]
        assert found, f"no processes of the jobs {', '.join(numbers)}"
        return found

    def _is_ours(self, process: psutil.Process) -> bool:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            return process.environ().get("SLURM_CONF") == str(self.folder / "slurm.conf")
        return False

    def bring_back(self, node: str) -> None:
        """Start a lost node again."""
        environment = self.environment | {"SLURM_CONF": str(self.folder / "slurm.conf")}
        environment["PATH"] += os.pathsep + "/usr/sbin"
        subprocess.run(["slurmd", "-N", node], env=environment, check=True)
        wait_until(
            lambda: self.call("sinfo", "-h", "-n", node, "-o", "%T").strip() == "idle",
            f"{node} is idle",
        )


BY_PROFILE = ("--profile", "config/slurm.yaml", "--slurm-status-command", "squeue")
"""The cluster has no accounting that the executor could query."""


class Run:
    """A Snakemake that submits its jobs somewhere, and checks them often."""

    def __init__(self, folder: Path, environment: dict[str, str], *arguments: str) -> None:
        self.log = folder / f"run-{time.monotonic_ns()}.log"
        command = [sys.executable, str(SCRIPTS / "snakemake_polling_fast.py"), *arguments]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=log, stderr=log
            )

    def ended(self, seconds: float = 5 * PATIENCE) -> int:
        """Its exit status. A SLURM executor whose status queries fail five times waits for ever."""
        try:
            return self.process.wait(seconds)
        finally:
            self.process.kill()

    def assert_succeeded(self) -> None:
        assert self.ended() == 0, self.log.read_text()


def _free_ports(number: int) -> int:
    """The first of `number` neighbouring ports that are not in use."""
    for first in range(17000, 32000, 20):
        with contextlib.ExitStack() as stack:
            try:
                for port in range(first, first + number):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
        return first
    raise AssertionError("no free ports")


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
