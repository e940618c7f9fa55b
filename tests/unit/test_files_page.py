"""docs/files.md lists what is in trajectories and datasets of kinds that short runs do not have."""

import re

import pytest
from file_schema import compare, documented
from sampled_systems import prepared_in, run_of, testsystem

import torsion
from meanforce.settings.campaigns.registry import SampledCampaign
from meanforce.settings.job import validated

SHORT = torsion.PROTOCOL | {"length": 4.0, "stride": 0.5}
CAMPAIGNS = {
    "biased": {"kind": "static", "collective_variables": ["phi"], "formula": "cos(phi)"},
    "metadynamics": {
        "kind": "metadynamics", "collective_variables": ["phi"], "height": 0.5, "width": [0.3],
        "pace": 0.5, "bias_factor": 5.0, "burn_in": 0.0,
    },
    "umbrella": {
        "kind": "umbrella", "collective_variables": ["phi"], "force_constant": [50.0],
        "centers": [[0.0], [1.0]], "pull": 1.0,
    },
    "replica exchange": {
        "kind": "replica_exchange", "highest": 500.0, "levels": 2, "exchange_every": 1.0
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def page(root) -> str:
    return (root / "docs" / "files.md").read_text()


def test_trajectories_of_all_campaigns_are_on_the_page(page, tmp_path):
    for kind, settings in CAMPAIGNS.items():
        campaign = validated(SampledCampaign, SHORT | settings, "campaign")
        torsion.run(campaign, tmp_path / kind)
    files = sorted(tmp_path.glob("*/trajectory.h5"))
    compare("trajectory.h5", page, files, CAMPAIGNS)


def test_files_of_a_box_are_on_the_page(page, tmp_path):
    small = {"box_edge": "1.5 nm", "cutoff": "0.7 nm", "nonbondedMethod": "CutoffPeriodic"}
    prepared = prepared_in(testsystem("WaterBox", **small), tmp_path)
    mapping = {"molecules": {"HOH": {"beads": {"W": ["O", "H1", "H2"]}}}}
    run = run_of(prepared, mapping, stride=0.001)
    compare("trajectory.h5", page, [run.folder / "trajectory.h5"], ["box"])
    compare("forces.h5", page, [run.folder / "forces.h5"], ["box", "recomputed"])
    kinds = ["box", "several molecules"]
    compare("MAPPING.h5", page, [run.folder / "dataset.h5"], kinds)


def test_an_entry_that_is_missing_on_either_side_is_found(page, tmp_path):
    campaign = validated(SampledCampaign, SHORT | CAMPAIGNS["biased"], "campaign")
    torsion.run(campaign, tmp_path / "run")
    files = [tmp_path / "run" / "trajectory.h5"]
    with pytest.raises(AssertionError, match=r"not on the page: \['coordinates'\]"):
        compare("trajectory.h5", page.replace("| `coordinates` |", "| `positions` |"), files)
    more = page.replace("| `coordinates` |", "| `coordinates`, `velocities` |")
    with pytest.raises(AssertionError, match=r"only on the page: \['velocities'\]"):
        compare("trajectory.h5", more, files)
    with pytest.raises(AssertionError, match="in no file"):
        compare("trajectory.h5", page, files, ["umbrella"])


def test_rows_are_complete(page):
    assert len(documented(page)["trajectory.h5"]) > 20
    rows = [row for row in page.splitlines() if re.match(r"\| `.*\|$", row)]
    wrong = [row for row in rows if row.count("|") not in (3, 6)]
    assert not wrong
