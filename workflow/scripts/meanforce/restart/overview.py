"""How far a run is, as seen from outside: outputs, folders, locks and logs of its jobs."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

from meanforce.errors import InputError
from meanforce.progress import ProgressLine, parse
from meanforce.restart.job import BUNDLE, folder_of, remove
from meanforce.restart.lock import LOCK, locked, owner_of
from meanforce.restart.noted import record_of

TAIL = 4096
"""Bytes at the end of a log in which its last lines are searched."""

DONE, RUNNING, FAILED, STOPPED, WAITING = "done", "running", "failed", "stopped", "waiting"
STATES = (DONE, RUNNING, FAILED, STOPPED, WAITING)


@dataclasses.dataclass(frozen=True)
class JobProgress:
    """How far a job is.

    Attributes:
        state: one of `STATES`; stopped: it has a restart bundle and continues when started again.
        percent: of the work, if the log has it.
        phase: what a running job does, if the log has it.
        left: seconds, if the log of a running job has it.
        said: last line of the log.
    """

    state: str
    percent: float | None = None
    phase: str = ""
    left: float | None = None
    said: str = ""


def standing(output: Path, log: Path) -> JobProgress:
    """Progress of the job that writes an output and a log."""
    if output.exists():
        return JobProgress(DONE, 100.0, left=0.0)
    folder = folder_of(output)
    lines = _last_lines(log)
    said = lines[-1] if lines else ""
    if owner_of(folder) is not None:
        now = next(filter(None, map(parse, reversed(lines))), ProgressLine(None, ""))
        # Without a bundle it does not continue: the log's earlier lines are of another run.
        percent = _percent(lines) if (folder / BUNDLE).exists() else now.percent
        return JobProgress(RUNNING, percent, now.phase, now.left, said)
    if said.startswith("error: ") or any(line.startswith("Traceback ") for line in lines):
        return JobProgress(FAILED, said=said)
    if (folder / BUNDLE).exists():
        return JobProgress(STOPPED, _percent(lines), said=said)
    # A log without a result, and no process: the job was killed, or is just starting.
    return JobProgress(FAILED if lines else WAITING, said=said)


def duration(output: Path, project: Path = Path()) -> float | None:
    """Seconds that a finished job took, as Snakemake recorded them."""
    try:
        record = json.loads(record_of(output, project).read_text())
        return float(record["endtime"]) - float(record["starttime"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def work_folders(root: Path) -> Iterator[Path]:
    """Folders below a folder in which jobs work or worked.

    They have a lock or a bundle, and no folder within; others are the user's.
    """
    for path in sorted(root.rglob(".*.work")):
        # Links out of the folder are not followed.
        if path.is_dir() and not path.is_symlink():
            held = list(path.iterdir())
            ours = any(one.name in (LOCK, BUNDLE) for one in held)
            if ours and not any(one.is_dir() for one in held):
                yield path


def clean(folder: Path) -> str | None:
    """Remove the work folder of a job that is gone; only the progress in its bundle is lost.

    The lock is taken first, so that a job that starts at this moment refuses to run.

    Returns:
        why the folder was kept; None: it is gone.
    """
    try:
        with locked(folder):
            remove(folder)
    except InputError as error:
        return str(error)
    return None


def _last_lines(log: Path) -> list[str]:
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - TAIL))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return [line.strip() for line in text.splitlines() if line.strip()]


def _percent(lines: list[str]) -> float | None:
    """From the last line that has it: during set-up, a continued job is where it was."""
    found = (line.percent for line in map(parse, reversed(lines)) if line is not None)
    return next((percent for percent in found if percent is not None), None)
