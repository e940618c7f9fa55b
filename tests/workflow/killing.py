"""Programs that are killed at random moments, and started again."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

KILLS = 4
BUNDLE_EVERY = "0.1"


def command(root, program: str, *arguments) -> list[str]:
    return [sys.executable, str(root / f"workflow/scripts/{program}.py"), *map(str, arguments)]


def run(arguments: list[str]) -> subprocess.CompletedProcess:
    return subprocess.run(arguments, capture_output=True, text=True, check=False)


def run_killed(arguments: list[str], bundle: Path, seed: str) -> int:
    """Kill -9 at random moments, start again, let it end; returns how often it was killed.

    The first process dies anywhere, its start included; the others after they got further.
    """
    moments = random.Random(seed)  # noqa: S311
    killed = 0
    for number in range(KILLS):
        before = bundle.stat().st_mtime_ns if bundle.exists() else 0
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if number == 0:
            time.sleep(moments.uniform(0.05, 1.2))
        else:
            wait_for_bundle(process, bundle, before)
            time.sleep(moments.uniform(0.0, 0.4))
        process.kill()
        killed += process.wait() == -signal.SIGKILL
        process.communicate()
    result = run(arguments)
    assert result.returncode == 0, result.stderr
    return killed


def wait_for_bundle(process: subprocess.Popen, bundle: Path, before: int) -> None:
    """Wait until a running process has replaced a bundle last written at `before` (ns)."""
    while process.poll() is None and not (bundle.exists() and bundle.stat().st_mtime_ns > before):
        time.sleep(0.01)
