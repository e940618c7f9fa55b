"""A job that fails costs one experiment: the others are reported, with the failed one named."""

import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from report_results import write_results

import report_finished
from meanforce import paths
from meanforce.paths import LAST_RUN, ComparedPaths
from meanforce.restart.noted import note_run
from meanforce.settings import inputs
from meanforce.settings.load import load_config

BROKEN = "capped_alanine_metadynamics_heavy_cgnet"
WHY = "64 of 100 chains exploded at 400 K"


@pytest.fixture
def run(root, tmp_path, monkeypatch):
    """A run of config/quick.yaml that has ended, as its files; returns its config."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(paths, "_output", "results/quick")
    monkeypatch.setattr(sys, "argv", ["report_finished.py"])
    raw = yaml.safe_load((root / "config" / "quick.yaml").read_text())
    note_run(raw | {"output": "results/quick"}, Path("quick.yaml"))
    write_results(root, Path("results/quick"))
    config = load_config(raw)
    some = Path("results/quick/capped_alanine/T300/reference/1/segments.csv").read_text()
    checks = Path("results/quick/capped_alanine/T300/reference/1/heavy.checks.json").read_text()
    for dataset in inputs.all_datasets(config):
        Path(dataset.segments).parent.mkdir(parents=True, exist_ok=True)
        Path(dataset.segments).write_text(some)
        Path(dataset.checks).write_text(checks)
    return config


def test_others_are_reported_and_the_failed_one_is_named(run, capsys):
    place = ComparedPaths(BROKEN, "T400")
    for file in (place.metrics, place.profiles, place.surface, place.speed):
        Path(file).unlink()
    Path(place.simulate_log).write_text(f"90 % | frames\nerror: {WHY}\n")
    report_finished.main()
    said = capsys.readouterr().out
    assert f"simulate failed: {WHY}" in said
    assert place.simulate_log in said
    page = Path("results/quick/reports/finished/report.html").read_text()
    assert f"simulate failed: {WHY}" in page
    summary = pd.read_csv("results/quick/reports/finished/summary.csv")
    assert set(summary["experiment"]) == set(run.experiments) - {BROKEN}


def test_of_a_config_that_is_not_the_last_one_started(run, tmp_path, monkeypatch, capsys):
    Path(LAST_RUN).rename("quick.yaml")
    monkeypatch.setattr(sys, "argv", ["report_finished.py", "--configfile", "quick.yaml"])
    report_finished.main()
    assert "(4 of 4 experiments)" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["report_finished.py"])
    with pytest.raises(SystemExit, match="--configfile: is needed, since no run was started"):
        report_finished.main()


def test_without_a_finished_experiment_only_failures_are_shown(run, capsys):
    for file in Path("results").rglob("metrics.csv"):
        file.unlink()
    report_finished.main()
    assert "no experiment is finished" in capsys.readouterr().out
    assert not Path("results/quick/reports").exists()
