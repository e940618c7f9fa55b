"""Time and memory of mapping boxes of three-site water to one bead per molecule.

    python tests/benchmarks/many_molecules.py FOLDER N_MOLECULES N_FRAMES

makes a run of random frames in FOLDER, or, where there is one, maps a third of it and all of it,
and prints a JSON line: CPU seconds per frame (by difference) and of everything else, and peak
memory beyond that of the imports. Each size needs a process of its own. Checks look at 200 frames
at most, and a third should have more.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import mdtraj
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "workflow" / "scripts"), str(ROOT / "tests" / "support")]

from molecule_boxes import topology_of, turned, write_run  # noqa: E402

from meanforce.mapping.apply import Files, map_replica  # noqa: E402
from meanforce.mapping.configuration import build_beads  # noqa: E402
from meanforce.mapping.system_atoms import SystemAtoms  # noqa: E402
from meanforce.settings.mappings import MappingSettings  # noqa: E402

MAPPING = {"molecules": {"HOH": {"beads": {"W": ["O", "H1", "H2"]}}}}
DENSITY = 33.4
"""Molecules of water in a nm³."""
TURNS = 6


def peak() -> float:
    """Largest memory of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def make(folder: Path, count: int, n_frames: int) -> None:
    """Runs of a third of the frames and of all, every atom wrapped by itself."""
    names, edge, rng = ["HOH"] * count, (count / DENSITY) ** (1 / 3), np.random.default_rng(1)
    whole = turned(names, edge, rng)
    topology = topology_of(names)
    for number in (n_frames // 3, n_frames):
        frames = np.empty((number, 3 * count, 3), dtype=np.float32)
        for frame in frames:
            moved = np.repeat(rng.uniform(0, edge, (count, 3)), 3, axis=0)
            frame[:] = (whole + moved) % edge
        forces = rng.normal(0, 500, frames.shape).astype(np.float32)
        write_run(folder / str(number), topology, frames, forces, edge * np.eye(3))


def measure(folder: Path, count: int, n_frames: int) -> dict[str, float]:
    """Seconds and MB of the stage."""
    topology = mdtraj.Topology.from_openmm(topology_of(["HOH"] * count))
    constraints = [
        (3 * k + i, 3 * k + j) for k in range(count) for i, j in ((0, 1), (0, 2), (1, 2))
    ]
    before, short = peak(), n_frames // 3

    def seconds(number: int) -> float:
        run = folder / str(number)
        files = Files(
            run / "trajectory.h5", run / "forces.h5", None, run / "beads.h5", run / "maps.csv"
        )
        start = time.process_time()
        settings = MappingSettings(**MAPPING)
        beads = build_beads(settings, topology, "mapping")
        map_replica(
            settings, beads, SystemAtoms.of(topology, constraints), files, None, lambda line: None
        )
        return time.process_time() - start

    seconds(short)
    turns = [(seconds(short), seconds(n_frames)) for _ in range(TURNS)]
    # Other load on the machine only makes them longer.
    few, many = (min(times) for times in zip(*turns, strict=True))
    frame = (many - few) / (n_frames - short)
    return {"frame": frame, "rest": few - short * frame, "memory": peak() - before}


if __name__ == "__main__":
    place, molecules, length = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    if not (place / str(length)).exists():
        make(place, molecules, length)
    else:
        print(json.dumps(measure(place, molecules, length)))
