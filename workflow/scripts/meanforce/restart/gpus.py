"""GPUs of a machine without a scheduler: one job per GPU, or as many as the user lists it times.

Every library (torch, OpenMM's platforms) finds GPUs by itself, so all jobs would use the first one.
A job cannot use a GPU that is not visible to it.
"""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from meanforce.errors import InputError
from meanforce.restart.stop import SCHEDULERS

CUDA = "CUDA_VISIBLE_DEVICES"
"""NVIDIA's libraries, OpenCL among them, see the GPUs that this variable lists."""

HIDING = (CUDA, "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")


def show_gpus(number: int) -> None:
    """Make some free GPUs visible to this process and to programs that it becomes, and no others.

    Inside a scheduler's job, which has GPUs of its own, these stay visible.

    Raises:
        InputError: the machine has too few.
    """
    if number == 0:
        os.environ.update(dict.fromkeys(HIDING, ""))
    elif not any(name in os.environ for name in SCHEDULERS):
        os.environ[CUDA] = ",".join(_claim(number, _devices()))


def _devices() -> list[str]:
    """GPUs of this machine, or those of them that the user has chosen."""
    chosen = os.environ.get(CUDA)
    if chosen is not None:
        return [name.strip() for name in chosen.split(",") if name.strip()]
    if shutil.which("nvidia-smi") is None:
        return []
    answer = subprocess.run(
        ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"],
        capture_output=True,
        text=True,
    )
    return answer.stdout.split() if answer.returncode == 0 else []


def _claim(number: int, devices: list[str]) -> list[str]:
    """Free GPUs, held until this process and the program that it becomes have ended.

    Args:
        number: how many.
        devices: their names; one that is there several times can have as many jobs.

    Raises:
        InputError: the machine has too few.
    """
    different = len(set(devices))
    if number > different:
        raise InputError(
            f"gpu: the job asks for {number} GPUs, and {different} NVIDIA GPUs are visible on "
            f"this machine; set gpu to at most {different} for its rule (--set-resources)"
        )
    folder = Path(tempfile.gettempdir()) / f"meanforce-gpus-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    # A second job on a GPU only where all others have one.
    places = sorted((devices[:at].count(name), at, name) for at, name in enumerate(devices))
    waiting = False
    while True:
        with contextlib.ExitStack() as released:
            held = {}
            for copy, _, device in places:
                if device in held:
                    continue
                handle = _try(folder / f"{device}.{copy}".replace("/", "_"))
                if handle is not None:
                    held[device] = handle
                    released.callback(os.close, handle)
                if len(held) == number:
                    for handle in held.values():
                        os.set_inheritable(handle, True)
                    released.pop_all()
                    return list(held)
        if not waiting:
            print(f"waiting for {number} of {different} GPUs", file=sys.stderr, flush=True)
            waiting = True
        time.sleep(1.0)


def _try(path: Path) -> int | None:
    """Handle of a lock, None where another process holds it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle
