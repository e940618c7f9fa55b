"""A run never deletes files that no run made, unless the user insists."""

import os
import re
from pathlib import Path

import pytest
import yaml

from meanforce import paths
from meanforce.errors import InputError
from meanforce.jobs.foreign import check_foreign
from meanforce.paths import LAST_RUN, ConfigPaths
from meanforce.restart.noted import HEAD, note_run, record_of
from meanforce.settings.load import load_config
from meanforce.settings.plan import OUTPUTS, STAGES, PlannedJob, planned_jobs

FILE = Path("mine.yaml")


@pytest.fixture
def raw(root, tmp_path, monkeypatch):
    """Contents of a config, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    config = yaml.safe_load((root / "config" / "quick.yaml").read_text())
    config["output"] = "results/mine"
    monkeypatch.setattr(paths, "_output", config["output"])
    return config


@pytest.fixture
def started(raw):
    """The same where a run has been started."""
    note_run(raw, FILE)
    return raw


def make(job: PlannedJob) -> None:
    """Outputs of a job, as they are when it has succeeded."""
    for path in map(Path, job.outputs):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("result\n")
    Path(job.log).write_text("100.0 % | done\n")


def record(job: PlannedJob) -> None:
    """Snakemake's records of a job."""
    for path in map(Path, job.outputs):
        file = record_of(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}")


def sampling(config) -> PlannedJob:
    return next(job for job in planned_jobs(load_config(config)) if job.stage == "sample")


def refused(config, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_foreign(load_config(config), FILE)
    notices = check_foreign(load_config(config | {"replace": True}), FILE)
    assert all("a result will replace it" in notice for notice in notices)


def test_a_new_folder_and_the_results_of_a_whole_run_are_accepted(raw):
    check_foreign(load_config(raw), FILE)
    note_run(raw, FILE)
    for job in planned_jobs(load_config(raw)):
        assert job.output in job.outputs
        make(job)
        record(job)
    check_foreign(load_config(raw), FILE)


@pytest.mark.parametrize("name", ["a.csv", "configs/a.yaml", "deep/er/a.pdb"])
def test_a_folder_with_other_files_is_refused(raw, name):
    other = Path("results/mine", name)
    other.parent.mkdir(parents=True)
    other.write_text("mine: 1\n")
    Path("results/mine/.hidden").touch()
    refused(raw, rf"^output: the folder 'results/mine' has files, such as '{other}', but no")
    other.unlink()
    check_foreign(load_config(raw), FILE)


def test_results_of_other_configs_may_lie_in_folders_below(raw, monkeypatch):
    """As where the default config has `results/` itself, and others have folders in it."""
    note_run(raw, FILE)
    make(sampling(raw))
    monkeypatch.setattr(paths, "_output", "results")
    raw["output"] = "results"
    check_foreign(load_config(raw), Path("config.yaml"))
    # It is a place for results, in which users have notes as well.
    Path("results/mine.csv").touch()
    check_foreign(load_config(raw), Path("config.yaml"))


def test_a_folder_that_has_lost_only_the_copy_of_its_config_is_ours(raw):
    note_run(raw, FILE)
    job = sampling(raw)
    make(job)
    record(job)
    Path(ConfigPaths(FILE.stem).copy).unlink()
    check_foreign(load_config(raw), FILE)


def test_a_log_of_the_user_does_not_make_a_file_a_result(raw):
    """As report.log beside report.html and summary.csv of another program."""
    job = planned_jobs(load_config(raw))[-1]
    make(job)
    assert Path(job.log).name == "report.log"
    refused(raw, r"^output: the folder 'results/mine' has files, such as ")


def test_a_file_where_a_result_would_go_is_refused(started):
    trajectory = Path(sampling(started).outputs[0])
    trajectory.parent.mkdir(parents=True)
    trajectory.touch()
    refused(started, rf"^{trajectory}: is not a file of meanforce, but a run would write")
    (notice,) = check_foreign(load_config(started | {"replace": True}), FILE)
    assert notice.startswith(f"{trajectory}: is not a file of meanforce")
    trajectory.unlink()
    trajectory.symlink_to("/nowhere/archive.h5")
    refused(started, rf"^{trajectory}: is not a file of meanforce")


def test_results_that_are_partly_deleted_are_ours(started):
    """As when a user deletes a trajectory to sample it anew."""
    job = sampling(started)
    make(job)
    record(job)
    Path(job.outputs[0]).unlink()
    check_foreign(load_config(started), FILE)


def test_results_that_were_copied_without_records_are_ours(started):
    job = sampling(started)
    make(job)
    check_foreign(load_config(started), FILE)
    Path(job.log).unlink()
    refused(started, r"trajectory\.h5: .*\(and 2 more such files\)")
    record(job)
    check_foreign(load_config(started), FILE)


@pytest.mark.parametrize("last", ["", "50.0 % | frames\n", "error: process 7 works here\n"])
def test_results_of_jobs_that_outlived_snakemake_are_ours(started, last):
    """On a cluster they go on, and another job may have found them at work and failed."""
    job = sampling(started)
    trajectory = Path(job.outputs[0])
    trajectory.parent.mkdir(parents=True)
    trajectory.touch()
    refused(started, r"is not a file of meanforce")
    Path(job.log).write_text(last)
    check_foreign(load_config(started), FILE)


def test_a_config_of_the_user_is_not_written_over(started):
    """Where the folder of results has a folder of configs already."""
    note_run(started, Path("other.yaml"))
    for name in (ConfigPaths("mine").copy, LAST_RUN):
        before = Path(name).read_text()
        assert before.startswith(HEAD)
        Path(name).write_text(before.removeprefix(HEAD))
        refused(started, rf"^{name}: is not a file of meanforce")
        Path(name).write_text(before)


@pytest.mark.parametrize("folder", ["notes", "notes/results"])
def test_a_file_as_the_folder_is_refused(raw, folder):
    Path("notes").write_text("mine\n")
    for replace in (False, True):
        with pytest.raises(InputError, match=r"^output: 'notes' is a file; give a folder"):
            check_foreign(load_config(raw | {"output": folder, "replace": replace}), FILE)


def test_a_folder_that_cannot_be_written_is_refused(raw, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != ".")
    with pytest.raises(InputError, match=r"^output: the folder 'results/mine' cannot be written"):
        check_foreign(load_config(raw), FILE)
    monkeypatch.setattr(paths, "_output", "/proc/mine")
    with pytest.raises(InputError, match=r"^/proc/mine/configs/mine.yaml: cannot be written"):
        note_run(raw | {"output": "/proc/mine"}, FILE)


def test_a_home_folder_is_neither_a_tilde_nor_a_variable(raw):
    with pytest.raises(InputError, match=r"^output: '~/x' has '~', which is not replaced; write"):
        load_config(raw | {"output": "~/x"})
    with pytest.raises(InputError, match=r"^output: '\$HOME/x' begins with a variable, but"):
        load_config(raw | {"output": "$HOME/x"})


def test_records_are_where_snakemake_has_them():
    """Long names are cut."""
    from snakemake.persistence.file import FilePersistence

    class Records(FilePersistence):
        def __init__(self) -> None:
            self._max_len = None

        def _fetch_max_len(self, subject: str) -> int:
            return 255

    for name in ("results/a?~o.csv", "results/" + "deep/" * 80 + "a.h5"):
        expected = Records()._record_path(".snakemake/metadata", name)
        assert str(record_of(Path(name))) == expected


def test_outputs_are_those_of_the_rules(root):
    """All files that a rule declares, whose paths are written in `paths.py`."""
    assert set(OUTPUTS) == set(STAGES)
    for stage, names in OUTPUTS.items():
        file = "import" if stage.startswith("import_frames") else stage
        text = (root / "workflow" / "rules" / f"{file}.smk").read_text()
        rule = re.search(rf"rule (\w+ as )?{stage}( with)?:(.*?)(?=\n(use )?rule |\Z)", text, re.S)
        block = re.search(r"\n    output:\n(.*?)\n    \w", rule[3], re.S)[1]
        declared = re.findall(r"\b\w+Paths\.(\w+)", block)
        assert sorted(names) == sorted(declared), stage
