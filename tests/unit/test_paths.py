"""Paths under results/ are written in one module, and no two of them can be the same file."""

import dataclasses
import re
from pathlib import Path

import pytest

from meanforce import paths
from meanforce.paths import (
    RESERVED,
    CampaignPaths,
    ComparedPaths,
    DatasetPaths,
    EquilibratedPaths,
    MemberPaths,
    PreparedPaths,
    ReplicaPaths,
)

PLACES = [
    kind for kind in vars(paths).values()
    if dataclasses.is_dataclass(kind) and isinstance(kind, type)
]  # fmt: skip


def files_of(kind: type) -> dict[str, str]:
    """Patterns of a class by name, inherited ones included."""
    found = {
        name: getattr(kind, name)
        for base in kind.__mro__
        for name, value in vars(base).items()
        if isinstance(value, paths.Pattern)
    }
    assert found
    return found


def test_a_class_has_patterns_and_an_instance_paths():
    assert ReplicaPaths.trajectory == "results/{system}/{state}/{campaign}/{replica}/trajectory.h5"
    place = DatasetPaths("water", "T300", "plain", 2, "heavy")
    assert place.trajectory == "results/water/T300/plain/2/trajectory.h5"
    assert place.dataset == "results/water/T300/plain/2/heavy.h5"
    assert ReplicaPaths("water", "T300", "plain", "2").trajectory == place.trajectory


@pytest.mark.parametrize("kind", PLACES)
def test_every_name_of_a_place_is_in_its_own_files(kind):
    """So that no two instances share a file."""
    names = {field.name for field in dataclasses.fields(kind)}
    for name, pattern in files_of(kind).items():
        owner = next(base for base in kind.__mro__ if name in vars(base))
        own = {field.name for field in dataclasses.fields(owner)}
        assert set(re.findall(r"\{(\w+)\}", pattern)) == own <= names, name


def test_a_file_gives_back_the_names_of_its_place():
    assert ComparedPaths.of(Path(ComparedPaths("e", "T300").metrics)) == ComparedPaths("e", "T300")
    assert MemberPaths.experiment_of(Path(MemberPaths("e", 1).curve)) == "e"


def test_names_that_would_be_another_file_are_reserved():
    """Without the reserved names these paths would be the same."""
    (prepared,) = {"prepared"} & set(RESERVED["state_points"])
    assert CampaignPaths("s", prepared, "c").hills.startswith(
        str(Path(PreparedPaths("s").state_xml).parent)
    )
    (equilibrated,) = RESERVED["campaigns"]
    assert CampaignPaths("s", "T", equilibrated).hills.startswith(
        str(Path(EquilibratedPaths("s", "T").state_xml).parent)
    )
    dataset = {name: DatasetPaths("s", "T", "c", 1, name).dataset for name in RESERVED["mappings"]}
    assert dataset == {
        "forces": ReplicaPaths("s", "T", "c", 1).forces,
        "trajectory": ReplicaPaths("s", "T", "c", 1).trajectory,
    }
    # The first folder under results/ is a system's, except for these. Names have no dots.
    kinds = {pattern.split("/")[1] for kind in PLACES for pattern in files_of(kind).values()}
    assert {kind for kind in kinds if not {"{", "."} & set(kind)} == set(RESERVED["systems"])
    # The second is a state point's, except for these.
    below = {
        pattern.split("/")[2]
        for kind in PLACES
        for pattern in files_of(kind).values()
        if pattern.startswith("results/{system}/")
    }
    assert {kind for kind in below if "{" not in kind} == set(RESERVED["state_points"])


def test_no_other_file_of_the_workflow_has_such_a_path(root):
    sources = [root / "Snakefile", *(root / "workflow").rglob("*.smk")]
    sources += (root / "workflow").rglob("*.py")
    for path in sources:
        if path.name != "paths.py":
            found = re.findall(r"""["']results(?:/\S|["']).*""", path.read_text())
            assert not found, f"{path}: {found}"
