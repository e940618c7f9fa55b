"""The table of datasets: what is wrong stands first, and is named."""

import json

import free_molecules
import pytest

from meanforce.data.h5md import H5mdReader
from meanforce.errors import InputError
from meanforce.figures import data_checks
from meanforce.mapping.quality import check_dataset


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


def test_a_damaged_file_is_named(files, tmp_path):
    broken = tmp_path / "a" / "b" / "c" / "1" / "m.checks.json"
    broken.parent.mkdir(parents=True)
    broken.write_text('{"frames": 3}')
    with pytest.raises(InputError, match=r"m\.checks\.json: is not a file of a dataset's checks"):
        data_checks.lines([broken])
