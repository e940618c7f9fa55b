"""A run never replaces results of another config in the same folder, unless the user insists."""

from pathlib import Path

import pytest
import yaml

from meanforce import paths
from meanforce.errors import InputError
from meanforce.jobs.replaced import check_replaced
from meanforce.paths import ConfigPaths, MemberPaths, ReplicaPaths
from meanforce.restart.overview import note_run
from meanforce.settings.load import load_config

EXPERIMENT = "muller_brown_static_x_rbf"


@pytest.fixture
def before(root, tmp_path, monkeypatch):
    """Contents of a config, with two finished results in the folder of another config, too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(paths, "_output", "results/shared")
    config = yaml.safe_load((root / "config" / "quick.yaml").read_text())
    config["output"] = "results/shared"
    note_run(config, "first")
    files = (
        ReplicaPaths("muller_brown", "T300", "static", 1).trajectory,
        MemberPaths(EXPERIMENT, 0).model,
    )
    for file in files:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).touch()
    return config


def test_nothing_is_lost_where_all_jobs_are_the_same(before):
    """Another experiment on the same data, and an experiment less."""
    more = before["experiments"][EXPERIMENT]
    before["experiments"] = {"mine": more, EXPERIMENT: more}
    assert check_replaced(load_config(before), "second") == []


def test_sampling_with_other_settings_is_refused(before):
    before["campaigns"]["muller_brown"]["static"]["length"] = "77 ps"
    message = (
        r"output: 'results/shared' has results of the config 'first', and this run would replace 1 "
        r"of them, results/shared/muller_brown/T300/static/1/trajectory.h5 among them; .*replace=tr"
    )
    with pytest.raises(InputError, match=message):
        check_replaced(load_config(before), "second")


def test_a_shared_potential_with_other_settings_is_refused(before):
    before["potentials"]["rbf"]["functions"] = 29
    with pytest.raises(InputError, match=r"replace 1 of them, .*/model-0\.safetensors"):
        check_replaced(load_config(before), "second")


def test_the_same_config_may_change(before):
    before["campaigns"]["muller_brown"]["static"]["length"] = "77 ps"
    assert check_replaced(load_config(before), "first") == []


def test_who_insists_replaces(before):
    before["campaigns"]["muller_brown"]["static"]["length"] = "77 ps"
    before["replace"] = True
    assert check_replaced(load_config(before), "second") == [Path(ConfigPaths("first").copy)]


def test_what_was_never_made_is_not_lost(before):
    Path(MemberPaths(EXPERIMENT, 0).model).unlink()
    before["potentials"]["rbf"]["functions"] = 29
    assert check_replaced(load_config(before), "second") == []


def test_a_copy_of_another_version_is_passed_over(before):
    Path(ConfigPaths("first").copy).write_text("systems: {a: {kind: of_another_version}}\n")
    before["campaigns"]["muller_brown"]["static"]["length"] = "77 ps"
    assert check_replaced(load_config(before), "second") == []


@pytest.mark.parametrize("folder", ["../outside", "", "a/../../b", "{system}", ".", 3])
def test_a_folder_outside_or_with_wildcards_is_refused(before, folder):
    before["output"] = folder
    with pytest.raises(InputError, match=r"^output: "):
        load_config(before)
