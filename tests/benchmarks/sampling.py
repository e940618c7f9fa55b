"""How fast sampling and the recomputation of forces are, as ratios measured in one run.

    python tests/benchmarks/sampling.py [--rounds 5] [--threads 2] [--only NAME ...]

prints the table of the README. Nothing else should run on the machine meanwhile.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import openmm

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from timing import Ratio, paired  # noqa: E402

from meanforce.data.trajectory import TrajectoryReader  # noqa: E402
from meanforce.data.trajectory_writer import frame_type, write_trajectory  # noqa: E402
from meanforce.mapping.configuration import build_beads  # noqa: E402
from meanforce.mapping.solvent import solute_atoms  # noqa: E402
from meanforce.restart.job import Job  # noqa: E402
from meanforce.restart.records import RecordFile  # noqa: E402
from meanforce.sampling.collective_variables import as_variable  # noqa: E402
from meanforce.sampling.engine import Engine  # noqa: E402
from meanforce.sampling.recompute import recompute  # noqa: E402
from meanforce.sampling.registry import dynamics_of  # noqa: E402
from meanforce.sampling.task import Host, Task  # noqa: E402
from meanforce.settings.campaigns.registry import Campaign  # noqa: E402
from meanforce.settings.collective_variables import CollectiveVariableSettings  # noqa: E402
from meanforce.settings.job import validated  # noqa: E402
from meanforce.settings.mappings import MappingSettings  # noqa: E402
from meanforce.systems.platform import choose_platform, platform_properties  # noqa: E402
from meanforce.systems.prepared import Prepared  # noqa: E402
from meanforce.systems.topology import prepared_topology  # noqa: E402

STRUCTURE = str(ROOT / "resources" / "capped_alanine.pdb")
SYSTEMS = {
    "implicit": {
        "kind": "peptide",
        "structure": STRUCTURE,
        "force_field": ["amber99sbildn.xml", "amber99_obc.xml"],
    },
    "explicit": {
        "kind": "solvated_peptide",
        "structure": STRUCTURE,
        "force_field": ["amber99sbildn.xml", "tip3p.xml"],
        "box": 2.4,
        "hydrogen_mass": 4.0,
    },
}
LENGTH = {"implicit": 480.0, "explicit": 10.0}
"""ps of a timed run: several seconds, so that making its files is a small part as in real runs."""

STEPS = 300
"""Steps between two timings of storing frames."""

TIME_STEP, STRIDE, FRICTION = 0.002, 0.5, 1.0
DIHEDRALS = {
    "phi": ["ACE1-C", "ALA2-N", "ALA2-CA", "ALA2-C"],
    "psi": ["ALA2-N", "ALA2-CA", "ALA2-C", "NME3-N"],
}
METADYNAMICS = {
    "kind": "metadynamics",
    "collective_variables": ["phi", "psi"],
    "height": 1.2,
    "width": [0.35, 0.35],
    "pace": 0.5,
    "bias_factor": 6,
    "burn_in": 0.0,
}


class Case:
    """One system, prepared, and how it is run."""

    def __init__(self, name: str, folder: Path, threads: int) -> None:
        self.name, self.folder, self.threads = name, folder / name, threads
        settings = json.dumps({"system": SYSTEMS[name], "seed": 1})
        program = ROOT / "workflow" / "scripts" / "prepare.py"
        subprocess.run(
            [sys.executable, program, "--settings", settings, "--output", self.folder], check=True
        )
        self.topology = prepared_topology(self.folder / "topology.cif")
        self.platform = choose_platform(
            "auto", self.prepared().system, self.prepared().positions, threads
        ).getName()

    def prepared(self) -> Prepared:
        """The system, new each time: biases are added to it."""
        return Prepared.read(self.folder)

    def campaign(self, **values) -> Campaign:
        """Settings of a timed run."""
        protocol = {
            "length": LENGTH[self.name],
            "stride": STRIDE,
            "time_step": TIME_STEP,
            "friction": FRICTION,
            "equilibration": 0.0,
            "platform": self.platform,
        }
        return validated(Campaign, protocol | values, "campaign")

    def engine(self, job: Job, **values) -> Engine:
        """The sampling stage's engine, ready to run."""
        campaign = self.campaign(**values)
        beads = build_beads(MappingSettings(template="heavy"), self.topology, "mapping")
        variables = {
            name: as_variable(
                CollectiveVariableSettings(kind="dihedral", mapping="heavy", beads=names),
                beads,
                name,
            )
            for name, names in DIHEDRALS.items()
            if "collective_variables" in values
        }
        prepared = self.prepared()
        task = Task(campaign, variables, 300.0, seed=1)
        dynamics = dynamics_of(task, Host(prepared, self.threads))
        atoms = None
        if campaign.store == "solute":
            atoms = np.array(solute_atoms(self.topology))
        return Engine(dynamics, campaign, 300.0, prepared.topology, job, lambda line: None, atoms)

    def context(self) -> openmm.Context:
        """A bare context on the same platform."""
        prepared = self.prepared()
        platform = openmm.Platform.getPlatformByName(self.platform)
        integrator = openmm.LangevinMiddleIntegrator(300.0, FRICTION, TIME_STEP)
        context = openmm.Context(
            prepared.system, integrator, platform, platform_properties(platform, self.threads)
        )
        context.setPositions(prepared.positions)
        context.setVelocitiesToTemperature(300.0, 1)
        return context


def stage(case: Case, **values):
    """Function that runs the sampling stage once, from its first step to its finished files."""

    def run() -> None:
        folder = Path(tempfile.mkdtemp())
        engine = case.engine(Job(folder, {}), **values)
        engine.run(None, folder / "t.h5", folder / "l.csv", folder / "s.csv")
        shutil.rmtree(folder)

    return run


def bare_loop(case: Case):
    """Function that steps a bare OpenMM context as far, and takes as many frames."""
    per_frame = round(STRIDE / TIME_STEP)

    def run() -> None:
        context = case.context()
        for _ in range(round(LENGTH[case.name] / STRIDE)):
            context.getIntegrator().step(per_frame)
            context.getState(positions=True).getPositions(asNumpy=True)

    return run


def sampling(case: Case, rounds: int) -> list[str]:
    """The stage against a bare loop, and metadynamics against the unbiased stage."""
    unbiased, biased = stage(case, kind="unbiased"), stage(case, **METADYNAMICS)
    name = f"{case.name}, {case.topology.n_atoms} atoms, {case.platform}"
    return [
        paired(unbiased, bare_loop(case), rounds).row(
            f"sampling stage / bare OpenMM loop ({name})", "≥ 0.95"
        ),
        paired(biased, unbiased, rounds).row(f"metadynamics / unbiased ({name})", "≥ 0.90"),
    ]


def storing(case: Case, rounds: int) -> Iterator[str]:
    """Steps of metadynamics with frames of the solute or of all atoms, against steps alone.

    By processor time, as other jobs may run beside this one; on one set of copies, in turns.
    """
    settings = METADYNAMICS | {"time_step": 0.004, "pace": 0.4}
    for store, intervals in (("solute", (5, 6, 10)), ("all", (5, 10))):
        folder = Path(tempfile.mkdtemp())
        engine = case.engine(Job(folder, {}), **settings | {"store": store})
        engine._resume(None)
        dynamics = engine._dynamics
        dynamics.advance(100)
        for interval in intervals:

            def with_frames(interval=interval, dynamics=dynamics, engine=engine) -> None:
                for _ in range(STEPS // interval):
                    dynamics.advance(interval)
                    for frame in dynamics.frames(with_forces=engine._atoms is not None):
                        engine._store.add_frame(0.0, frame)

            def alone(dynamics=dynamics, interval=interval) -> None:
                for _ in range(STEPS // interval):
                    dynamics.advance(interval)

            result = paired(with_frames, alone, rounds, (time.process_time, time.process_time))
            yield result.row(
                f"metadynamics, store: {store}, every {4 * interval} fs / without frames "
                f"({case.topology.n_atoms} atoms, 4 fs)",
                "≥ 0.85" if store == "solute" else "",
            )
        shutil.rmtree(folder)


def platforms(case: Case, rounds: int) -> list[str]:
    """Speed of the platform that `auto` picks against the fastest one, over longer timings."""
    available = [
        openmm.Platform.getPlatform(i).getName() for i in range(openmm.Platform.getNumPlatforms())
    ]
    loops = {}
    for platform in available:
        other = Case.__new__(Case)
        other.__dict__ |= case.__dict__ | {"platform": platform}
        try:
            context = other.context()
        except openmm.OpenMMException:
            continue
        context.getIntegrator().step(20)
        loops[platform] = context
    ratios = []
    for _ in range(rounds):
        prepared = case.prepared()
        picked = choose_platform("auto", prepared.system, prepared.positions, case.threads)
        rates = {name: _rate(context) for name, context in loops.items()}
        ratios.append(rates[picked.getName()] / max(rates.values()))
    result = Ratio(ratios, [])
    return [result.row(f"platform auto ({case.platform}) / fastest ({case.name})", "≥ 0.95")]


def _rate(context: openmm.Context, seconds: float = 3.0) -> float:
    steps, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        context.getIntegrator().step(20)
        context.getState()
        steps += 20
    return steps / (time.perf_counter() - start)


def many_frames(case: Case, folder: Path, count: int) -> Path:
    """A trajectory of many frames: one configuration with small displacements."""
    prepared, generator = case.prepared(), np.random.default_rng(1)
    n_atoms = case.topology.n_atoms
    start = np.array(prepared.positions._value, dtype=np.float32)
    kind = frame_type(n_atoms, 0)
    records = RecordFile(folder / "frames.raw", kind)
    for first in range(0, count, 10000):
        block = np.zeros(min(10000, count - first), kind)
        noise = generator.normal(0, 1e-3, (len(block), n_atoms, 3))
        block["positions"] = start + noise.astype(np.float32)
        block["time"] = np.arange(first, first + len(block))
        records.append(block)
    attributes = {"platform": case.platform, "temperature": 300.0, "time_step": TIME_STEP}
    path = folder / "trajectory.h5"
    checked = {"checked_frames": np.zeros(0, int), "checked_forces": np.zeros((0, n_atoms, 3))}
    write_trajectory(path, prepared.topology, records, None, checked, attributes)
    records.close()
    return path


def forces(case: Case, rounds: int, folder: Path) -> list[str]:
    """The stage `forces` against the force calls alone."""
    trajectory = many_frames(case, folder, 100000 if case.name == "implicit" else 150)

    def whole_stage() -> None:
        work = Path(tempfile.mkdtemp())
        recompute(
            case.prepared(), trajectory, work / "f.h5", case.threads, Job(work, {}), lambda x: None
        )
        shutil.rmtree(work)

    with TrajectoryReader(trajectory) as frames:
        positions = frames.positions(slice(None)).astype(float)

    def calls() -> None:
        context = case.context()
        for frame in positions:
            context.setPositions(frame)
            state = context.getState(forces=True, energy=True)
            state.getForces(asNumpy=True)
            state.getPotentialEnergy()

    row = paired(whole_stage, calls, rounds).row(
        f"forces stage / force calls alone ({case.name})", "≥ 0.90"
    )
    return [row]


def memory(case: Case, folder: Path) -> list[str]:
    """Peak memory of the stage `forces` with a million frames of the small system."""
    trajectory = many_frames(case, folder, 10**6)
    program = ROOT / "workflow" / "scripts" / "forces.py"
    arguments = ["--prepared", case.folder, "--trajectory", trajectory]
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    subprocess.run(
        [sys.executable, program, *arguments, "--output", folder / "forces.h5"],
        check=True,
        capture_output=True,
    )
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert peak > before, "an earlier child used more memory"
    return [
        f"| forces stage, 10⁶ frames of 22 atoms: memory | < 1 GB | **{peak / 2**20:.2f} GB** | |"
    ]


def two_replicas(case: Case, rounds: int, folder: Path) -> list[str]:
    """Work done by two processes at once against one alone, in the same time."""
    program = ROOT / "workflow" / "scripts" / "sample.py"
    campaign = {
        "kind": "unbiased", "length": 300.0, "stride": STRIDE, "time_step": TIME_STEP,
        "friction": FRICTION, "equilibration": 0.0, "platform": case.platform,
    }  # fmt: skip
    settings = {
        "campaign": campaign, "job": 1, "temperature": 300.0, "collective_variables": {},
        "seed": 1,
    }  # fmt: skip

    def run(copies: int) -> None:
        processes = []
        for copy in range(copies):
            where = folder / f"replica-{copy}"
            where.mkdir(exist_ok=True)
            processes.append(
                subprocess.Popen(
                    [
                        sys.executable, program, "--prepared", case.folder,
                        "--settings", json.dumps(settings), "--trajectory", where / "t.h5",
                        "--log", where / "l.csv", "--segments", where / "s.csv",
                    ],
                    stderr=subprocess.DEVNULL,
                )
            )  # fmt: skip
        assert all(process.wait() == 0 for process in processes)

    result = paired(lambda: run(2), lambda: run(1), rounds)
    doubled = Ratio([2 * ratio for ratio in result.ratios], [])
    return [doubled.row("two replicas on two cores / one", "≥ 1.8")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2, help="of the explicit-water system")
    parser.add_argument(
        "--only", nargs="*", help="of: sampling, storing, platforms, forces, memory, replicas"
    )
    arguments = parser.parse_args()
    wanted = set(
        arguments.only or ["sampling", "storing", "platforms", "forces", "memory", "replicas"]
    )
    folder = Path(tempfile.mkdtemp())
    print("| measured | wanted | median | range |\n|---|---|---|---|", flush=True)
    implicit = Case("implicit", folder, 1)
    cases = [implicit]
    if wanted & {"sampling", "storing", "platforms", "forces"}:
        cases.append(Case("explicit", folder, arguments.threads))
    for name, function in (("sampling", sampling), ("platforms", platforms)):
        for case in cases if name in wanted else []:
            print("\n".join(function(case, arguments.rounds)), flush=True)
    if "storing" in wanted:
        for row in storing(cases[1], arguments.rounds):
            print(row, flush=True)
    if "forces" in wanted:
        for case in cases:
            print("\n".join(forces(case, arguments.rounds, folder / case.name)), flush=True)
    if "memory" in wanted:
        print("\n".join(memory(implicit, folder / "implicit")), flush=True)
    if "replicas" in wanted:
        print("\n".join(two_replicas(implicit, arguments.rounds, folder)), flush=True)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
