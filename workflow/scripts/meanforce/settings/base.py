"""Base of all settings: frozen pydantic models without unknown keys, and typed quantities."""

import contextlib
import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
)

from meanforce import units
from meanforce.errors import InputError

NAME_LENGTH = 64
"""Longest name, in characters."""

NAME = rf"^[A-Za-z0-9][A-Za-z0-9_-]{{0,{NAME_LENGTH - 1}}}$"
"""Pattern of names given by the user, which become file or folder names."""

BEAD_NAME = r"^[A-Za-z0-9][A-Za-z0-9_'-]*(#[0-9]+-[A-Za-z0-9_'-]+)?$"
"""Pattern of names of beads; those of molecules with copies have the molecule's number, and atoms
of nucleic acids have names like C5'."""


LARGEST = 1e12
"""Largest number in internal units: beyond it, sums and counts of steps lose their meaning."""


class Settings(BaseModel):
    """Immutable settings; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _quantity(kind: str, minimum: float | None = None, exclusive: bool = True) -> Any:
    """Annotated float that accepts a string with a unit, or a number inside a job.

    Jobs validate with ``context={"internal": True}``: their numbers are already in internal units.
    In a config file a bare number is ambiguous and therefore refused.
    """
    bound = "" if minimum is None else (" > 0" if exclusive else " >= 0")

    def validate(value: Any, info: ValidationInfo) -> float:
        internal = bool(info.context and info.context.get("internal"))
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise ValueError(
                f"not {units.with_article(kind)}; give a string with its unit, such as "
                f"'{_sample(kind)}'"
            )
        if isinstance(value, str):
            try:
                number = units.parse(value, kind)
            except InputError as error:
                raise ValueError(str(error)) from error
        elif internal:
            number = float(value)
        else:
            raise ValueError(
                f"{value!r} has no unit; give {units.with_article(kind)} such as '{_sample(kind)}'"
            )
        if abs(number) > LARGEST:
            raise ValueError(
                f"{value!r} is out of range; give at most {LARGEST:g} {units.INTERNAL[kind]}"
            )
        if minimum is not None and (number < minimum or (exclusive and number == minimum)):
            raise ValueError(
                f"{value!r} is out of range; give {units.with_article(kind)}{bound}, such as "
                f"'{_sample(kind)}'"
            )
        return number

    schema = {
        "type": "string",
        "examples": [_sample(kind)],
        "x-quantity": kind + bound,
    }
    return Annotated[float, BeforeValidator(validate), WithJsonSchema(schema)]


def _sample(kind: str) -> str:
    return units.EXAMPLES[kind]


Temperature = _quantity("temperature", 0.0)
Time = _quantity("time", 0.0)
TimeOrZero = _quantity("time", 0.0, exclusive=False)
Length = _quantity("length", 0.0)
AnyLength = _quantity("length")
Energy = _quantity("energy", 0.0)
AnyEnergy = _quantity("energy")
Rate = _quantity("rate", 0.0)
Pressure = _quantity("pressure", 0.0)
AnyPressure = _quantity("pressure")
Mass = _quantity("mass", 0.0)
Density = _quantity("density", 0.0)
ConcentrationOrZero = _quantity("concentration", 0.0, exclusive=False)


class VariableValue(float):
    """A value of a collective variable in internal units, with the dimension of its unit.

    Attributes:
        dimension: ``length``, ``angle`` or ``number``, from the unit in the config.
    """

    dimension: str


def _along_variable(value: Any, info: ValidationInfo, parsers: dict[str, Any]) -> float | None:
    """The value from the first parser that accepts it, or None; plain numbers inside a job."""
    if info.context and info.context.get("internal") and isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        for dimension, parse in parsers.items():
            with contextlib.suppress(ValueError, InputError):
                number = VariableValue(parse(str(value)))
                number.dimension = dimension
                if abs(number) <= LARGEST:  # and so neither infinite nor NaN
                    return number
    return None


def _parser(kind: str) -> Callable[[str], float]:
    return lambda text: units.parse(text, kind)


_VALUES = {
    "number": float,
    "length": _parser("length"),
    "angle": _parser("angle"),
    "area": _parser("area"),
}

# Radians are dimensionless, so kJ/mol is read like kJ/mol/rad².
_FORCE_CONSTANTS = {
    "length": _parser("stiffness"),
    "angle": _parser("angular stiffness"),
    "area": _parser("areal stiffness"),
}


def coordinate(value: Any, info: ValidationInfo) -> float:
    """A value of a collective variable: a length (nm), an angle (rad) or a number.

    Which of these is right depends on the variable; the config's cross-checks test it.
    """
    number = _along_variable(value, info, _VALUES)
    if number is None:
        raise ValueError(
            f"{value!r} is not a length, an angle or a number, such as '0.5 nm', '0.35 rad' or "
            f"0.1; units: {units.ACCEPTED['length']}, {units.ACCEPTED['angle']}"
        )
    return number


def positive_coordinate(value: Any, info: ValidationInfo) -> float:
    """Like `coordinate`, and greater than zero (a width)."""
    number = coordinate(value, info)
    if number <= 0:
        raise ValueError(f"{value!r} is out of range; give a width > 0, such as '0.35 rad'")
    return number


Coordinate = Annotated[
    float,
    PlainValidator(coordinate),
    WithJsonSchema(
        {
            "type": ["string", "number"],
            "x-quantity": "length or angle or number",
        }
    ),
]
Width = Annotated[
    float,
    PlainValidator(positive_coordinate),
    WithJsonSchema(
        {
            "type": ["string", "number"],
            "x-quantity": "length or angle or number > 0",
        }
    ),
]


def stiffness(value: Any, info: ValidationInfo) -> float:
    """A force constant along a collective variable: kJ/mol/nm², kJ/mol/rad² or kJ/mol."""
    number = _along_variable(value, info, _FORCE_CONSTANTS)
    if number is None or number <= 0:
        raise ValueError(
            f"{value!r} is not a force constant > 0, such as '1000 kJ/mol/nm^2', "
            "'200 kJ/mol/rad^2' or '50 kJ/mol'"
        )
    return number


Stiffness = Annotated[
    float,
    PlainValidator(stiffness),
    WithJsonSchema({"type": "string", "x-quantity": "force constant > 0"}),
]


def _name(value: Any) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise ValueError(
            f"{value!r} is a number, not a name; give the name itself, such as 'T300', in quotes "
            f"if it looks like a number ('{value}')"
        )
    if not isinstance(value, str) or not re.fullmatch(NAME, value):
        raise ValueError(
            f"{value!r} is not a name; use letters, digits, '_' and '-' (at most 64), "
            "starting with a letter or digit, because it becomes a file name"
        )
    return value


def _bead_name(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(BEAD_NAME, value):
        raise ValueError(
            f"{value!r} is not the name of a bead, such as 'ALA2-CA', or 'HOH#17-W' for a bead of "
            "one of several molecules of a type"
        )
    return value


def _file(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError(f"{value!r} is not the path of a file")
    if value.split("/")[0] == "~":
        raise ValueError(f"{value!r} has '~', which is not replaced; write the whole path")
    if "{" in value or "}" in value:
        raise ValueError(f"{value!r} has braces, which Snakemake would fill in as wildcards")
    if len(value) > 1000 or any(len(part.encode()) > 255 for part in value.split("/")):
        raise ValueError("is too long for a file path")
    return value


def _folder(value: Any) -> str:
    path = PurePosixPath(_file(value))
    if not path.parts or ".." in path.parts:
        raise ValueError(f"{value!r} is not a folder below this one, nor an absolute path")
    if re.match(r"\$\w", value):
        raise ValueError(f"{value!r} begins with a variable, but none is replaced; give its value")
    return str(path)


FolderPath = Annotated[str, BeforeValidator(_folder), WithJsonSchema({"type": "string"})]
"""Path of a folder that is written: relative to where Snakemake runs, or absolute."""

FilePath = Annotated[str, BeforeValidator(_file), WithJsonSchema({"type": "string"})]
"""Path of a file that is read: relative to the project, or absolute."""

BeadName = Annotated[
    str, BeforeValidator(_bead_name), WithJsonSchema({"type": "string", "pattern": BEAD_NAME})
]
"""Name of a bead, as a mapping gives it."""

Name = Annotated[str, BeforeValidator(_name), WithJsonSchema({"type": "string", "pattern": NAME})]
