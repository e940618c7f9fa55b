"""What `status.py` shows of a run: from which config, and what is not known yet."""

import sys
from pathlib import Path

import pytest
import yaml

import status
from meanforce import paths
from meanforce.paths import LAST_RUN
from meanforce.progress import NO_TIME, Progress, ProgressLine, Rate
from meanforce.restart.job import BUNDLE, folder_of
from meanforce.restart.lock import locked
from meanforce.restart.noted import note_run
from meanforce.restart.overview import FAILED, RUNNING, STOPPED, standing


@pytest.fixture
def run(root, tmp_path, monkeypatch):
    """An empty folder in which a run of one experiment was started."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(paths, "_output", "results/mine")
    config = yaml.safe_load((root / "config" / "quick.yaml").read_text())
    config["experiments"] = {"mine": config["experiments"]["muller_brown_static_x_rbf"]}
    config["experiments"]["mine"] |= {"train": ["T300", "T400"], "held_out": []}
    config["output"] = "results/mine"
    note_run(config, Path("mine.yaml"))
    return config


def shown(monkeypatch, capsys, *arguments: str) -> str:
    monkeypatch.setattr(sys, "argv", ["status.py", *arguments])
    status.main()
    return capsys.readouterr().out


def logged(output, *lines) -> None:
    """Lines in the log of the sampling of an output."""
    output.parent.mkdir(parents=True, exist_ok=True)
    (output.parent / "sample.log").write_text("".join(f"{line}\n" for line in lines))


def trajectory(folder, job: int = 1):
    return (
        folder
        / "results"
        / "mine"
        / "muller_brown"
        / "T300"
        / "static"
        / str(job)
        / "trajectory.h5"
    )


def test_the_config_of_the_last_run_is_found(run, tmp_path, monkeypatch, capsys):
    assert yaml.safe_load(Path(LAST_RUN).read_text()) == run
    found = shown(monkeypatch, capsys)
    assert "prepare             0        0        0        0        1" in found
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(run))
    assert shown(monkeypatch, capsys, "--configfile", "mine.yaml") == found
    # Another run in the same folder takes its place.
    run["campaigns"]["muller_brown"]["static"]["replicas"] = 7
    note_run(run, Path("mine.yaml"))
    assert shown(monkeypatch, capsys) != found


def test_where_no_run_was_started_the_option_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["status.py"])
    with pytest.raises(SystemExit, match="--configfile: is needed, since no run was started"):
        status.main()


def test_without_any_estimate_the_time_left_is_not_known(run, tmp_path, monkeypatch, capsys):
    assert shown(monkeypatch, capsys).splitlines()[-1] == NO_TIME
    output = trajectory(tmp_path)
    logged(output, ProgressLine(0.0, "equilibration").text())
    with locked(folder_of(output)):
        found = shown(monkeypatch, capsys).splitlines()
    assert f"static/1/trajectory.h5, 0 %, equilibration, {NO_TIME}" in "\n".join(found)
    assert found[-1] == NO_TIME
    assert not any("0 s left" in line for line in found)
    logged(output, ProgressLine(50.0, "frames", "9 ns/day on CPU", 600.0).text())
    with locked(folder_of(output)):
        last = shown(monkeypatch, capsys).splitlines()[-1]
    assert last.startswith("about 10 min left, 1 job at a time; not counted, since none of their ")


def test_a_job_that_goes_on_has_its_percent_and_no_time_of_an_earlier_process(tmp_path):
    output = trajectory(tmp_path)
    before = ProgressLine(40.0, "frames", "9 ns/day on CPU", 600.0).text()
    set_up = ProgressLine(None, "choosing a platform").text()
    logged(output, before, "stopped (SIGTERM); the same command goes on from here", set_up)
    with locked(folder_of(output)):
        # Without a bundle it starts anew, and what the log has is of another run.
        assert standing(output, output.parent / "sample.log").percent is None
    # The process is gone.
    assert standing(output, output.parent / "sample.log").state == FAILED
    with locked(folder_of(output)):
        (folder_of(output) / BUNDLE).touch()
        found = standing(output, output.parent / "sample.log")
    assert (found.state, found.percent, found.phase) == (RUNNING, 40.0, "choosing a platform")
    assert found.left is None
    found = standing(output, output.parent / "sample.log")
    assert (found.state, found.percent, found.left) == (STOPPED, 40.0, None)


def test_other_lines_of_a_log_are_not_taken_for_progress(tmp_path):
    output, lines = trajectory(tmp_path), []
    Progress(lines.append, 1000, 730, Rate("ns/day")).advance(730, "frames")
    logged(output, *lines, "exchange: 12 % of copies change their level, 5 s left")
    with locked(folder_of(output)):
        found = standing(output, output.parent / "sample.log")
    assert (found.percent, found.left) == (73.0, None)
    assert found.said.startswith("exchange: ")
