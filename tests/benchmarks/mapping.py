"""Speed and memory of the stage `map`, against what reading, NumPy and writing cost alone.

    python tests/benchmarks/mapping.py [--rounds 3] [--frames 1000000]

prints rows of the README's table. Nothing else should run on the machine meanwhile.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from timing import paired  # noqa: E402

from meanforce.data.forces import BLOCK, force_type, write_forces  # noqa: E402
from meanforce.data.h5md import H5mdReader  # noqa: E402
from meanforce.data.trajectory import TrajectoryReader, frame_type, write_trajectory  # noqa: E402
from meanforce.mapping.apply import Files, map_replica  # noqa: E402
from meanforce.restart.records import RecordFile  # noqa: E402
from meanforce.settings.mappings import Mapping  # noqa: E402
from meanforce.systems.prepared import Prepared  # noqa: E402
from meanforce.systems.topology import prepared_topology  # noqa: E402

SYSTEM = {
    "kind": "peptide",
    "structure": str(ROOT / "resources" / "capped_alanine.pdb"),
    "force_field": ["amber99sbildn.xml", "amber99_obc.xml"],
}
MAPPING = {"template": "heavy", "force_map": "aggregate"}
WRITTEN = 10000
"""Frames made at once."""


class Case:
    """A replica of many frames: one configuration that moves as atoms do, and noisy forces."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder, self.count = folder, count
        self.prepared, self.output = folder / "prepared", folder / "heavy.h5"
        settings = json.dumps({"system": SYSTEM, "seed": 1})
        program = ROOT / "workflow" / "scripts" / "prepare.py"
        subprocess.run(
            [sys.executable, program, "--settings", settings, "--output", self.prepared],
            check=True,
        )
        system = Prepared.read(self.prepared).system
        self.constraints = [
            tuple(system.getConstraintParameters(i)[:2]) for i in range(system.getNumConstraints())
        ]
        self.topology = prepared_topology(self.prepared / "topology.cif")
        self.trajectory, self.forces = folder / "trajectory.h5", folder / "forces.h5"
        self._write()

    def _write(self) -> None:
        prepared, n_atoms = Prepared.read(self.prepared), self.topology.n_atoms
        rng = np.random.default_rng(1)
        start = np.array(prepared.positions._value, dtype=np.float32)
        frames = RecordFile(self.folder / "frames.raw", frame_type(n_atoms, 0))
        forces = RecordFile(self.folder / "forces.raw", force_type(n_atoms))
        for first in range(0, self.count, WRITTEN):
            n = min(WRITTEN, self.count - first)
            block, labels = np.zeros(n, frames.kind), np.zeros(n, forces.kind)
            # Tumbling and shaking, so that bytes are as hard to compress as those of a real run.
            axes, _ = np.linalg.qr(rng.normal(size=(n, 3, 3)))
            shaken = start + rng.normal(0, 0.01, (n, n_atoms, 3))
            block["positions"] = np.matmul(shaken, axes)
            block["time"] = 0.02 * np.arange(first, first + n)
            labels["forces"] = rng.normal(0, 1000, (n, n_atoms, 3))
            frames.append(block)
            forces.append(labels)
        attributes = {"platform": "Reference", "temperature": 300.0, "time_step": 0.002}
        # In a box random forces need not sum to zero.
        box = 100.0 * np.eye(3)
        write_trajectory(self.trajectory, prepared.topology, frames, box, {}, attributes)
        with TrajectoryReader(self.trajectory) as reader:
            content = reader.attributes["content"]
        write_forces(self.forces, forces, {"trajectory": content})
        for records in (frames, forces):
            records.close()
        for path in self.folder.glob("*.raw"):
            path.unlink()

    def stage(self) -> None:
        """The stage's one function."""
        map_replica(
            Mapping(**MAPPING), self.topology, self.constraints,
            Files(self.trajectory, self.forces, None, self.output, self.output.with_suffix(".csv")),
            None, lambda line: None,
        )  # fmt: skip

    def program(self) -> None:
        """The stage's program."""
        program = ROOT / "workflow" / "scripts" / "map.py"
        subprocess.run(
            [
                sys.executable, program, "--prepared", self.prepared, "--trajectory",
                self.trajectory, "--forces", self.forces, "--settings",
                json.dumps({"mapping": MAPPING, "seed": None}), "--output", self.output,
                "--checks", self.folder / "checks.json", "--table", self.folder / "table.csv",
            ],
            check=True, capture_output=True,
        )  # fmt: skip

    def bound(self) -> None:
        """Read both inputs block by block, one `einsum` each, write as many bytes to a file."""
        n_atoms = self.topology.n_atoms
        matrix = np.eye(10, n_atoms)
        rows = BLOCK // (12 * n_atoms)
        with (
            h5py.File(self.trajectory) as trajectory,
            h5py.File(self.forces) as forces,
            (self.folder / "bound.raw").open("wb") as output,
        ):
            for start in range(0, self.count, rows):
                part = slice(start, start + rows)
                for array in (trajectory["coordinates"][part], forces["forces"][part]):
                    mapped = np.einsum("bi,nid->nbd", matrix, array, optimize=True)
                    output.write(mapped.astype(np.float32).tobytes())
                scalars = trajectory["time"][part], trajectory["meanforce/bias_energy"][part]
                for array in (*scalars, trajectory["meanforce/log_weight"][part]):
                    output.write(array.tobytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--frames", type=int, default=10**6)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        case = Case(Path(folder), arguments.frames)
        print("| measured | wanted | median | range |\n|---|---|---|---|", flush=True)
        name = f"{arguments.frames:,} frames of 22 atoms → 10 beads"
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        case.program()
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        sign = "≤" if peak == before else ""
        megabytes = peak * 1024 / 1e6
        print(f"| map stage, {name}: memory | < 500 MB | **{sign}{megabytes:.0f} MB** | |")
        result = paired(case.stage, case.bound, arguments.rounds)
        print(result.row(f"map stage / reading, NumPy and writing alone ({name})", "≥ 0.50"))
        for number, what in enumerate(("map stage", "bound")):
            seconds = sorted(times[number] for times in result.times)
            rate = arguments.frames / seconds[len(seconds) // 2] / 1e3
            print(f"| {what}: thousand frames a second | | {rate:.0f} | |")
        with H5mdReader(case.output) as reader:
            assert reader.n_frames == arguments.frames
        size = case.output.stat().st_size / arguments.frames
        print(f"| bytes of a stored frame (240 of positions and forces) | | {size:.0f} | |")


if __name__ == "__main__":
    main()
