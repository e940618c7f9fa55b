"""Speed and memory of the stage `map`, against what reading, NumPy and writing cost alone.

    python tests/benchmarks/mapping.py [--rounds 5] [--frames 1000000] [--box 3]
    python tests/benchmarks/mapping.py --against CHECKOUT [--frames 100000] [--box 3]
    python tests/benchmarks/mapping.py --molecules 500 1000 5000 [--frames 900]

prints rows of the README's table, or compares the speed with that of another checkout of the
repository, or shows time and memory of boxes of water. Nothing else should run on the machine
meanwhile. All have one thread, as the rule gives it.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Self

os.environ["OMP_NUM_THREADS"] = "1"

import h5py
import numpy as np
import openmm
from openmm import unit

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = os.environ.get("MEANFORCE_CHECKOUT", ROOT)
sys.path.insert(0, str(Path(LIBRARY) / "workflow" / "scripts"))

from timing import paired  # noqa: E402

from meanforce.data.forces import force_type, write_forces  # noqa: E402
from meanforce.data.h5md import H5mdReader  # noqa: E402
from meanforce.data.trajectory import TrajectoryReader  # noqa: E402
from meanforce.data.trajectory_writer import frame_type, write_trajectory  # noqa: E402
from meanforce.jobs.beads import BeadsJob  # noqa: E402
from meanforce.mapping.apply import Files, map_replica  # noqa: E402
from meanforce.mapping.one_mapping import beads_of  # noqa: E402
from meanforce.mapping.system_atoms import SystemAtoms  # noqa: E402
from meanforce.restart.records import RecordFile  # noqa: E402
from meanforce.settings.mappings import MappingSettings  # noqa: E402
from meanforce.systems.prepared import Prepared  # noqa: E402
from meanforce.systems.topology import prepared_topology  # noqa: E402

SYSTEM = {
    "kind": "peptide",
    "structure": str(ROOT / "resources" / "capped_alanine.pdb"),
    "force_field": ["amber99sbildn.xml", "amber99_obc.xml"],
}
MAPPING = {"template": "heavy", "force_map": "aggregate"}
DISTINCT = 10000
"""Frames of the simulation behind the files, as many as the table of force maps looks at."""
STEPS = 20
"""Of 2 fs between these frames."""
WRITTEN = 10000
"""Frames made at once."""


def simulated(prepared: Prepared) -> tuple[np.ndarray, np.ndarray]:
    """Positions in nm and forces in kJ/mol/nm of a run, shape (DISTINCT, n_atoms, 3)."""
    integrator = openmm.LangevinMiddleIntegrator(300.0, 1.0, 0.002)
    integrator.setRandomNumberSeed(1)
    platform = openmm.Platform.getPlatformByName("Reference")
    context = openmm.Context(prepared.system, integrator, platform)
    context.setPositions(prepared.positions)
    context.setVelocitiesToTemperature(300.0, 1)
    frames, length = [], unit.nanometer
    for _ in range(DISTINCT):
        integrator.step(STEPS)
        state = context.getState(positions=True, forces=True)
        forces = state.getForces(asNumpy=True).value_in_unit(unit.kilojoule_per_mole / length)
        frames.append((state.getPositions(asNumpy=True).value_in_unit(length), forces))
    return tuple(np.array(values) for values in zip(*frames, strict=True))


class Case:
    """A replica of many frames: those of a simulation, each turned at random many times.

    Args:
        folder: where to make its files.
        count: number of frames.
        box: edge of a cubic periodic box in nm, which means that molecules are unwrapped; or None.
    """

    def __init__(self, folder: Path, count: int, box: float | None = None) -> None:
        self.count, self.box = count, box
        self._place(folder)
        settings = json.dumps({"system": SYSTEM, "seed": 1})
        program = ROOT / "workflow" / "scripts" / "prepare.py"
        subprocess.run(
            [sys.executable, program, "--settings", settings, "--output", self.prepared],
            check=True,
        )
        self._read()
        self._write()

    @classmethod
    def made(cls, folder: Path) -> Self:
        """The case that another process has made."""
        case = cls.__new__(cls)
        case._place(folder)
        case._read()
        return case

    def _place(self, folder: Path) -> None:
        self.folder = folder
        self.prepared = folder / "prepared"
        self.trajectory, self.forces = folder / "trajectory.h5", folder / "forces.h5"
        self.output = folder / f"heavy-{os.getpid()}.h5"

    def _read(self) -> None:
        system = Prepared.read(self.prepared).system
        self.constraints = [
            tuple(system.getConstraintParameters(i)[:2]) for i in range(system.getNumConstraints())
        ]
        self.topology = prepared_topology(self.prepared / "topology.cif")
        mapped = beads_of(BeadsJob.of(name="heavy", mapping=MAPPING), self.prepared)
        mapped.write(self.folder / "beads.json")
        self.beads = mapped.beads["sum"]

    def _write(self) -> None:
        prepared, n_atoms = Prepared.read(self.prepared), self.topology.n_atoms
        positions, labels = simulated(prepared)
        rng = np.random.default_rng(1)
        frames = RecordFile(self.folder / "frames.raw", frame_type(n_atoms, 0))
        forces = RecordFile(self.folder / "forces.raw", force_type(n_atoms))
        for first in range(0, self.count, WRITTEN):
            n = min(WRITTEN, self.count - first)
            block, own = np.zeros(n, frames.kind), np.zeros(n, forces.kind)
            # Bytes are as hard to compress as those of a real run, total forces and torques
            # vanish, and the frames that the table looks at are all different.
            chosen = (first + np.arange(n)) * DISTINCT // self.count
            axes, _ = np.linalg.qr(rng.normal(size=(n, 3, 3)))
            axes *= np.linalg.det(axes)[:, None, None]
            block["positions"] = np.matmul(positions[chosen], axes)
            block["time"] = 0.02 * np.arange(first, first + n)
            own["forces"] = np.matmul(labels[chosen], axes)
            frames.append(block)
            forces.append(own)
        attributes = {"platform": "Reference", "temperature": 300.0, "time_step": 0.002}
        box = None if self.box is None else self.box * np.eye(3)
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
            MappingSettings(**MAPPING), self.beads, SystemAtoms.of(self.topology, self.constraints),
            Files(self.trajectory, self.forces, None, self.output, self.output.with_suffix(".csv")),
            None, lambda line: None,
        )  # fmt: skip

    def program(self) -> None:
        """The stage's program."""
        program = ROOT / "workflow" / "scripts" / "map.py"
        subprocess.run(
            [
                sys.executable, program, "--prepared", self.prepared, "--beads",
                self.folder / "beads.json", "--trajectory", self.trajectory, "--forces",
                self.forces, "--settings",
                json.dumps({"mapping": MAPPING, "seed": None}), "--output", self.output,
                "--checks", self.folder / "checks.json", "--table", self.folder / "table.csv",
            ],
            check=True, capture_output=True,
        )  # fmt: skip

    def bound(self) -> None:
        """Read both inputs by chunks of forces, one `einsum` each, write as many bytes."""
        n_atoms = self.topology.n_atoms
        matrix = np.eye(10, n_atoms)
        with (
            h5py.File(self.trajectory) as trajectory,
            h5py.File(self.forces) as forces,
            (self.folder / "bound.raw").open("wb") as output,
        ):
            rows = forces["forces"].chunks[0]
            for start in range(0, self.count, rows):
                part = slice(start, start + rows)
                for array in (trajectory["coordinates"][part], forces["forces"][part]):
                    mapped = np.einsum("bi,nid->nbd", matrix, array, optimize=True)
                    output.write(mapped.astype(np.float32).tobytes())
                scalars = trajectory["time"][part], trajectory["meanforce/bias_energy"][part]
                for array in (*scalars, trajectory["meanforce/log_weight"][part]):
                    output.write(array.tobytes())


class Server:
    """The stage in a process of its own, with the library of a checkout.

    Args:
        checkout: of the repository.
        case: what is mapped.
    """

    def __init__(self, checkout: Path, case: Case) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--serve", case.folder],
            env=os.environ | {"MEANFORCE_CHECKOUT": str(checkout)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._seconds = 0.0

    def stage(self) -> None:
        """Map once."""
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        self._seconds += float(self._process.stdout.readline())

    def seconds(self) -> float:
        """The processor's, of all that was mapped so far."""
        return self._seconds

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def serve(case: Case) -> None:
    """Map whenever a line comes, and print the processor's seconds."""
    for _ in sys.stdin:
        start = time.process_time()
        case.stage()
        print(time.process_time() - start, flush=True)


def compare(checkout: Path, case: Case, rounds: int) -> None:
    """Print how fast this library is relative to that of another checkout."""
    ours, theirs = Server(ROOT, case), Server(checkout, case)
    result = paired(ours.stage, theirs.stage, rounds, (ours.seconds, theirs.seconds))
    what = f"map stage, {case.count:,} frames: speed relative to {checkout.name}"
    print(result.row(what, "≥ 0.95"))
    for server in (ours, theirs):
        server.close()


def many_molecules(counts: list[int], n_frames: int) -> None:
    """Print time and memory of boxes of water, and how far they are from linear."""
    program = ROOT / "tests" / "benchmarks" / "many_molecules.py"
    print("| molecules | ms a frame | relative to linear | other s | memory, MB |", flush=True)
    print("|---|---|---|---|---|", flush=True)
    first = None
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, program, folder, str(count), str(n_frames)]
            subprocess.run(command, check=True)
            done = subprocess.run(command, check=True, capture_output=True, text=True)
        found = json.loads(done.stdout)
        first = first or found["frame"] / count
        print(
            f"| {count:,} | {1e3 * found['frame']:.3f} | {found['frame'] / count / first:.2f} | "
            f"{found['rest']:.2f} | {found['memory']:.0f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int)
    parser.add_argument("--box", type=float, help="edge of a periodic box in nm")
    parser.add_argument("--molecules", type=int, nargs="+", help="numbers of water molecules")
    parser.add_argument("--against", type=Path, help="another checkout of the repository")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        return serve(Case.made(arguments.serve))
    if arguments.molecules:
        return many_molecules(arguments.molecules, arguments.frames or 900)
    with tempfile.TemporaryDirectory() as folder:
        case = Case(Path(folder), arguments.frames or 10**6, arguments.box)
        print("| measured | wanted | median | range |\n|---|---|---|---|", flush=True)
        if arguments.against:
            compare(arguments.against, case, arguments.rounds)
        else:
            against_reading(case, arguments.rounds)


def against_reading(case: Case, rounds: int) -> None:
    """Print speed and memory of the program and the stage."""
    name = f"{case.count:,} frames of 22 atoms → 10 beads"
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    case.program()
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    sign = "≤" if peak == before else ""
    megabytes = peak * 1024 / 1e6
    print(f"| map stage, {name}: memory | < 500 MB | **{sign}{megabytes:.0f} MB** | |")
    result = paired(case.stage, case.bound, rounds)
    print(result.row(f"map stage / reading, NumPy and writing alone ({name})", "≥ 0.50"))
    for number, what in enumerate(("map stage", "bound")):
        seconds = sorted(times[number] for times in result.times)
        rate = case.count / seconds[len(seconds) // 2] / 1e3
        print(f"| {what}: thousand frames a second | | {rate:.0f} | |")
    with H5mdReader(case.output) as reader:
        assert reader.n_frames == case.count
    size = case.output.stat().st_size / case.count
    print(f"| bytes of a stored frame (240 of positions and forces) | | {size:.0f} | |")


if __name__ == "__main__":
    main()
