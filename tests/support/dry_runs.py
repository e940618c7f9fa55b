"""Snakemake in a process that has already imported the packages that it needs.

They take a third of a dry run's time. A server imports them once and makes a copy of itself for
each run; the project's own modules are imported anew, from the folder that Snakemake runs in.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from snakemake.cli import main

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload([
    "snakemake.cli", "grimp", "h5py", "mdtraj", "openmm.app", "pint", "pydantic",
    "scipy.interpolate", "scipy.ndimage", "scipy.optimize", "scipy.sparse.csgraph",
])  # fmt: skip


def _run(folder: Path, arguments: tuple[str, ...], written: tuple[str, str]) -> None:
    for stream, path in enumerate(written, start=1):
        os.dup2(os.open(path, os.O_WRONLY), stream)
    os.chdir(folder)
    sys.argv = ["snakemake", *arguments]
    main()


def dry_run(folder: Path, *arguments: str, timeout: float) -> subprocess.CompletedProcess:
    """What Snakemake prints in a folder, and its exit status.

    Args:
        folder: with a Snakefile.
        arguments: of the command line, `-n` among them.
        timeout: s.

    Raises:
        subprocess.TimeoutExpired: it has not ended in time.
    """
    with tempfile.NamedTemporaryFile() as out, tempfile.NamedTemporaryFile() as error:
        process = SERVER.Process(target=_run, args=(folder, arguments, (out.name, error.name)))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(["snakemake", *arguments], timeout)
        said, complained = (Path(file.name).read_text() for file in (out, error))
        return subprocess.CompletedProcess(arguments, process.exitcode, said, complained)
