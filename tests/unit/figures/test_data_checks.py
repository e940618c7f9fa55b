"""The table of datasets: what is wrong stands first, and is named."""

import json

import free_molecules
import pytest

from meanforce.data.h5md import H5mdReader
from meanforce.errors import InputError
from meanforce.figures import data_checks
from meanforce.figures.data_advice import advice_on_amount, advice_on_check
from meanforce.mapping.quality import check_dataset
from meanforce.paths import DatasetPaths


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Checks of a right dataset, one with wrong forces, and one with too few frames."""
    folder = tmp_path_factory.mktemp("results")
    positions, forces = free_molecules.chain(2000, seed=1)
    paths = []
    for number, (n, factor) in enumerate(((2000, 1.0), (2000, 10.0), (15, 1.0)), 1):
        place = folder / "alanine" / "T300" / "unbiased" / str(number)
        place.mkdir(parents=True)
        free_molecules.identities(place / "all.h5", positions[:n], factor * forces[:n])
        with H5mdReader(place / "all.h5") as reader:
            checks = check_dataset(reader)
        if number < 3:
            used = "optimal" if number == 1 else "aggregate"
            checks["force_map"] = {
                "used": used, "data_saving": 2.414, "data_saving_stderr": 0.05,
            }  # fmt: skip
        text = json.dumps(checks)
        paths.append(place / "all.checks.json")
        paths[-1].write_text(text)
    return paths


def test_failed_datasets_stand_first(files):
    made = data_checks.lines(files)
    assert [line.place.replica for line in made] == ["2", "1", "3"]
    assert (made[0].place.system, made[0].place.mapping) == ("alanine", "all")
    bad, good, few = made
    assert "multiplying by 0.1 would mend it" in bad.sentences[0]
    assert [cell.mark for cell in bad.cells] == ["✗", "✓", "✓", "✗"]
    assert bad.cells[0].failed and not good.cells[0].failed
    assert not good.sentences and not few.sentences
    assert [cell.mark for cell in few.cells] == ["?", "✓", "✓", "?"]
    assert "15 independent frames" in few.cells[0].title
    assert good.values[0] == "2 k" and few.values == ("15", "", "", "", "")
    assert good.values[-1] == "2.414 ± 0.050" and bad.values[-1] == "2.414 ± 0.050 (not used)"
    # Ten checks with a verdict.
    assert data_checks.by_chance(made) == pytest.approx(10 * 0.0027)


def test_each_failed_check_has_advice_that_names_a_key(files):
    bad, good, few = data_checks.lines(files)
    assert len(bad.advice) == 1 and not good.advice and not few.advice
    assert bad.advice[0].startswith("Set mappings.alanine.all.force_map to 'aggregate'")
    assert "campaigns.alanine.unbiased a shorter 'time_step'" in bad.advice[0]
    imported = data_checks.lines(files, {("alanine", "unbiased")})[0]
    assert imported.advice[0].startswith(
        "Correct 'units' in campaigns.alanine.unbiased.trajectories or the temperature of state "
        "point 'T300'"
    )


@pytest.mark.parametrize("name", ["virial", "mean_force", "mean_torque", "torsions"])
@pytest.mark.parametrize("imported", [False, True])
def test_advice_depends_on_how_improbable_the_failure_is(name, imported):
    place = DatasetPaths("s", "T300", "md", "2", "ca")
    slight, sure, sign = (
        advice_on_check(name, values, place, imported)
        for values in ({"refuted": False}, {"refuted": True}, {"wrong_sign": True})
    )
    assert "by chance" in slight and "campaigns.s.md" in slight
    assert "by chance" not in sure and ("force_map" in sure or "'forces: recompute'" in sure)
    assert "the other sign (key 'bias')" in sign
    assert all(text.endswith(".") for text in (slight, sure, sign))


def test_notes_name_few_structures_and_hills_outside_the_grid():
    place = DatasetPaths("s", "T300", "md", "1", "ca")
    few = {"conformations": {"effective_frames": 12.0}, "hills_outside_grid": [3, 200]}
    structures, hills = advice_on_amount(few, place)
    # 50 / 12, and a fifth more.
    assert "12 independent structures" in structures and "about 5 times" in structures
    assert "3 of 200 hills" in hills and "upper' of campaigns.s.md" in hills
    enough = {"conformations": {"effective_frames": 50.0}, "hills_outside_grid": [0, 200]}
    for checks in (enough, {"conformations": None, "hills_outside_grid": None}, {}):
        assert advice_on_amount(checks, place) == []


def test_a_damaged_file_is_named(files, tmp_path):
    broken = tmp_path / "a" / "b" / "c" / "1" / "m.checks.json"
    broken.parent.mkdir(parents=True)
    broken.write_text('{"frames": 3}')
    with pytest.raises(InputError, match=r"m\.checks\.json: is not a file of a dataset's checks"):
        data_checks.lines([broken])
