"""Progress lines and files that appear only when they are complete."""

import contextlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path


def report(line: str) -> None:
    """Say on stderr how far a job is."""
    print(line, file=sys.stderr, flush=True)


@contextlib.contextmanager
def work_folder(output: Path) -> Iterator[Path]:
    """An undeclared folder beside an output, in which a job works; removed when it succeeds.

    A job renames its finished files from here into place, so that a file under its final name
    is always complete.
    """
    folder = output.parent / f".{output.name}.work"
    folder.mkdir(parents=True, exist_ok=True)
    yield folder
    shutil.rmtree(folder)
