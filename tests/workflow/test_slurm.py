"""The workflow on a real SLURM: it ends, with the same results whatever happens to its jobs."""

import contextlib
import filecmp
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml
from cluster import BY_PROFILE, SCRIPTS, Cluster, Run, wait_until

from meanforce.data.h5md import H5mdReader

pytestmark = pytest.mark.slurm

ALANINE = "results/small/capped_alanine/T300"
EXPERIMENT = "results/small/experiments/faults"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Two nodes."""
    with Cluster.running(tmp_path_factory.mktemp("slurm")) as cluster:
        yield cluster


def small_config(quick: dict) -> dict:
    """One system at one state point on the deterministic platform, whose jobs run some seconds."""
    name = "capped_alanine"
    config = json.loads(json.dumps(quick))
    for section in (
        "systems", "mappings", "collective_variables", "campaigns", "simulations", "validation"
    ):  # fmt: skip
        config[section] = {name: config[section][name]}
    config["state_points"] = {"T300": {"temperature": "300 K"}}
    config["mappings"][name].pop("core_beta")
    dynamics = config["campaigns"][name]["unbiased"] | {"platform": "Reference", "length": "400 ps"}
    config["campaigns"][name] = {"unbiased": dynamics | {"replicas": 2}, "reference": dynamics}
    config["potentials"] = {"cgnet": config["potentials"]["cgnet"] | {"temperature": "none"}}
    config["potentials"]["cgnet"]["training"] |= {"epochs": 60}
    config["simulations"][name] |= {"length": "24 ps", "until": None}
    experiment = config["experiments"]["capped_alanine_metadynamics_heavy_cgnet"]
    config["experiments"] = {
        "faults": experiment | {"campaigns": ["unbiased"], "train": ["T300"], "held_out": []}
    }
    return config


SUBMITTED = ("muller_brown_static_x_rbf", "capped_alanine_unbiased_core_beta_cgnet")
"""Experiments of config/quick.yaml that run on the cluster: of both systems, at all states."""


def half(config: dict) -> dict:
    """The quick config with half of its jobs, but all stages."""
    config = json.loads(json.dumps(config))
    return config | {"experiments": {name: config["experiments"][name] for name in SUBMITTED}}


@pytest.fixture(scope="module", autouse=True)
def quick(cluster, make_checkout):
    """A run of half of config/quick.yaml, on the cluster beside all the others; and its folder."""
    folder = make_checkout().folder
    path = folder / "config" / "quick.yaml"
    path.write_text(yaml.safe_dump(half(yaml.safe_load(path.read_text()))))
    few = ("--jobs", "3", "--configfile", "config/quick.yaml")
    run = Run(folder, cluster.environment, *BY_PROFILE, *few)
    yield run, folder
    run.process.kill()
    run.process.wait()


@pytest.fixture(scope="module")
def config_file(root, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("config") / "small.yaml"
    quick = yaml.safe_load((root / "config" / "quick.yaml").read_text())
    path.write_text(yaml.safe_dump(small_config(quick)))
    return path


@pytest.fixture(scope="module")
def undisturbed(make_checkout, config_file) -> Path:
    """Folder of a run on this machine alone, without SLURM, to which nothing happened."""
    checkout = make_checkout()
    result = checkout.snakemake("--configfile", str(config_file))
    assert result.returncode == 0, result.stdout + result.stderr
    return checkout.folder


@pytest.fixture(scope="module")
def disturbed(make_checkout) -> Path:
    """Folder of the run that this module's tests disturb, one job after the other."""
    return make_checkout().folder


@pytest.fixture
def submit(cluster, config_file, disturbed, undisturbed):
    """Function that starts Snakemake for some targets of the disturbed run; ended by the test."""
    runs = []

    def start(*arguments: str) -> Run:
        config = ("--configfile", str(config_file))
        # Targets before options, some of which take all that follows.
        runs.append(Run(disturbed, cluster.environment, *BY_PROFILE, *arguments, *config))
        return runs[-1]

    yield start
    for run in runs:
        run.process.kill()
        run.process.wait()


def work(folder: Path, output: str) -> Path:
    path = folder / output
    return path.parent / f".{path.name}.work"


def owner(folder: Path, output: str) -> dict:
    """Who holds the lock of an output's work folder."""
    try:
        return json.loads((work(folder, output) / "lock").read_text() or "{}")
    except (FileNotFoundError, ValueError):
        return {}


def working(run: Run, folder: Path, output: str) -> None:
    """Wait until a job has started its work."""

    def starts() -> bool:
        assert run.process.poll() is None, run.log.read_text()
        return bool(owner(folder, output))

    wait_until(starts, f"{output} is being worked on")
    time.sleep(1.0)


def unlock(folder: Path) -> None:
    """Unlock a run after Snakemake itself was killed."""
    command = [sys.executable, "-m", "snakemake", "--unlock", "--configfile", "config/quick.yaml"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def running(run: Run, cluster: Cluster, folder: Path, output: str) -> str:
    """Number of the SLURM job that works on an output, once it has started its work."""
    working(run, folder, output)
    number = owner(folder, output)["job"]
    assert cluster.job(number).state == "RUNNING"
    return number


def assert_same(undisturbed: Path, disturbed: Path, *names: str) -> None:
    """Files are the same: to the bit, or datasets except for their history."""
    for name in names:
        ours, theirs = undisturbed / name, disturbed / name
        if name.endswith(("heavy.h5", "cg.h5")):
            with H5mdReader(ours) as one, H5mdReader(theirs) as other:
                assert one.content == other.content, name
        else:
            assert filecmp.cmp(ours, theirs, shallow=False), name
        assert not work(disturbed, name).exists()


def replica(campaign: str, number: int) -> tuple[str, str]:
    folder = f"{ALANINE}/{campaign}/{number}"
    return f"{folder}/trajectory.h5", f"{folder}/heavy.h5"


def stretches(folder: Path, trajectory: str) -> int:
    """Number of processes that made a trajectory."""
    return len((folder / trajectory).with_name("segments.csv").read_text().splitlines()) - 1


def test_snakemake_killed_and_started_while_its_jobs_run(cluster, undisturbed, disturbed, submit):
    (first, first_data), (second, second_data) = replica("unbiased", 1), replica("unbiased", 2)
    run = submit(first_data, second_data)
    orphans = {name: running(run, cluster, disturbed, name) for name in (first, second)}
    # They stand for jobs that run much longer than what comes now.
    for number in orphans.values():
        cluster.call("scontrol", "suspend", number)
    run.process.kill()
    run.process.wait()
    owners = {name: owner(disturbed, name) for name in orphans}

    unlock(disturbed)
    rival = submit(first_data, second_data, "--retries", "0")
    assert rival.ended() == 1, "two jobs worked on the same files"
    for name, number in orphans.items():
        assert cluster.job(number).state == "SUSPENDED"
        assert owner(disturbed, name) == owners[name] and owners[name]["job"] == number
        said = (disturbed / name).with_name("sample.log").read_text(errors="replace")
        assert f"(SLURM job {number}) works here" in said
        assert not (disturbed / name).exists()

    # One orphan comes to its end, the other is cancelled, as one should before starting again.
    for number in orphans.values():
        cluster.call("scontrol", "resume", number)
    cluster.call("scancel", orphans[second])
    wait_until(
        lambda: all(
            cluster.job(number).state in ("COMPLETED", "FAILED", "CANCELLED")
            for number in orphans.values()
        ),
        "both orphans have ended",
    )
    assert cluster.job(orphans[second]).state == "CANCELLED"
    submit(first_data, second_data).assert_succeeded()
    assert_same(undisturbed, disturbed, first, first_data, second, second_data)
    assert stretches(disturbed, second) == 2, "the cancelled job was not continued"


def test_job_exceeds_its_time_limit(cluster, undisturbed, disturbed, submit):
    trajectory, dataset = replica("reference", 1)
    run = submit(dataset)
    number = running(run, cluster, disturbed, trajectory)
    # SLURM looks at limits twice a minute. Frozen, the job cannot end before; SLURM wakes jobs up
    # before it asks them to end.
    os.kill(owner(disturbed, trajectory)["process"], signal.SIGSTOP)
    cluster.call("scontrol", "update", f"JobId={number}", "EndTime=now+1")
    run.assert_succeeded()
    jobs = cluster.jobs(disturbed, "rule_sample_wildcards_capped_alanine_T300_reference")
    assert [job.state for job in jobs] == ["TIMEOUT", "COMPLETED"]
    assert_same(undisturbed, disturbed, trajectory, dataset)
    assert stretches(disturbed, trajectory) == 2, "the first stretch was lost"


def test_job_is_killed_for_memory(cluster, undisturbed, disturbed, submit):
    model = f"{EXPERIMENT}/model-0.safetensors"
    run = submit(model, "--set-resources", "train:mem_mb=300 if attempt == 1 else 2000")
    run.assert_succeeded()
    jobs = cluster.jobs(disturbed, "rule_train_wildcards_faults_0")
    # Without control groups, SLURM has no state of its own for this.
    assert [job.state for job in jobs] == ["FAILED", "COMPLETED"]
    said = (cluster.folder / "log" / f"slurmd.{jobs[0].node}.log").read_text(errors="replace")
    assert f"StepId={jobs[0].number}.0 exceeded memory limit" in said
    assert_same(undisturbed, disturbed, model)


def test_job_is_cancelled(cluster, undisturbed, disturbed, submit):
    """The job also requests a GPU, which SLURM has."""
    model = f"{EXPERIMENT}/model-1.safetensors"
    run = submit(model, "--set-resources", "train:gpu=1")
    number = running(run, cluster, disturbed, model)
    cluster.call("scancel", number)
    run.assert_succeeded()
    jobs = cluster.jobs(disturbed, "rule_train_wildcards_faults_1")
    assert [job.state for job in jobs] == ["CANCELLED", "COMPLETED"]
    for job in jobs:
        assert "TresPerJob=gres:gpu:1" in cluster.call("scontrol", "show", "job", job.number)
    assert_same(undisturbed, disturbed, model)
    assert "going on in epoch" in (disturbed / EXPERIMENT / "train-1.log").read_text()


def test_another_scheduler_and_snakemake_killed(make_checkout, config_file, undisturbed, tmp_path):
    """By cluster-generic, whose scheduler is two shell scripts; Snakemake is killed meanwhile."""
    folder = make_checkout().folder
    trajectory, dataset = replica("reference", 1)
    arguments = (
        dataset, "--executor", "cluster-generic", "--jobs", "2",
        "--cluster-generic-submit-cmd", f"{SCRIPTS / 'submit_here.sh'} {tmp_path}",
        "--cluster-generic-status-cmd", f"{SCRIPTS / 'status_here.sh'} {tmp_path}",
        "--configfile", str(config_file),
    )  # fmt: skip
    run = Run(folder, dict(os.environ), *arguments)
    try:
        working(run, folder, trajectory)
        # Frozen, the job cannot end before Snakemake is back.
        program = owner(folder, trajectory)["process"]
        os.kill(program, signal.SIGSTOP)
        run.process.kill()
        run.process.wait()
        unlock(folder)
        rival = Run(folder, dict(os.environ), *arguments, "--rerun-incomplete")
        assert rival.ended() == 1, "two jobs worked on the same files"
        said = (folder / trajectory).with_name("sample.log").read_text(errors="replace")
        assert "works here" in said and owner(folder, trajectory)["process"] == program
        os.kill(program, signal.SIGCONT)
        wait_until(lambda: not owner(folder, trajectory), "the first job has ended")
        run = Run(folder, dict(os.environ), *arguments, "--rerun-incomplete")
        run.assert_succeeded()
        assert_same(undisturbed, folder, trajectory, dataset)
    finally:
        run.process.kill()
        run.process.wait()
        for job in tmp_path.glob("*.pid"):
            # Each job is a session of its own.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(int(job.read_text()), signal.SIGKILL)


def test_quick_config_runs_to_the_end(cluster, quick):
    run, folder = quick
    run.assert_succeeded()
    summary = pd.read_csv(folder / "results" / "quick" / "summary.csv")
    config = yaml.safe_load((folder / "config" / "quick.yaml").read_text())
    assert set(summary["experiment"]) == set(config["experiments"])
    assert set(summary["state_point"]) == {"T300", "T350", "T400"}
    assert summary["value"].notna().mean() > 0.9
    jobs = cluster.jobs(folder)
    assert {job.state for job in jobs} == {"COMPLETED"}
    # Both only while the other tests' jobs fill the first one.
    assert {job.node for job in jobs} <= {"n0", "n1"}
    # The forces and mappings of a replica went through as one job.
    assert len([job for job in jobs if job.comment.startswith("rule_sample")]) == 7
    assert len([job for job in jobs if job.comment.startswith("rule_data")]) == 7


def test_node_is_lost_and_the_run_ends_as_if_nothing_had_happened(
    cluster, undisturbed, disturbed, submit
):
    trajectory = f"{EXPERIMENT}/T300/cg.h5"
    run = submit()
    number = running(run, cluster, disturbed, trajectory)
    node = cluster.job(number).node
    cluster.lose_node(node)
    run.assert_succeeded()
    jobs = cluster.jobs(disturbed, "rule_simulate_wildcards_faults_T300")
    assert [job.state for job in jobs] == ["NODE_FAIL", "COMPLETED"]
    assert jobs[1].node != node
    cluster.bring_back(node)
    everything = [path for path, _ in (replica("unbiased", 1), replica("reference", 1))]
    assert_same(undisturbed, disturbed, *everything, trajectory, "results/small/summary.csv")
    assert not list(disturbed.glob("results/**/.*.work"))
