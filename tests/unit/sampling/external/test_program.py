"""The program of the stage: its files, and what it leaves when it fails."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
from existing_runs import job, write

from meanforce.data.trajectory import TrajectoryReader
from meanforce.figures.speed import atomistic


def run_program(root: Path, prepared: Path, settings: str, output: Path, *more: str):
    command = [
        sys.executable, str(root / "workflow/scripts/import_frames.py"), "--prepared",
        str(prepared), "--settings", settings, "--trajectory", str(output / "trajectory.h5"),
        "--log", str(output / "log.csv"), "--segments", str(output / "segments.csv"), *more,
    ]  # fmt: skip
    return subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )


def test_files_are_made_and_kept_where_the_next_try_fails(root, alanine, run, tmp_path):
    file = tmp_path / "run.trr"
    write(file, run)
    output = tmp_path / "system" / "T300" / "mine" / "1"
    output.mkdir(parents=True)
    settings = job([str(file)]).canonical()
    forces = ("--forces", str(output / "forces.h5"))
    made = run_program(root, alanine, settings, output, *forces)
    assert made.returncode == 0, made.stderr
    assert "60 frames of 22 atoms" in made.stderr and "100.0 % | done" in made.stderr
    names = {"trajectory.h5", "forces.h5", "log.csv", "segments.csv"}
    assert {path.name for path in output.iterdir()} == names
    # Nothing was run, so that the report has no speed.
    assert len(pd.read_csv(output / "segments.csv")) == 0
    assert atomistic([output / "segments.csv"]) == []
    before = {path.name: path.read_bytes() for path in output.iterdir()}
    file.write_bytes(file.read_bytes()[:-100])
    failed = run_program(root, alanine, settings, output, *forces)
    assert failed.returncode == 1
    assert "frame 59 cannot be read" in failed.stderr and "Traceback" not in failed.stderr
    assert {name: (output / name).read_bytes() for name in names} == before
    with TrajectoryReader(output / "trajectory.h5") as frames:
        assert frames.n_frames == 60
    missing = run_program(root, alanine, settings, output)
    assert missing.returncode == 1 and "--forces: is needed with" in missing.stderr
