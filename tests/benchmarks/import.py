"""Speed and memory of importing frames of 22 atoms with forces from a TRR file.

    python tests/benchmarks/import.py [N_FRAMES]

makes a file of 10⁶ frames in a temporary folder, and prints the speed of the stage `import`, in
processor time, over that of a loop of the library that reads the file and does nothing with it, and
the peak memory of the process with all its imports.
"""

import os
import resource
import sys
import tempfile
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from MDAnalysis.lib.formats.libmdaxdr import TRRFile

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "workflow" / "scripts"), str(ROOT / "tests" / "support")]

from existing_runs import imported, job, prepared_alanine  # noqa: E402
from timing import paired  # noqa: E402

FRAMES = 10**6
ROUNDS = 2
WANTED = 0.5
MEMORY = 500.0
"""Largest memory, MB."""


def make(path: Path, n_frames: int, start: np.ndarray) -> None:
    """Random frames around a structure, with random forces."""
    rng, box = np.random.default_rng(1), np.zeros((3, 3), np.float32)
    moves = rng.normal(0, 0.01, (1000, *start.shape)).astype(np.float32)
    forces = rng.normal(0, 500, (1000, *start.shape)).astype(np.float32)
    with TRRFile(str(path), "w") as file:
        for k in range(n_frames):
            step = k % 1000
            file.write(start + moves[step], None, forces[step], box, k, 0.02 * k, 0.0, len(start))


def read(path: Path) -> None:
    """What the library needs for the file alone."""
    with TRRFile(str(path)) as file:
        for _ in file:
            pass


def main(n_frames: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepared = prepared_alanine(ROOT, folder / "prepared")
        make(folder / "run.trr", n_frames, np.array(prepared.positions._value, np.float32))
        # Random forces agree with no force field.
        wanted = job([str(folder / "run.trr")], has_force_field=False)
        ratio = paired(
            lambda: imported(wanted, folder / "prepared", folder / "made"),
            lambda: read(folder / "run.trr"),
            ROUNDS,
            (time.process_time, time.process_time),
        )
    print("| import | wanted | measured | range |\n|---|---|---|---|")
    print(ratio.row(f"{n_frames} frames: speed over reading alone", f"≥ {WANTED}"))
    seconds = min(first for first, _ in ratio.times)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(f"| frames per second of processor time | | {n_frames / seconds:.0f} | |")
    print(f"| peak memory, MB | < {MEMORY:g} | {peak:.0f} | |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else FRAMES)
