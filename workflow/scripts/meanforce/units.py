"""Internal units (nm, ps, kJ/mol, K, u, rad, bar, mol/L) and the parsing of quantities with units.

A quantity in a config file is a string such as ``"2 fs"``; `parse` turns it into a float in
internal units. Pint is imported only when a string has to be parsed, so that jobs, which get
their settings as numbers in internal units, start fast.
"""

import functools
import math
import re
from collections.abc import Mapping

from meanforce.errors import InputError

BOLTZMANN = 0.00831446261815324
"""Molar gas constant in kJ/mol/K (CODATA 2018)."""

KCAL = 4.184
"""kJ per kcal."""

INTERNAL = {
    "temperature": "kelvin",
    "time": "picosecond",
    "length": "nanometer",
    "energy": "kilojoule / mole",
    "angle": "radian",
    "rate": "1 / picosecond",
    "pressure": "bar",
    "mass": "dalton",
    "stiffness": "kilojoule / mole / nanometer ** 2",
    "angular stiffness": "kilojoule / mole / radian ** 2",
    "area": "nanometer ** 2",
    "areal stiffness": "kilojoule / mole / nanometer ** 4",
    "concentration": "mole / liter",
    "charge": "e",
    "volume": "nanometer ** 3",
    "density": "gram / centimeter ** 3",
}
"""The internal unit of every kind of quantity in the config."""

EXAMPLES = {
    "temperature": "300 K",
    "time": "2 fs",
    "length": "0.5 nm",
    "energy": "1.2 kJ/mol",
    "angle": "0.35 rad",
    "rate": "1 / ps",
    "pressure": "1 bar",
    "mass": "12 u",
    "stiffness": "1000 kJ/mol/nm^2",
    "angular stiffness": "200 kJ/mol/rad^2",
    "area": "0.01 nm^2",
    "areal stiffness": "1e5 kJ/mol/nm^4",
    "concentration": "0.15 mol/L",
    "charge": "0.5 e",
    "volume": "30 nm^3",
    "density": "0.997 g/cm^3",
}

ACCEPTED = {
    "temperature": "K",
    "time": "fs, ps, ns, us, ms",
    "length": "nm, angstrom (or Å), pm",
    "energy": "kJ/mol, kcal/mol",
    "angle": "rad, deg",
    "rate": "/ fs, / ps, / ns",
    "pressure": "bar, atm, kPa, MPa",
    "mass": "u, Da",
    "stiffness": "kJ/mol/nm^2, kcal/mol/angstrom^2",
    "angular stiffness": "kJ/mol/rad^2, kcal/mol/rad^2",
    "area": "nm^2, angstrom^2",
    "areal stiffness": "kJ/mol/nm^4, kcal/mol/angstrom^4",
    "concentration": "mol/L, mmol/L",
    "charge": "e",
    "volume": "nm^3, angstrom^3",
    "density": "g/cm^3, kg/m^3",
}
"""Usual spellings of units; others that pint reads are accepted too."""

FREQUENT = {
    "K": (("temperature",), 1.0),
    "fs": (("time",), 1e-3),
    "ps": (("time",), 1.0),
    "ns": (("time",), 1e3),
    "us": (("time",), 1e6),
    "nm": (("length",), 1.0),
    "Å": (("length",), 0.1),
    "angstrom": (("length",), 0.1),
    # A radian has no dimension.
    "kJ/mol": (("energy", "angular stiffness"), 1.0),
    "kcal/mol": (("energy", "angular stiffness"), KCAL),
    "rad": (("angle",), 1.0),
    "deg": (("angle",), math.pi / 180),
    "/ps": (("rate",), 1.0),
    "g/cm^3": (("density",), 1.0),
}
"""Kinds and factors of the units in most configs. Every job of a cluster reads its config again;
without pint it starts a third of a second sooner."""

_QUANTITY = re.compile(
    r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?)\s*([A-Za-z/*^() 0-9.µÅ°-]{1,40}?)\s*"
)

_KELVIN = re.compile(r"\s*T?(\d+\.?\d*|\.\d+)\s*")


def kt(temperature: float) -> float:
    """Thermal energy kT in kJ/mol at a temperature in K."""
    return BOLTZMANN * temperature


def parse(text: str, kind: str) -> float:
    """Value in internal units of a quantity written with its unit.

    Args:
        text: number and unit, for example ``"10 ns"`` or ``"1.2 kJ/mol"``.
        kind: a key of `INTERNAL`.

    Raises:
        InputError: no number, no unit, an unknown unit, or a unit of another dimension.
    """
    wanted = (
        f"{with_article(kind)} with its unit, such as '{EXAMPLES[kind]}'; units: {ACCEPTED[kind]}"
    )
    # Ångström has two code points.
    text = text.replace("\u212b", "Å")
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise InputError(f"'{text}' is not {wanted}")
    number, unit = match.groups()
    frequent = FREQUENT.get(re.sub(r"\s*/\s*", "/", unit))
    if frequent and kind not in frequent[0]:
        raise InputError(f"'{text}' is not {wanted}")
    try:
        value = float(number) * frequent[1] if frequent else _by_pint(float(number), unit, kind)
    except Exception as error:  # pint raises many unrelated types for bad units
        raise InputError(f"'{text}' is not {wanted}{_hint(unit, kind)}") from error
    if not math.isfinite(value):
        raise InputError(f"'{text}' is not a finite number; give {wanted}")
    # 12 digits undo the last-bit noise of a conversion, so that "300 fs" equals "0.3 ps".
    return float(f"{value:.12g}")


def temperature_of(text: str, named: Mapping[str, float]) -> float:
    """A temperature on the command line of a program, in K.

    Args:
        text: a number of K, with or without the unit (``300``, ``300 K``), the name of a state
            point, or T and a number, as state points are usually named (``T300``).
        named: temperatures of known state points, K.

    Raises:
        InputError: it is none of these, or not above 0 K.
    """
    if text in named:
        return float(named[text])
    plain = _KELVIN.fullmatch(text)
    try:
        value = float(plain[1]) if plain else parse(text, "temperature")
    except InputError:
        value = math.nan
    if not 0.0 < value < math.inf:
        known = f"; state points of the model: {', '.join(named)}" if named else ""
        raise InputError(
            f"--temperature: '{text}' is not a temperature above 0 K; give it as 300, '300 K' or "
            f"T300{known}"
        )
    return value


def _hint(unit: str, kind: str) -> str:
    """An explanation of a unit that is often tried."""
    if kind == "energy" and unit.lower() in ("kt", "kbt", "k_bt"):
        return f"; kT depends on the temperature: at 300 K, 1 kT is {kt(300.0):.4g} kJ/mol"
    if kind == "length" and unit == "A":
        return "; A is ampere"
    return ""


def with_article(kind: str) -> str:
    """Kind of a quantity with `a` or `an`."""
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _by_pint(number: float, unit: str, kind: str) -> float:
    if kind == "rate" and unit.startswith("/"):
        # "1 / us" reads naturally; pint needs the unit alone.
        unit = f"1 {unit}"
    return float(_registry().Quantity(number, unit).to(INTERNAL[kind]).magnitude)


@functools.cache
def _registry():
    import pint

    return pint.UnitRegistry(cache_folder=None)
