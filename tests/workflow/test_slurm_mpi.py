"""A CG run by LAMMPS as several tasks of SLURM, on two nodes."""

import sys

import numpy as np
import pytest
import yaml
from cluster import BY_PROFILE, Cluster, Run
from small_liquid import small

from meanforce.data.h5md import H5mdReader
from meanforce.dynamics.lammps_mover import installed

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(not installed(), reason="needs envs/requirements-lammps.txt"),
]

RUN = "results/small/experiments/water_spline/T300/cg.h5"
TASKS = ("processes=2", "tasks=2", "mpi=mpiexec", "nodes=2")

FORCES = """
import dataclasses, sys
from pathlib import Path
import numpy as np
from meanforce.data.h5md import H5mdReader
from meanforce.dynamics import lammps_mover
from meanforce.dynamics.engine import CgRun
from meanforce.core.configuration import Configuration
from meanforce.dynamics.system import CgSystem
from meanforce.potentials.files import load
from meanforce.settings.simulations import SimulationSettings
from meanforce.tables.curve_tables import mean_tables
import torch

model, data, processes, output = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
potential = load(model)[0]
with H5mdReader(data) as reader:
    positions = reader.positions(slice(0, 1)).astype(float)
    box, masses = reader.box(), reader.masses
simulation = SimulationSettings.model_validate(
    {"chains": 2, "time_step": 0.002, "friction": 1.0, "equilibration": 0.0, "length": 1.0,
     "stride": 0.1, "until": None}, context={"internal": True})
tables = mean_tables(potential, 300.0)
starts = Configuration(np.tile(positions, (2, 1, 1)), 300.0, box)
system = CgSystem(tables[0], masses)
run = CgRun(potential, starts, simulation, torch.Generator(), system, processes)
np.savez(output, *lammps_mover.LammpsMover(run, tables).energy_and_forces(positions[0])[:2])
"""
"""Energy and forces of a frame, by a number of processes."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Two nodes."""
    with Cluster.running(tmp_path_factory.mktemp("slurm")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def checkout(make_checkout):
    """A small liquid whose model was run by one process, without SLURM."""
    made = make_checkout()
    config = small(yaml.safe_load((made.folder / "config" / "water.yaml").read_text()))
    config["simulations"]["liquid"] |= {"engine": "lammps", "length": "20 ps"}
    (made.folder / "small.yaml").write_text(yaml.safe_dump(config))
    done = made.snakemake("--configfile", "small.yaml", "--", RUN)
    assert done.returncode == 0, done.stdout + done.stderr
    return made


def run_of(cluster: Cluster, checkout, *resources: str) -> Run:
    """Snakemake that makes the CG run anew, through SLURM."""
    set_to = [f"simulate:{one}" for one in resources]
    # Not more by itself: a failed job is to be seen.
    options = ("--set-resources", *set_to, "--retries", "0", "--force", "--configfile")
    return Run(checkout.folder, cluster.environment, RUN, *BY_PROFILE, *options, "small.yaml")


def stored(path) -> tuple[np.ndarray, bytes]:
    with H5mdReader(path) as reader:
        return reader.positions().astype(float), path.read_bytes()


def pairs(positions: np.ndarray, edge: float) -> np.ndarray:
    """Mean number of pairs within each of some distances, shape (n,)."""
    first, second = np.triu_indices(positions.shape[1], 1)
    steps = positions[:, first] - positions[:, second]
    distances = np.linalg.norm(steps - edge * np.round(steps / edge), axis=-1)
    return np.array([(distances < r).sum(axis=1) for r in (0.3, 0.4, 0.5)]).T


def test_two_tasks_on_two_nodes(cluster, checkout):
    path = checkout.folder / RUN
    one, _ = stored(path)
    assert "CPU,lammps" in path.with_name("speed.csv").read_text()
    contents = []
    for _ in range(2):
        run_of(cluster, checkout, *TASKS).assert_succeeded()
        two, content = stored(path)
        contents.append(content)
    jobs = cluster.jobs(checkout.folder, "rule_simulate")
    assert [job.state for job in jobs] == ["COMPLETED"] * 2
    assert {job.node for job in jobs} == {"n[0-1]"}
    assert "CPU (2 processes)" in path.with_name("speed.csv").read_text()
    # The same bits each time, others than those of one process, and the same structure.
    assert contents[0] == contents[1]
    assert one.shape == two.shape and not np.array_equal(one, two)
    with H5mdReader(path) as reader:
        edge = float(reader.box()[0, 0])
    # Numbers of pairs in a frame are correlated over about 1 ps, five frames of 200 fs: errors
    # from blocks of 2 ps.
    means, errors = zip(*(blocked(pairs(found, edge)) for found in (one, two)), strict=True)
    assert (abs(means[0] - means[1]) < 5 * np.hypot(*errors)).all()


def blocked(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means and their errors, from 20 blocks of time."""
    means = np.array([part.mean(axis=0) for part in np.array_split(values, 20)])
    return means.mean(axis=0), means.std(axis=0, ddof=1) / np.sqrt(20)


def test_forces_of_processes_on_two_nodes_are_those_of_one(cluster, checkout, tmp_path):
    script = tmp_path / "forces.py"
    script.write_text(FORCES)
    model = checkout.folder / "results/small/experiments/water_spline/model-0.safetensors"
    data = checkout.folder / "results/small/water/T300/unbiased/1/center.h5"
    library = checkout.folder / "workflow" / "scripts"
    found = []
    for processes in (1, 2):
        output = tmp_path / f"{processes}.npz"
        command = f"PYTHONPATH={library} {sys.executable} {script} {model} {data} {processes}"
        cluster.call(
            "sbatch", "--wait", f"--ntasks={processes}", f"--nodes={processes}", "--export=ALL",
            "--output", str(tmp_path / f"{processes}.log"), "--wrap", f"{command} {output}",
        )  # fmt: skip
        with np.load(output) as arrays:
            found.append([arrays["arr_0"], arrays["arr_1"]])
    (energy, forces), (other, its_forces) = found
    assert other == pytest.approx(energy, rel=1e-9)
    assert abs(its_forces - forces).max() < 1e-6 * np.sqrt((forces**2).mean())


def test_processes_without_tasks_are_refused(cluster, checkout):
    run = run_of(cluster, checkout, "processes=2")
    assert run.ended() == 1
    log = (checkout.folder / RUN).with_name("simulate.log")
    assert "but SLURM gave this job 1 task; set 'tasks: 2'" in log.read_text()
