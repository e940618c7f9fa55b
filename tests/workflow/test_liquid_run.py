"""The commands of docs/liquids.md, with a small liquid, and its parts of configs."""

import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from small_liquid import small
from tutorial import Step, follow, steps

from meanforce.sampling.check import check_structures
from meanforce.settings.load import load_config

pytestmark = [pytest.mark.workflow, pytest.mark.extended]

PAGE = "docs/liquids.md"
CONFIG = "config/water.yaml"


@pytest.fixture(scope="module")
def page(root) -> list[Step]:
    return steps(root / PAGE)


@pytest.fixture(scope="module")
def followed(page, make_checkout) -> Path:
    """Folder in which all commands were run."""
    folder = make_checkout().folder
    config = small(yaml.safe_load((folder / CONFIG).read_text()))
    (folder / CONFIG).write_text(yaml.safe_dump(config))
    follow(page, folder, {".venv/bin/": f"{Path(sys.executable).parent}/"})
    return folder


@pytest.fixture(scope="module")
def results(followed) -> Path:
    return followed / "results" / "water"


def test_parts_of_configs_are_valid(page, root, monkeypatch):
    """Each is one that the page's config may have beside its own."""
    monkeypatch.chdir(root)
    parts = [step for step in page if step.kind == "yaml"]
    assert len(parts) == 3
    for step in parts:
        config = yaml.safe_load((root / CONFIG).read_text())
        for section, entries in yaml.safe_load(step.text).items():
            for name, values in entries.items():
                config[section].setdefault(name, {}).update(values)
        check_structures(load_config(config))


def test_a_liquid_goes_through_all_stages(results):
    table = pd.read_csv(results / "summary.csv").set_index("metric")
    # 64 beads of 18 u stay intact.
    assert table.loc["stability", "value"] == 1.0
    # Forces on molecules of water are mostly noise to a pair potential, but not more than that.
    loss, noise = table.loc["force_rmse"], table.loc["force_irreducible"]
    assert 0.95 * noise["value"] < loss["value"] < 1.3 * noise["value"]
    # Without any structure it would be 0.6; a spline of 100 frames is within 0.15.
    assert table.loc["rdf_rmse_HOH-W_HOH-W", "value"] < 0.3
    assert (results / "report.html").stat().st_size > 10_000


def test_the_density_is_that_of_water(results):
    """0.998 g/cm³ in long runs of SPC/E; 8 ps of 64 molecules scatter by 2 %."""
    rows = pd.read_csv(results / "water" / "T300" / "equilibrated" / "equilibration.csv")
    final = rows[rows["phase"] == "nvt_final"]["density_g_cm3"]
    assert final.iloc[0] == pytest.approx(0.998, abs=0.1)
    assert np.ptp(final) == 0.0
    log = (results / "water" / "T300" / "equilibrated" / "equilibrate.log").read_text()
    assert re.search(r"density at 300 K, 1 bar: \d\.\d+ g/cm³", log)


def test_the_page_names_metrics_that_the_report_has(results, page, root):
    """Of one bead a molecule, in so short a run; others need bonds, or more than 8 ps."""
    table = pd.read_csv(results / "summary.csv")
    shown = {"compressibility", "pressure", "force_rmse", "force_irreducible"}
    assert shown <= set(table["metric"])
    text = (root / PAGE).read_text()
    assert all(f"`{name}`" in text for name in shown)


def test_tables_of_the_model_are_written(followed):
    made = {path.name for path in (followed / "example_data" / "lammps").iterdir()}
    assert {"potential.in", "beads.data", "in.run"} <= made
