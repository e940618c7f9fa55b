"""The stage `report` by itself: what it gathers, and how it orders many experiments."""

import importlib
import json
import re
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from report_results import write_results

import report

COLUMNS = [
    "experiment", "system", "mapping", "force_map", "campaign", "potential", "state_point",
    "role", "metric", "value", "stderr", "noise_floor", "unit", "verdict",
    "stderr_noise", "dof", "noise_floor_reference", "resolution", "data_limit",
    "quantity", "measure", "source", "group",
]  # fmt: skip
"""The contract of summary.csv: new columns stand at the end."""


@pytest.fixture(scope="module")
def stage(root, tmp_path_factory):
    """Function that runs the stage on small results and returns their folder."""

    def run(change=lambda settings: None) -> Path:
        folder = tmp_path_factory.mktemp("stage") / "results"
        arguments = write_results(root, folder)
        settings = json.loads((folder / "settings.json").read_text())
        change(settings)
        (folder / "settings.json").write_text(json.dumps(settings))
        template = root / "workflow" / "report" / "report.html.j2"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["report.py", *arguments, "--template", str(template)])
            report.main()
        return folder

    return run


def names_in(page: str, pattern: str) -> list[str]:
    """Experiments in a part of the page."""
    part = re.search(pattern, page, re.S)[0]
    return re.findall(r'<details class="experiment" id="([^"]*)"', part)


def test_everything_is_gathered(stage):
    folder = stage()
    summary = pd.read_csv(folder / "summary.csv")
    assert list(summary.columns) == COLUMNS
    assert set(summary["verdict"].dropna()) == {"resolved better", "within noise", "worse"}
    assert len(summary) == sum(len(pd.read_csv(path)) for path in folder.glob("*/*/*/metrics.csv"))
    run = yaml.safe_load((folder / "run.yaml").read_text())
    assert run["config"]["seed"] == 2026 and run["made_with"]["packages"]["numpy"]
    page = (folder / "report.html").read_text()
    # 12 places with 60 figures: a page of a default run stays well below what e-mail takes.
    assert len(page) < 1.5e6
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert "12× (7.1 to 21)" in page and "fes_rmse of biased against 0.1 to 5 ns" in page
    assert not list(folder.glob(".*.work"))


def test_models_stand_beside_direct_reweighting(stage):
    folder = stage()
    page = (folder / "report.html").read_text()
    (table,) = re.findall(r'<table class="matrix baseline">.*?</table>', page, re.S)
    (note,) = re.findall(r'<p class="note">The baseline:.*?</p>', page, re.S)
    summary = pd.read_csv(folder / "summary.csv")
    alanine = summary[summary["metric"] == "js_phi_psi"]
    trained = int((alanine["role"] == "train").sum())
    assert table.count("no atomistic data there") == 4 * (len(alanine) - trained) > 0
    assert table.count('class="won"') == table.count('class="lost"') == trained
    assert f"{trained} × the model is better" in " ".join(note.split())
    assert "so there is no baseline" in note
    # JS of 0.012 ± 0.001 against 0.020 ± 0.001.
    assert "0.0120 ± 0.0010<br><small>0.0200 ± 0.0010" in table
    # Nothing of the baseline among the errors of models.
    (first,) = re.findall(r'<table class="matrix sortable">(?:(?!</table>).)*js_', page, re.S)[:1]
    assert "baseline" not in page[page.index(first) : page.index(table)].split("<h4>")[0]
    assert "Direct reweighting of the same frames</span>" in page


def test_a_damaged_table_is_named(root, tmp_path, monkeypatch):
    arguments = write_results(root, tmp_path / "results")
    broken = Path(arguments[arguments.index("--profiles") + 1])
    broken.write_text("")
    monkeypatch.setattr(sys, "argv", ["report.py", *arguments, "--template", "none"])
    with pytest.raises(SystemExit, match=f"^error: {broken}: cannot be read as a table"):
        report.main()
    assert not (tmp_path / "results" / "report.html").exists()


@pytest.mark.parametrize("program", ["report", "learning_curve"])
def test_metrics_of_another_version_are_named(root, tmp_path, monkeypatch, program):
    arguments = write_results(root, tmp_path / "results")
    old = Path(arguments[arguments.index("--metrics") + 1])
    pd.read_csv(old).drop(columns=["measure", "group"]).to_csv(old, index=False)
    if program == "report":
        arguments += ["--template", "none"]
    else:
        outputs = ["--table", "t", "--savings", "s", "--figure", "f"]
        arguments = ["--metrics", str(old), "--settings", '{"runs": {}, "seed": 1}', *outputs]
    monkeypatch.setattr(sys, "argv", [program, *arguments])
    message = f"^error: {old}: has no column 'measure', so another version made it; if a run"
    with pytest.raises(SystemExit, match=message):
        importlib.import_module(program).main()


def test_failed_checks_of_data_are_shown(stage):
    page = (stage() / "report.html").read_text()
    assert "Checks of 2 datasets:" in page and '<strong class="failed">1 with failed' in page
    assert "job 2, mapping heavy: the virial of positions and forces is 0.0243" in page
    assert "multiplying by 41.84 would mend it" in page
    assert len(re.findall(r'<td class="failed"', page)) == 1


def test_runs_of_a_learning_curve_stand_apart(stage):
    runs = ["capped_alanine_metadynamics_heavy_cgnet", "muller_brown_static_x_rbf"]

    def change(settings):
        for name in runs:
            settings["experiments"][name]["learning_curve"] = "alanine"

    page = (stage(change) / "report.html").read_text()
    inside = names_in(page, '<details class="group"><summary>2 runs.*<section id="speed')
    assert inside == runs
    everything = names_in(page, ".*")
    assert sorted(everything) == sorted(set(everything)) and everything[-2:] == runs
    transfer = re.search(r'<section id="transfer">.*?</section>', page, re.S)[0]
    assert "muller_brown_unbiased_x_spline" in transfer
    assert not any(name in transfer for name in runs)
    assert '<details class="data" open>' not in page


def test_a_config_of_learning_curves_alone_shows_its_runs(stage):
    def change(settings):
        for name, facts in settings["experiments"].items():
            facts["learning_curve"] = "biased" if "unbiased" not in name else "plain"

    page = (stage(change) / "report.html").read_text()
    assert page.count('<details class="group">') == 2 and '<section id="transfer">' not in page
    assert page.count('<details class="data" open>') == 2
    assert len(names_in(page, ".*")) == 4
