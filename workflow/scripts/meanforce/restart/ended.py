"""The last state of a finished job, kept beside its output for a longer job to continue."""

import contextlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

ABOUT = "job.json"


def ended_folder(output: Path) -> Path:
    """Undeclared folder beside an output: Snakemake deletes declared outputs before a job runs."""
    return output.parent / f".{output.name}.end"


def keep_end(output: Path, files: list[Path], about: dict[str, Any]) -> bool:
    """Keep what a longer job needs.

    Files are hard links, which take no space of their own.

    Args:
        output: file that the job makes; the folder lies beside it.
        files: their names are kept.
        about: plain values that identify the job.

    Returns:
        whether they are kept; a file system without hard links keeps nothing.
    """
    folder = ended_folder(output)
    new = folder.with_name(f"{folder.name}.new")
    for path in (new, folder):
        shutil.rmtree(path, ignore_errors=True)
    new.mkdir(parents=True)
    try:
        for file in files:
            os.link(file, new / file.name)
        (new / ABOUT).write_text(json.dumps(about, sort_keys=True), encoding="utf-8")
        new.rename(folder)
    except OSError:
        shutil.rmtree(new, ignore_errors=True)
        return False
    return True


def read_end(output: Path) -> dict[str, Any] | None:
    """The values that identify the job whose last state is kept; None if there is none."""
    with contextlib.suppress(OSError, ValueError):
        about = json.loads((ended_folder(output) / ABOUT).read_text(encoding="utf-8"))
        return about if isinstance(about, dict) else None
    return None
