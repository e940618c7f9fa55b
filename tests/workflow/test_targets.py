"""Targets that users may request from Snakemake, and programs that inspect a run from outside."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
import yaml

from meanforce.progress import ProgressLine
from meanforce.restart.job import BUNDLE
from meanforce.settings.load import load_config
from meanforce.settings.plan import planned_jobs

QUICK = ("--configfile", "config/quick.yaml")


@pytest.fixture(scope="module")
def checkout(make_checkout):
    return make_checkout()


def counts(output: str) -> dict[str, int]:
    """Jobs of each rule in the first table of a dry run."""
    table = output.split("Job stats:")[1].split("total")[0]
    return {name: int(number) for name, number in re.findall(r"^(\S+) +(\d+)$", table, re.M)}


def all_kinds(config: dict) -> dict:
    """The quick config with a frozen bias, windows, files, and one replica of several."""
    campaigns = config["campaigns"]["capped_alanine"]
    both = campaigns["unbiased"] | {"collective_variables": ["phi", "psi"]}
    row = {"first": "-1 rad", "last": "1 rad", "number": 3}
    campaigns["frozen"] = both | {"kind": "static", "bias_of": "metadynamics", "replicas": 3}
    campaigns["windows"] = both | {
        "kind": "umbrella", "rows": [row, row], "windows_per_job": 4, "replicas": 2,
        "force_constant": ["200 kJ/mol/rad^2"] * 2,
    }  # fmt: skip
    # Any file that exists: nothing is read before its job runs.
    file = {"files": ["resources/capped_alanine.pdb"], "format": "trr"}
    for key in ("recompute", "file"):
        runs = [file | {"state_point": state} for state in ("T300", "T300", "T400", "T400")]
        campaigns[f"files_{key}"] = {"kind": "external", "forces": key, "trajectories": runs}
    # Another system's campaign of the same name is sampled.
    config["campaigns"]["muller_brown"]["files_file"] = config["campaigns"]["muller_brown"].pop(
        "unbiased"
    )
    config["experiments"]["muller_brown_unbiased_x_spline"]["campaigns"] = ["files_file"]
    name = "capped_alanine_metadynamics_heavy_cgnet"
    trained = ["frozen", "windows", "files_recompute", "files_file"]
    config["experiments"][name] |= {"campaigns": trained, "replicas": [2]}
    return config


def test_all_is_what_the_plan_says(checkout):
    quick = yaml.safe_load((checkout.folder / "config" / "quick.yaml").read_text())
    (checkout.folder / "config" / "kinds.yaml").write_text(yaml.safe_dump(all_kinds(quick)))
    for name in ("config", "capped_alanine_water", "learning_curve", "kinds"):
        path = checkout.folder / "config" / f"{name}.yaml"
        result = checkout.snakemake("-n", "--configfile", str(path))
        assert result.returncode == 0, result.stderr
        expected = {"all": 1}
        for job in planned_jobs(load_config(yaml.safe_load(path.read_text()))):
            expected[job.stage] = expected.get(job.stage, 0) + 1
        assert counts(result.stdout) == expected


def test_one_system_and_one_experiment(checkout):
    config = yaml.safe_load((checkout.folder / "config/quick.yaml").read_text())
    name = "muller_brown_static_x_rbf"
    # Names of files and of rules do not shadow each other.
    config["experiments"]["map"] = config["experiments"].pop(name)
    (checkout.folder / "named.yaml").write_text(yaml.safe_dump(config))
    (checkout.folder / "experiment_map").mkdir()
    (checkout.folder / "system_muller_brown").touch()
    for target, validated in (("system_muller_brown", 6), ("experiment_map", 3)):
        result = checkout.snakemake(target, "-n", "--configfile", "named.yaml")
        assert result.returncode == 0, result.stderr
        found = counts(result.stdout)
        assert found["validate"] == validated
        assert found["prepare"] == 1
        assert found["report_of_part"] == 1
        assert "report" not in found
        assert "capped_alanine" not in result.stdout


def test_an_unknown_name_is_refused_with_the_known_ones(checkout):
    result = checkout.snakemake("system_capped_alanin", "-n", *QUICK)
    assert result.returncode != 0
    assert "there is no target 'system_capped_alanin'" in result.stdout + result.stderr
    assert "system_capped_alanine, experiment_muller_brown" in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


def test_a_forgotten_config_is_suggested(checkout):
    config = yaml.safe_load((checkout.folder / "config/quick.yaml").read_text())
    config["experiments"] = {"own": config["experiments"]["muller_brown_static_x_rbf"]}
    (checkout.folder / "own.yaml").write_text(yaml.safe_dump(config))
    result = checkout.snakemake("-n", "experiment_own")
    assert result.returncode != 0
    said = " ".join((result.stdout + result.stderr).split())
    assert "there is no target 'experiment_own' in 'config/config.yaml'; known: system_mul" in said
    assert "perhaps you mean: --configfile own.yaml" in said
    result = checkout.snakemake("-n", "experiment_own", "--configfile", "own.yaml")
    assert result.returncode == 0, result.stderr


def test_a_file_of_the_user_stops_the_run_before_it_is_deleted(make_checkout):
    checkout = make_checkout()
    own = checkout.folder / "results/quick/muller_brown/T300/static/1/trajectory.h5"
    own.parent.mkdir(parents=True)
    own.write_text("of the user\n")
    for arguments in (("-n",), ()):
        result = checkout.snakemake(*arguments, *QUICK)
        assert result.returncode != 0
        said = " ".join((result.stdout + result.stderr).split())
        assert f"has files, such as '{own.relative_to(checkout.folder)}'" in said
        assert own.read_text() == "of the user\n"
    insisting = checkout.snakemake("-n", *QUICK, "--config", "replace=true")
    assert insisting.returncode == 0, insisting.stderr


def test_benchmarks_are_all_there(checkout, root):
    programs = checkout.folder / "tests" / "benchmarks"
    programs.mkdir(parents=True)
    (programs / "one.py").write_text('if __name__ == "__main__":\n    print("| fast |")\n')
    (programs / "helper.py").write_text("X = 1\n")
    for name, needed in (("two", '"datasets", nargs="+"'), ("three", '"--data", required=True')):
        text = f'if __name__ == "__main__":\n    parser.add_argument({needed})\n'
        (programs / f"{name}.py").write_text(text)
    result = checkout.snakemake("benchmarks", *QUICK)
    assert result.returncode == 0, result.stderr
    made = [path.name for path in (checkout.folder / "results/quick/benchmarks").glob("*.txt")]
    assert made == ["one.txt"]
    assert (checkout.folder / "results/quick/benchmarks/one.txt").read_text() == "| fast |\n"


def program(folder, root, name: str, *arguments: str) -> str:
    result = subprocess.run(
        [sys.executable, str(root / "workflow" / "scripts" / f"{name}.py"), *arguments],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return result.stdout


HOLDER = """
import sys, time
from pathlib import Path
from meanforce.restart.job import folder_of
from meanforce.restart.lock import locked
with locked(folder_of(Path(sys.argv[1]))):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def live_job(root):
    """Function that starts a process which works on an output."""
    started = []

    def start(output):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(output)], stdout=subprocess.PIPE, text=True,
            env=os.environ | {"PYTHONPATH": str(root / "workflow" / "scripts")},
        )  # fmt: skip
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_status_and_clean_partial(root, tmp_path, live_job):
    """A run with one job of each state: what is reported, and what may be removed."""
    at = tmp_path / "results" / "config" / "muller_brown" / "T300" / "static"
    for replica in ("1", "2"):
        (at / replica).mkdir(parents=True)
    config = yaml.safe_load((root / "config" / "quick.yaml").read_text())
    config["experiments"] = {"mine": config["experiments"]["muller_brown_static_x_rbf"]}
    config["experiments"]["mine"] |= {"train": ["T300", "T400"], "held_out": []}
    config["campaigns"]["muller_brown"]["static"]["replicas"] = 4
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    for replica in ("3", "4"):
        (at / replica).mkdir()
    (at / "1" / "trajectory.h5").touch()
    lines = [ProgressLine(10.0, "burn-in"), ProgressLine(40.0, "frames", "5 ns/day on CPU", 120.0)]
    (at / "2" / "sample.log").write_text("".join(f"{line.text()}\n" for line in lines))
    (at / "3" / "sample.log").write_text(f"{lines[0].text()}\nerror: the disk is full\n")
    live = live_job(at / "2" / "trajectory.h5")
    dead = live_job(at / "4" / "trajectory.h5")
    dead.kill()
    dead.wait()
    (at / "4" / ".trajectory.h5.work" / BUNDLE).write_bytes(b"x" * 1000)
    start = time.monotonic()
    said = program(tmp_path, root, "status", "--configfile", "config.yaml")
    assert time.monotonic() - start < 15.0
    rows = {line.split()[0]: line.split()[1:] for line in said.splitlines() if line}
    # done, running, failed, stopped, waiting: 2 state points with 4 replicas and 1 reference each
    assert rows["sample"] == ["1", "1", "1", "1", "6", "10", "%"]
    assert rows["train"][:5] == ["0", "0", "0", "0", "2"]
    assert "static/2/trajectory.h5, 40 %, frames, 2 min left" in said
    assert "static/3/trajectory.h5, error: the disk is full (see results/config/" in said
    assert "not counted, since none of their jobs has finished yet: prepare, beads, sample" in said

    listed = program(tmp_path, root, "clean_partial", "--list")
    assert "would remove: 1 folders" in listed
    assert (at / "4" / ".trajectory.h5.work").exists()
    cleaned = program(tmp_path, root, "clean_partial")
    assert "static/4/.trajectory.h5.work (0.0 MB)" in cleaned
    assert f"process {live.pid}" in cleaned
    assert not (at / "4" / ".trajectory.h5.work").exists()
    assert (at / "2" / ".trajectory.h5.work" / "lock").exists()
    assert (at / "1" / "trajectory.h5").exists()
    assert live.poll() is None
    live.send_signal(signal.SIGKILL)
    live.wait()
    assert "removed: 1 folders" in program(tmp_path, root, "clean_partial")


def test_status_finds_the_config_of_the_last_run(make_checkout):
    """A run is noted when it starts, and a dry run is not; options count as the config does."""
    checkout = make_checkout()
    target = ("results/quick/muller_brown/prepared/state.xml", *QUICK)
    changed = ("--config", "seed=5")
    assert checkout.snakemake(*target, "-n").returncode == 0
    noted = checkout.folder / "results" / "last_run.yaml"
    assert not noted.exists()
    result = checkout.snakemake(*target, *changed)
    assert result.returncode == 0, result.stderr
    config = yaml.safe_load((checkout.folder / "config/quick.yaml").read_text())
    assert config["seed"] != 5
    assert yaml.safe_load(noted.read_text()) == config | {"seed": 5, "output": "results/quick"}
    said = program(checkout.folder, checkout.folder, "status")
    rows = {line.split()[0]: line.split()[1:] for line in said.splitlines() if line}
    assert rows["prepare"][:5] == ["1", "0", "0", "0", "1"]


def test_clean_partial_stays_inside_its_folder(root, tmp_path):
    outside = tmp_path / "elsewhere" / ".x.work"
    outside.mkdir(parents=True)
    (outside / "precious").touch()
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / ".x.work").symlink_to(outside)
    (tmp_path / "results" / "link").symlink_to(tmp_path / "elsewhere")
    program(tmp_path, root, "clean_partial")
    assert (outside / "precious").exists()


def test_a_lock_of_another_host_is_left_alone(root, tmp_path):
    folder = tmp_path / "results" / ".x.work"
    folder.mkdir(parents=True)
    owner = {"host": "elsewhere", "process": 1, "started": 0.0, "job": None}
    (folder / "lock").write_text(json.dumps(owner))
    assert "removed: 0 folders" in program(tmp_path, root, "clean_partial")
    assert (folder / "lock").exists()


def test_jobs_have_the_processors_that_the_config_gives_them(checkout):
    config = yaml.safe_load((checkout.folder / "config/capped_alanine_water.yaml").read_text())
    system = "capped_alanine_water"
    config["systems"][system]["equilibration"]["threads"] = 2
    config["campaigns"][system]["metadynamics"]["threads"] = 3
    (checkout.folder / "threads.yaml").write_text(yaml.safe_dump(config))
    result = checkout.snakemake("-n", "--cores", "4", "--configfile", "threads.yaml")
    assert result.returncode == 0, result.stderr
    found = re.findall(
        r"^(?:local)?rule (\w+):\n(?: .*\n)*?    threads: (\d+)", result.stdout, re.M
    )
    assert set(found) == {("equilibrate", "2"), ("sample", "3")}
