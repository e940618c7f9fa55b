"""A lock on a job's folder: two processes never write the same results."""

import contextlib
import errno
import fcntl
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from meanforce.errors import InputError

LOCK = "lock"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder, which is made where it is missing.

    The lock names its owner: host, process and, inside a cluster, job. It is taken over from an
    owner that is certainly gone: a dead process of this host, a SLURM job that has ended.

    Raises:
        InputError: another process holds it, or may hold it.
    """
    folder = folder.absolute()
    handle = _open(folder)
    try:
        owner = _owner(handle)
        if owner and not _is_gone(owner):
            raise InputError(_refusal(folder, owner))
        os.ftruncate(handle, 0)
        try:
            os.pwrite(handle, json.dumps(_identity()).encode(), 0)
            os.fsync(handle)
            yield
        finally:
            # Release the lock in any case: the next process may be on another host.
            os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def owner_of(folder: Path) -> dict[str, Any] | None:
    """Who works in a folder, or may work there; None: nobody. It only reads, and locks nothing."""
    try:
        handle = os.open(folder / LOCK, os.O_RDONLY)
    except OSError:
        return None
    try:
        owner = _owner(handle)
    finally:
        os.close(handle)
    return owner if owner and not _is_gone(owner) else None


def _owner(handle: int) -> dict[str, Any]:
    """Contents of the lock; empty if its last owner released it or died while writing it."""
    with contextlib.suppress(ValueError):
        owner = json.loads(os.pread(handle, 4096, 0))
        if isinstance(owner, dict) and owner.keys() == _identity().keys():
            return owner
    return {}


def _open(folder: Path) -> int:
    path = folder / LOCK
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except FileNotFoundError:  # the last owner removed the folder in between
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            # Some network file systems have no such locks; there, only the owner's name is used.
            if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP):
                owner = _owner(handle)
                os.close(handle)
                raise InputError(_refusal(folder, owner)) from None
        try:
            if os.fstat(handle).st_ino == path.stat().st_ino:
                return handle
        except FileNotFoundError:
            pass
        os.close(handle)


def _identity() -> dict[str, Any]:
    process = psutil.Process()
    return {
        "host": socket.gethostname(),
        "process": process.pid,
        "started": process.create_time(),
        "job": os.environ.get("SLURM_JOB_ID"),
    }


def _is_gone(owner: dict[str, Any]) -> bool:
    if owner["host"] == socket.gethostname():
        try:
            process = psutil.Process(owner["process"])
            # A process number may have been given to another process since; and a dead process that
            # its parent has not waited for, as in many containers, keeps its number.
            other = abs(process.create_time() - owner["started"]) > 1.0
            return other or process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True
    if not owner["job"]:
        return False
    # A requeued job keeps its number; its earlier run on another host has ended.
    return owner["job"] == os.environ.get("SLURM_JOB_ID") or not _job_lives(owner["job"])


def _job_lives(job: str) -> bool:
    try:
        answer = subprocess.run(
            ["squeue", "--noheader", "--jobs", job], capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return True
    if answer.returncode != 0:
        return "Invalid job id" not in answer.stderr
    return bool(answer.stdout.strip())


def _refusal(folder: Path, owner: dict[str, Any]) -> str:
    if not owner:
        return f"{folder}: another process works here; wait for it, or end it first"
    job = f" (SLURM job {owner['job']})" if owner["job"] else ""
    return (
        f"{folder}: process {owner['process']} on host {owner['host']}{job} works here; wait for "
        f"it or end it, and if it is certainly gone delete the file '{LOCK}' there"
    )
