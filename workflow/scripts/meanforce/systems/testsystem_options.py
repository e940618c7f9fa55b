"""Options of a test system in the types that its constructor takes."""

from typing import Any

from openmm import app, unit

from meanforce import units
from meanforce.errors import InputError
from meanforce.settings.systems.testsystem import NUMBER

OPENMM_UNITS = {
    "length": unit.nanometer,
    "energy": unit.kilojoule_per_mole,
    "stiffness": unit.kilojoule_per_mole / unit.nanometer**2,
    "mass": unit.dalton,
    "charge": unit.elementary_charge,
    "temperature": unit.kelvin,
    "pressure": unit.bar,
    "volume": unit.nanometer**3,
    "concentration": unit.molar,
}
"""OpenMM's unit for each kind of quantity that an option may have."""

WITHOUT_DEFAULT = {
    "cutoff": "length",
    "switch_width": "length",
    "volume": "volume",
    "charge": "charge",
    "hydrogenMass": "mass",
    "ewaldErrorTolerance": "number",
}
"""Kinds of options whose default is None."""

CHOICES: dict[str, dict[str, Any]] = {
    "constraints": {"none": None}
    | {word: getattr(app, word) for word in ("HBonds", "AllBonds", "HAngles")},
    "nonbondedMethod": {
        word: getattr(app, word)
        for word in ("NoCutoff", "CutoffNonPeriodic", "CutoffPeriodic", "Ewald", "PME", "LJPME")
    },
}
"""Words for objects of OpenMM, by option."""


def argument(option: str, value: Any, default: Any) -> Any:
    """An option as its constructor takes it.

    Args:
        option: its name.
        value: plain, as settings hold it.
        default: of the constructor; it decides which type is allowed.

    Raises:
        InputError: the value is not of this type, or a quantity of another dimension.
    """
    if option in CHOICES:
        choices = CHOICES[option]
        if not isinstance(value, str) or value not in choices:
            raise _wrong(option, value, f"one of {', '.join(choices)}")
        return choices[value]
    if default is None or isinstance(default, unit.Quantity):
        return _quantity(option, value, default)
    if isinstance(default, bool):
        return _of(option, value, (bool,), "true or false")
    if isinstance(default, int):
        return _of(option, value, (int,), "a whole number")
    if isinstance(default, float):
        return float(_of(option, value, (int, float), "a number"))
    if isinstance(default, str):
        return _of(option, value, (str,), f"a word, such as {default}")
    return _of(option, value, (list,), "a list of words")


def _quantity(option: str, value: Any, default: unit.Quantity | None) -> Any:
    kind = WITHOUT_DEFAULT.get(option) if default is None else _kind(default)
    if kind is None:
        raise InputError(f"options: '{option}' cannot be set in a config; leave it out")
    if value is None:
        return None
    if kind == "number":
        return float(_of(option, value, (int, float), "a number"))
    wanted = f"{units.with_article(kind)} with its unit, such as '{units.EXAMPLES[kind]}'"
    if not isinstance(value, str) or not NUMBER.match(value):
        raise _wrong(option, value, wanted)
    try:
        return units.parse(value, kind) * OPENMM_UNITS[kind]
    except InputError:
        raise _wrong(option, value, wanted) from None


def _kind(default: unit.Quantity) -> str:
    return next(kind for kind, one in OPENMM_UNITS.items() if default.unit.is_compatible(one))


def _of(option: str, value: Any, types: tuple[type, ...], wanted: str) -> Any:
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise _wrong(option, value, wanted)
    return value


def _wrong(option: str, value: Any, wanted: str) -> InputError:
    return InputError(f"options: '{option}' is {value!r}; allowed is {wanted}")
