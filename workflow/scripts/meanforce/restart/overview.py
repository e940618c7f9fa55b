"""How far jobs are, seen from outside: from their outputs, work folders, locks and logs."""

import base64
import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path

from meanforce.errors import InputError
from meanforce.restart.job import BUNDLE, folder_of, remove
from meanforce.restart.lock import locked, owner_of

TAIL = 4096
"""Bytes at the end of a log in which its last lines are looked for."""

DONE, RUNNING, FAILED, STOPPED, WAITING = "done", "running", "failed", "stopped", "waiting"
STATES = (DONE, RUNNING, FAILED, STOPPED, WAITING)


@dataclasses.dataclass(frozen=True)
class JobProgress:
    """How far a job is.

    Attributes:
        state: one of `STATES`; stopped: it has a restart bundle and goes on when started again.
        percent: of the work, where the log says it.
        left: seconds, where the log says it.
        said: last line of the log.
    """

    state: str
    percent: float | None = None
    left: float | None = None
    said: str = ""


def standing(output: Path, log: Path) -> JobProgress:
    """How far the job is that writes an output and a log."""
    if output.exists():
        return JobProgress(DONE, 100.0, 0.0)
    folder = folder_of(output)
    lines = _last_lines(log)
    said = lines[-1] if lines else ""
    if owner_of(folder) is not None:
        return JobProgress(RUNNING, *_progress(lines), said)
    if said.startswith("error: ") or any(line.startswith("Traceback ") for line in lines):
        return JobProgress(FAILED, said=said)
    if (folder / BUNDLE).exists():
        return JobProgress(STOPPED, *_progress(lines), said)
    # A log without a result, and nobody there: the job was killed, or starts at this moment.
    return JobProgress(FAILED if lines else WAITING, said=said)


def duration(output: Path, project: Path = Path()) -> float | None:
    """Seconds that a finished job took, as Snakemake recorded them."""
    name = base64.b64encode(str(output).encode()).decode()
    try:
        record = json.loads((project / ".snakemake" / "metadata" / name).read_text())
        return float(record["endtime"]) - float(record["starttime"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def work_folders(root: Path) -> Iterator[Path]:
    """Folders below a folder in which jobs work or worked."""
    for path in sorted(root.rglob(".*.work")):
        # Nothing outside of the folder is looked at, wherever a link leads.
        if path.is_dir() and not path.is_symlink():
            yield path


def clean(folder: Path) -> str | None:
    """Remove the work folder of a job that is gone; what is lost is what its bundle held.

    The lock is taken first, so that a job that starts at this moment refuses to.

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


def _progress(lines: list[str]) -> tuple[float | None, float | None]:
    """Percent and seconds left, from the last line that has them."""
    percent = left = None
    for line in reversed(lines):
        if percent is None and (match := re.search(r"(\d+(?:\.\d+)?) %", line)):
            percent = float(match[1])
        if left is None and (match := re.search(r"(\d+) s left", line)):
            left = float(match[1])
        if percent is not None and left is not None:
            break
    return percent, left
