"""Quantities with units."""

import pint
import pytest

from meanforce import units
from meanforce.errors import InputError


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("300 K", "temperature", 300.0),
        ("26.85 degC", "temperature", 300.0),
        ("2 fs", "time", 0.002),
        ("10 ns", "time", 10000.0),
        ("5 angstrom", "length", 0.5),
        ("1 kcal/mol", "energy", 4.184),
        ("180 deg", "angle", 3.14159265359),
        ("1 / ps", "rate", 1.0),
        ("0.5/fs", "rate", 500.0),
        ("-9.5e-1 kJ/mol", "energy", -0.95),
    ],
)
def test_value_in_internal_units(text, kind, value):
    assert units.parse(text, kind) == pytest.approx(value, rel=1e-11)


@pytest.mark.parametrize("unit", units.FREQUENT)
def test_frequent_units_are_what_pint_says(unit):
    kinds, factor = units.FREQUENT[unit]
    one = pint.UnitRegistry(cache_folder=None)(f"1 {unit}")
    assert {kind for kind, internal in units.INTERNAL.items() if one.check(internal)} == set(kinds)
    for kind, internal in units.INTERNAL.items():
        if kind in kinds:
            assert factor == pytest.approx(one.to(internal).magnitude, rel=1e-13)
            assert units.parse(f"1.7 {unit}", kind) == pytest.approx(1.7 * factor, rel=1e-11)
        else:
            with pytest.raises(InputError, match=kind):
                units.parse(f"1.7 {unit}", kind)


def test_equal_quantities_give_equal_bits():
    assert units.parse("300 fs", "time") == units.parse("0.3 ps", "time")


@pytest.mark.parametrize(
    "text",
    ["300", "K", "", "3 kg", "3 m/", "3 K K", "nan K", "inf K", "3 __import__('os')", "1e999 K"],
)
def test_refuses_with_an_example(text):
    with pytest.raises(InputError, match="temperature"):
        units.parse(text, "temperature")


@pytest.mark.parametrize("kind", units.INTERNAL)
def test_every_spelling_that_is_listed_is_accepted(kind):
    listed = units.ACCEPTED[kind].replace(" (or ", ", ").replace(")", "")
    for unit in listed.split(", "):
        assert units.parse(f"1.5 {unit}", kind) > 0


@pytest.mark.parametrize("text", ["5 Å", "5 \u212b", "5 angstrom", "0.5 nm"])
def test_angstroms(text):
    assert units.parse(text, "length") == 0.5
    assert units.parse(f"1 kcal/mol/{text.split()[1]}^2", "stiffness") > 4


@pytest.mark.parametrize(
    ("text", "value"),
    [("300", 300.0), ("300 K", 300.0), ("T300", 300.0), ("298.15K", 298.15), ("T298.15", 298.15),
     ("cold", 250.0), ("T400", 410.0), ("26.85 degC", 300.0)],
)  # fmt: skip
def test_a_temperature_has_one_spelling_in_all_programs(text, value):
    """Names of state points come first, as they may be chosen freely."""
    assert units.temperature_of(text, {"cold": 250.0, "T400": 410.0}) == pytest.approx(value)


@pytest.mark.parametrize("text", ["0", "T0", "-5", "-5 K", "warm", "300 nm", "inf", "nan", "", "T"])
def test_what_is_not_a_temperature_is_refused_in_one_sentence(text):
    message = (
        rf"^--temperature: '{text}' is not a temperature above 0 K; give it as 300, '300 K' or "
        "T300; state points of the model: cold$"
    )
    with pytest.raises(InputError, match=message):
        units.temperature_of(text, {"cold": 250.0})
