"""Key `targets` of an experiment: what is refused when a run is planned."""

import pytest
import yaml
from config_changes import assert_refused, both, put

from meanforce.jobs.stages import train_job
from meanforce.settings import inputs
from meanforce.settings.load import load_config

EXPERIMENT = "propane_published"
OF_EXPERIMENT = "experiments", EXPERIMENT
FITTING = "potentials", "inversion", "fitting"


@pytest.fixture
def published(root, monkeypatch):
    """The config with published targets, as plain values."""
    monkeypatch.chdir(root)
    return yaml.safe_load((root / "config" / "published_propane.yaml").read_text())


def second_state(temperature: str):
    """A second state point, with the same tables."""

    def change(config):
        config["state_points"]["other"] = {"temperature": temperature}
        config["experiments"][EXPERIMENT]["train"].append("other")
        tables = config["experiments"][EXPERIMENT]["targets"]
        tables["other"] = tables["T200"]

    return change


BAD = {
    "a state point without tables": (
        put(*OF_EXPERIMENT, "train", ["T200", "warm"]),
        r"'targets' has tables for T200, but 'train' is T200, warm; give tables for the same",
    ),
    "no table": (put(*OF_EXPERIMENT, "targets", "T200", {}), "has no table; give one for each"),
    "several equal members": (
        put(*OF_EXPERIMENT, "ensemble", 4),
        r"'ensemble' is 4, but all members have the same tables in 'targets'; give 'ensemble: 1'",
    ),
    "a fit to forces": (
        put(*FITTING, {"kind": "force_matching"}),
        r"targets: are tables, which 'force_matching' cannot be fitted to; allowed are the",
    ),
    "a start from forces": (
        put(*FITTING, "start", "force_matching"),
        r"targets: are tables, so that there are no forces; give 'fitting\.start: direct_inversion",
    ),
    "two state points of one temperature": (
        second_state("200 K"),
        r"targets: 'T200' and 'other' have the same temperature; allowed is one table for each",
    ),
    "a file that does not exist": (
        put(*OF_EXPERIMENT, "targets", "T200", "bonds", "PRP-A1-PRP-B", "none.dist.tgt"),
        r"experiments\.propane_published\.targets\.T200: .*none\.dist\.tgt: cannot be read",
    ),
    "a learning curve": (
        both(put(*OF_EXPERIMENT, "atomistic_time", ["10 ps"]), put(*OF_EXPERIMENT, "seeds", 1)),
        r"'atomistic_time' makes a learning curve of frames, but the data are the tables in",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_targets_that_do_not_fit_are_refused(published, name):
    assert_refused(published, *BAD[name])


def test_the_job_has_tables_and_temperatures(published):
    second_state("210 K")(published)
    config = load_config(published)
    job = train_job(config, EXPERIMENT, 0)
    assert [one.temperature for one in job.targets] == [200.0, 210.0]
    files = [path.name for path in job.target_files]
    assert len(files) == 10 and {"A-A.dist.tgt", "bond.dist.tgt"} <= set(files)
    assert len(inputs.target_tables(config, EXPERIMENT)) == 10
    assert inputs.start(config, "propane", "T200") is None
