"""A small liquid through the whole workflow: config/water.yaml with fewer molecules and steps."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import yaml

pytestmark = pytest.mark.workflow


def small(config: dict) -> dict:
    """Config of a run of half a minute."""
    # YAML anchors would carry changes to other parts.
    config = json.loads(json.dumps(config))
    system = config["systems"]["water"]
    system["molecules"]["HOH"]["count"] = 64
    system["nonbonded_cutoff"] = "0.6 nm"
    # Wide allowances for a few ps: over seeds the density scatters by 2 %, the mean temperature of
    # the last phase by 3 %.
    system["equilibration"] |= {
        "nvt": "2 ps", "npt": "8 ps", "nvt_final": "2 ps", "friction": "10 / ps",
        "density_allowance": 0.2, "temperature_allowance": 0.2,
    }  # fmt: skip
    for campaign in config["campaigns"]["water"].values():
        campaign |= {"length": "8 ps", "stride": "80 fs", "equilibration": "1 ps", "replicas": 1}
    config["potentials"]["pair"]["terms"]["pairs"] = {"cutoff": "0.6 nm", "functions": 20}
    config["simulations"]["liquid"] |= {"length": "8 ps", "equilibration": "1 ps"}
    config["experiments"]["water_spline"] |= {"ensemble": 2, "folds": 2}
    return config


@pytest.fixture(scope="module")
def results(make_checkout):
    checkout = make_checkout()
    config = yaml.safe_load((checkout.folder / "config" / "water.yaml").read_text())
    (checkout.folder / "small.yaml").write_text(yaml.safe_dump(small(config)))
    result = checkout.snakemake("--configfile", "small.yaml")
    assert result.returncode == 0, result.stdout + result.stderr
    return checkout.folder / "results" / "small"


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
