"""The config that a user means who forgot its option."""

from pathlib import Path

import pytest

from meanforce.settings.other_configs import beside, with_target


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    """Two configs, a file that cannot be read, and one that is not a config."""
    monkeypatch.chdir(tmp_path)
    Path("config").mkdir()
    Path("config/a.yaml").write_text("systems: {water: {}}\nexperiments: {first: {}}\n")
    Path("b.yaml").write_text("output: data/b\nexperiments: {first: {}, second: {}}\n")
    Path("broken.yaml").write_text("experiments: {first:\n")
    Path("list.yaml").write_text("[experiments]\n")


def test_files_with_a_target():
    assert with_target("experiment_first") == [Path("b.yaml"), Path("config/a.yaml")]
    assert with_target("experiment_second") == [Path("b.yaml")]
    assert with_target("system_water") == [Path("config/a.yaml")]
    assert with_target("system_first") == []


def test_files_beside_the_run():
    assert beside() == [Path("b.yaml")]
