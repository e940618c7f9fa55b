"""Finished files that a run would make anew: settings, code or inputs of their jobs have changed.

Snakemake decides this, so it is asked; a table with a row for each file is its option `--summary`.
"""

import csv
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from meanforce.errors import InputError

COLUMNS = ("output_file", "plan")
PENDING = "update pending"


def pending(config_file: Path, snakefile: Path) -> set[str]:
    """Files that a run would make, or make anew.

    Args:
        config_file: of the run.
        snakefile: of the workflow.

    Raises:
        InputError: Snakemake refuses to plan the run; with its last words.
    """
    done = subprocess.run(
        [
            sys.executable, "-m", "snakemake", "--summary", "--snakefile", str(snakefile),
            "--configfile", str(config_file),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise InputError(f"Snakemake does not plan this run: {' '.join(said[-3:])}")
    return pending_of(done.stdout.splitlines())


def pending_of(lines: Sequence[str]) -> set[str]:
    """Files of which Snakemake's table has an update pending.

    Raises:
        InputError: the lines are not the table.
    """
    rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    if not set(COLUMNS) <= set(rows.fieldnames or ()):
        raise InputError("snakemake --summary: its output is not the table that is expected")
    return {row["output_file"] for row in rows if row["plan"] == PENDING}
