"""Finished sampling is continued by a longer run, and not replaced by a shorter one."""

import json
from pathlib import Path

import pytest
import yaml

from meanforce import paths
from meanforce.errors import InputError
from meanforce.jobs.lengths import check_shortened, continued
from meanforce.jobs.stages import sample_job
from meanforce.paths import ReplicaPaths
from meanforce.restart.ended import ABOUT, ended_folder
from meanforce.settings.load import load_config

PLACE = ReplicaPaths("muller_brown", "T300", "static", 1)


@pytest.fixture
def config(root, tmp_path, monkeypatch):
    """Contents of a config, one trajectory of which is finished."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(paths, "_output", "results/quick")
    config = yaml.safe_load((root / "config" / "quick.yaml").read_text())
    config["output"] = "results/quick"
    job = sample_job(load_config(config), "muller_brown", "T300", "static", 1)
    folder = ended_folder(Path(PLACE.trajectory))
    folder.mkdir(parents=True)
    Path(PLACE.trajectory).touch()
    about = {"code": "1", "identity": {"settings": job.plain(), "inputs": {}}}
    (folder / ABOUT).write_text(json.dumps(about))
    return config


def static(config) -> dict:
    return config["campaigns"]["muller_brown"]["static"]


@pytest.mark.parametrize("length", ["500 ns", "1000 ns"])
def test_the_same_and_a_longer_run_are_allowed(config, length):
    static(config)["length"] = length
    check_shortened(load_config(config))
    longer = {PLACE.trajectory: 0.5} if length == "1000 ns" else {}
    assert continued(load_config(config)) == longer


def test_a_shorter_run_is_refused(config):
    static(config)["length"] = "400 ns"
    message = (
        r"^campaigns.muller_brown.static.length: is 400 ns, but results/quick/muller_brown/T300/"
        r"static/1/trajectory.h5 is finished and has 500 ns, and would be sampled anew; give at "
        r"least 500 ns, or insist with: --config replace=true$"
    )
    with pytest.raises(InputError, match=message):
        check_shortened(load_config(config))


def test_a_user_may_insist(config):
    static(config)["length"] = "400 ns"
    check_shortened(load_config(config | {"replace": True}))


def test_with_other_settings_it_is_another_run(config):
    static(config).update(length="400 ns", friction="0.4 / ps")
    check_shortened(load_config(config))
    static(config)["length"] = "1000 ns"
    assert not continued(load_config(config))


def test_unfinished_sampling_is_not_judged(config):
    static(config)["length"] = "400 ns"
    Path(PLACE.trajectory).unlink()
    check_shortened(load_config(config))
