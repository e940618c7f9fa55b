"""Requests to stop: signals, and the approach of a job's run-time limit."""

import os
import signal
import time

SCHEDULERS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID", "_CONDOR_SLOT")
"""Environment variables that are set if a scheduler enforces a job's run-time limit."""

LONGEST_MARGIN = 60.0
"""Seconds before the limit at which a job stops by itself; a fifth of a short limit."""


class StopRequest:
    """Turns signals and the run-time limit into a reason to stop, or None.

    Args:
        minutes: the job's run-time limit; it counts only inside a scheduler's job, since nothing
            enforces it elsewhere.
    """

    def __init__(self, minutes: float | None = None) -> None:
        self._signal: str | None = None
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, self._note)
        self._deadline = _deadline(minutes)

    def _note(self, number: int, frame) -> None:
        self._signal = signal.Signals(number).name

    def __call__(self) -> str | None:
        if self._signal:
            return self._signal
        if self._deadline is not None and time.time() > self._deadline:
            return "the run-time limit is near"
        return None


def _deadline(minutes: float | None) -> float | None:
    end = os.environ.get("SLURM_JOB_END_TIME", "")
    if end.isdigit():
        limit = float(end) - time.time()
    elif minutes is not None and any(name in os.environ for name in SCHEDULERS):
        limit = 60.0 * minutes
    else:
        return None
    return time.time() + limit - min(LONGEST_MARGIN, 0.2 * limit)
