"""Tables of distributions in files."""

import numpy as np
import pytest

from meanforce.data.distribution_table import DistributionTable
from meanforce.errors import InputError


@pytest.fixture
def table(tmp_path):
    """Writes a file and reads it."""

    def make(text: str) -> DistributionTable:
        path = tmp_path / "table"
        path.write_text(text)
        return DistributionTable.read(path)

    return make


def rows(places, values, separator=" ", flag="i"):
    return "\n".join(
        separator.join((f"{x:.6f}", f"{y:.8f}", flag)) for x, y in zip(places, values, strict=True)
    )


def test_columns_of_votca_and_csv_are_the_same_table(table):
    places = np.linspace(0.1, 0.2, 5)
    votca = table("# comment\n@ title\n" + rows(places, places) + "\n0.3 0.7 u\n")
    csv = table("r,value,flag\n" + rows(places, places, ",") + "\n")
    for one in (votca, csv):
        assert one.places == pytest.approx(places)
        assert one.values == pytest.approx(places)
    assert table("\n".join(f"{x} {x}" for x in places)).places == pytest.approx(places)


def test_integrals_are_those_of_the_function(table):
    """A normal distribution in rows of half a standard deviation, and shells where g is 1."""
    places = 1.0 + 0.05 * np.arange(-14, 15)
    normal = np.exp(-0.5 * ((places - 1.0) / 0.1) ** 2)
    made = table(rows(places, normal))
    parts = made.integrals(np.array([-np.inf, 0.9, 1.1, np.inf])) / (0.1 * np.sqrt(2 * np.pi))
    assert parts == pytest.approx([0.158655, 0.682689, 0.158655], abs=2e-4)
    flat = table(rows(np.linspace(0, 1, 11), np.ones(11)))
    edges = np.array([0.2, 0.25, 0.9])
    assert flat.integrals(edges, shells=True) == pytest.approx(
        4 / 3 * np.pi * np.diff(edges**3), rel=1e-6
    )


def test_the_range_ends_where_it_is_not_resolved(table):
    places = np.linspace(-1, 1, 41)
    made = table(rows(places, np.exp(-0.5 * (places / 0.1) ** 2)))
    half = 0.1 * np.sqrt(2 * np.log(1000))
    assert made.range() == pytest.approx((-half, half), abs=2e-3)
    # Of a hundredth of the largest value that counts.
    assert made.range(0.01)[1] > half


def test_it_does_not_ring_where_it_is_zero(table):
    """g(r) that rises within a row, as that of hard beads does."""
    places = 0.20 + 0.01 * np.arange(20)
    made = table(rows(places, np.where(places < 0.295, 0.0, 1.5)))
    assert made.integrals(np.array([0.0, 0.29]))[0] < 1e-6
    assert 0.29 < made.range(1.0)[0] < 0.30


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0.1 0.2 i\n0.2 0.3 i\n", "has 2 rows with values"),
        ("0.1 0\n0.2 1\n0.2 1\n0.3 1\n", "places must be finite and increase"),
        ("0.1 0\n0.2 -1\n0.3 1\n0.4 1\n", "must not be negative"),
        ("0.1 0\n0.2 0\n0.3 0\n0.4 0\n", "nor zero everywhere"),
        ("0.1 0\n0.2 nan\n0.3 0\n0.4 1\n", "places must be finite"),
        ("0.1 0\n0.2 one\n0.3 1\n0.4 1\n", "line 2 is '0.2 one', but should be"),
        ("a b\nc d\n0.3 1\n0.4 1\n", "line 2 is 'c d'"),
    ],
)
def test_what_is_no_table_is_refused_in_one_sentence(table, text, message):
    with pytest.raises(InputError, match=message):
        table(text)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        DistributionTable.read(tmp_path / "none")
