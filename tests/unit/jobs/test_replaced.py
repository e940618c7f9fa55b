"""A run never replaces results of another config in the same folder, unless the user insists."""

import shutil
from pathlib import Path

import pytest
import yaml

from meanforce import paths
from meanforce.errors import InputError
from meanforce.jobs.replaced import check_replaced, shared_notice
from meanforce.paths import ConfigPaths, MemberPaths, ReplicaPaths, RunPaths
from meanforce.restart.noted import HEAD, note_run, record_of, source_of
from meanforce.settings.load import load_config

EXPERIMENT = "muller_brown_static_x_rbf"


@pytest.fixture
def before(root, tmp_path, monkeypatch):
    """Contents of a config, with two finished results in the folder of another config, too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(paths, "_output", "results/shared")
    config = yaml.safe_load((root / "config" / "quick.yaml").read_text())
    config["output"] = "results/shared"
    note_run(config, Path("first.yaml"))
    files = (
        ReplicaPaths("muller_brown", "T300", "static", 1).trajectory,
        MemberPaths(EXPERIMENT, 0).model,
    )
    for file in files:
        for path in (Path(file), record_of(Path(file))):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return config


def test_nothing_is_lost_where_all_jobs_are_the_same(before):
    """Another experiment on the same data, and an experiment less."""
    more = before["experiments"][EXPERIMENT]
    before["experiments"] = {"mine": more, EXPERIMENT: more}
    assert check_replaced(load_config(before), Path("second.yaml")) == []


def test_sampling_with_other_settings_is_refused(before):
    before["campaigns"]["muller_brown"]["static"]["length"] = "77 ps"
    message = (
        r"output: 'results/shared' has results of the config 'first', and this run would replace 1 "
        r"of them, results/shared/muller_brown/T300/static/1/trajectory.h5 among them; .*replace=tr"
    )
    with pytest.raises(InputError, match=message):
        check_replaced(load_config(before), Path("second.yaml"))


def test_a_shared_potential_with_other_settings_is_refused(before):
    before["potentials"]["rbf"]["functions"] = 29
    with pytest.raises(InputError, match=r"replace 1 of them, .*/model-0\.safetensors"):
        check_replaced(load_config(before), Path("second.yaml"))


def test_the_same_config_may_change(before):
    before["campaigns"]["muller_brown"]["static"]["length"] = "77 ps"
    assert check_replaced(load_config(before), Path("first.yaml")) == []


def test_results_without_records_do_not_pass_for_those_of_other_settings(before):
    """As after a copy of the results alone: Snakemake would make nothing again."""
    trajectory = Path(ReplicaPaths("muller_brown", "T300", "static", 1).trajectory)
    record_of(trajectory).unlink()
    assert check_replaced(load_config(before), Path("first.yaml")) == []
    before["campaigns"]["muller_brown"]["static"]["length"] = "77 ps"
    for replace in (False, True):
        before["replace"] = replace
        with pytest.raises(InputError, match=rf"^{trajectory}: was made with the settings in res"):
            check_replaced(load_config(before), Path("first.yaml"))


def test_who_insists_replaces(before):
    before["campaigns"]["muller_brown"]["static"]["length"] = "77 ps"
    before["replace"] = True
    assert check_replaced(load_config(before), Path("second.yaml")) == [
        Path(ConfigPaths("first").copy)
    ]


def test_what_was_never_made_is_not_lost(before):
    Path(MemberPaths(EXPERIMENT, 0).model).unlink()
    before["potentials"]["rbf"]["functions"] = 29
    assert check_replaced(load_config(before), Path("second.yaml")) == []


@pytest.mark.parametrize("file", ["first.yaml", "second.yaml"])
def test_results_of_a_config_that_cannot_be_read_are_not_replaced(before, file):
    """As of another version."""
    copy = Path(ConfigPaths("first").copy)
    copy.write_text(f"{HEAD}\nsystems: {{a: {{kind: of_another_version}}}}\n")
    message = r"results, .*trajectory\.h5 among them, but the copy .*first\.yaml .* cannot be read"
    with pytest.raises(InputError, match=message):
        check_replaced(load_config(before), Path(file))
    before["replace"] = True
    assert check_replaced(load_config(before), Path(file)) == [copy]


def test_results_whose_config_was_deleted_are_not_replaced(before):
    shutil.rmtree(Path(ConfigPaths("first").copy).parent)
    with pytest.raises(InputError, match=r"but the copy .* in results/shared/configs, is missing"):
        check_replaced(load_config(before), Path("first.yaml"))
    before["replace"] = True
    assert check_replaced(load_config(before), Path("first.yaml")) == []


def test_who_shares_a_folder_hears_of_the_report(before):
    config = load_config(before)
    assert shared_notice(config, Path("second.yaml")) is None
    Path(RunPaths.page).touch()
    assert shared_notice(config, Path("first.yaml")) is None
    notice = shared_notice(config, Path("second.yaml"))
    assert notice.startswith("output: 'results/shared' also has results of the config 'first', and")


def test_a_file_of_the_user_beside_the_copies_is_passed_over(before):
    """It would be deleted once results are replaced."""
    copy = Path(ConfigPaths("first").copy)
    copy.write_text(copy.read_text().removeprefix(HEAD))
    before["campaigns"]["muller_brown"]["static"]["length"] = "77 ps"
    before["replace"] = True
    assert check_replaced(load_config(before), Path("second.yaml")) == []


@pytest.fixture
def two(before):
    """Two files of the same name, the first of which has results."""
    files = [Path(folder, "first.yaml") for folder in ("a", "b")]
    for file in files:
        file.parent.mkdir()
        file.write_text(yaml.safe_dump(before))
    note_run(before, files[0])
    return files


def test_files_of_the_same_name_do_not_replace_each_others_results(before, two):
    check_replaced(load_config(before), two[1])
    before["experiments"] = {"mine": before["experiments"][EXPERIMENT]}
    check_replaced(load_config(before), two[0])
    message = r"has results of 'a/first.yaml', .* 'b/first.yaml' has the same name.*replace=true"
    with pytest.raises(InputError, match=message):
        check_replaced(load_config(before), two[1])
    before["replace"] = True
    assert check_replaced(load_config(before), two[1]) == []


def test_a_file_that_was_moved_stays_the_same(before, two):
    two[0].rename("elsewhere.yaml")
    assert check_replaced(load_config(before), two[1]) == []
    before["experiments"] = {"mine": before["experiments"][EXPERIMENT]}
    assert check_replaced(load_config(before), two[1]) == []


def test_another_file_of_the_name_of_one_that_is_gone_replaces_nothing(before, two):
    """Set aside by its user, who keeps its results."""
    two[0].rename("elsewhere.yaml")
    before["potentials"]["rbf"]["functions"] = 29
    message = r"of the config 'first' \('a/first\.yaml', which is gone\), .*model-0\.safetensors"
    with pytest.raises(InputError, match=message):
        check_replaced(load_config(before), two[1])
    before["replace"] = True
    assert check_replaced(load_config(before), two[1]) == []


def test_a_project_that_was_copied_has_its_own_files(before, two, tmp_path, monkeypatch):
    shutil.copytree(tmp_path, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    assert source_of(Path(ConfigPaths("first").copy)) == tmp_path / "copy" / "a" / "first.yaml"
    before["potentials"]["rbf"]["functions"] = 29
    assert check_replaced(load_config(before), two[0]) == []


def test_projects_that_share_a_folder_by_a_link_do_not_replace_results(
    before, two, tmp_path, monkeypatch
):
    other = tmp_path / "other"
    other.mkdir()
    (other / "results").symlink_to(tmp_path / "results")
    shutil.copytree("a", other / "a")
    monkeypatch.chdir(other)
    check_replaced(load_config(before), two[0])
    before["potentials"]["rbf"]["functions"] = 29
    with pytest.raises(InputError, match=rf"has results of '{tmp_path}/a/first.yaml'"):
        check_replaced(load_config(before), two[0])


def test_a_copy_may_itself_be_the_config(before, two):
    """Its source stays the file that was copied."""
    copy = Path(ConfigPaths("first").copy)
    before["potentials"]["rbf"]["functions"] = 29
    assert check_replaced(load_config(before), copy) == []
    note_run(before, copy)
    assert source_of(copy) == two[0].absolute()


def test_nothing_is_lost_where_the_other_file_made_nothing(before, two):
    shutil.rmtree("results/shared/muller_brown")
    shutil.rmtree("results/shared/experiments")
    before["potentials"]["rbf"]["functions"] = 29
    assert check_replaced(load_config(before), two[1]) == []


@pytest.mark.parametrize("folder", ["../outside", "", "a/../../b", "{system}", ".", 3])
def test_a_folder_outside_or_with_wildcards_is_refused(before, folder):
    before["output"] = folder
    with pytest.raises(InputError, match=r"^output: "):
        load_config(before)
