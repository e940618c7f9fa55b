"""Base of all settings: frozen pydantic models without unknown keys, and typed quantities."""

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo, WithJsonSchema

from meanforce import units
from meanforce.errors import InputError

NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
"""What a name given by the user may look like: it becomes a file or folder name."""


class Settings(BaseModel):
    """Immutable settings; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _quantity(kind: str, minimum: float | None = None, exclusive: bool = True) -> Any:
    """Annotated float that accepts a string with a unit, or a number inside a job.

    Jobs validate with ``context={"internal": True}``: their numbers already are in
    internal units. In a config file a bare number is ambiguous, hence refused.
    """
    bound = "" if minimum is None else (" > 0" if exclusive else " >= 0")

    def validate(value: Any, info: ValidationInfo) -> float:
        internal = bool(info.context and info.context.get("internal"))
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise ValueError(
                f"not a {kind}; give a string with its unit, such as '{_sample(kind)}'"
            )
        if isinstance(value, str):
            try:
                number = units.parse(value, kind)
            except InputError as error:
                raise ValueError(str(error)) from error
        elif internal:
            number = float(value)
        else:
            raise ValueError(f"{value!r} has no unit; give a {kind} such as '{_sample(kind)}'")
        if minimum is not None and (number < minimum or (exclusive and number == minimum)):
            raise ValueError(
                f"{value!r} is out of range; give a {kind}{bound}, such as '{_sample(kind)}'"
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
Mass = _quantity("mass", 0.0)
ConcentrationOrZero = _quantity("concentration", 0.0, exclusive=False)


def coordinate(value: Any, info: ValidationInfo) -> float:
    """A value of a collective variable: a length or an angle, in nm or rad."""
    if info.context and info.context.get("internal") and isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, str):
        for kind in ("length", "angle"):
            try:
                return units.parse(value, kind)
            except InputError:
                continue
    raise ValueError(f"{value!r} is not a length or an angle, such as '0.5 nm' or '0.35 rad'")


def positive_coordinate(value: Any, info: ValidationInfo) -> float:
    """Like `coordinate`, and greater than zero (a width)."""
    number = coordinate(value, info)
    if number <= 0:
        raise ValueError(f"{value!r} is out of range; give a width > 0, such as '0.35 rad'")
    return number


Coordinate = Annotated[
    float,
    BeforeValidator(coordinate),
    WithJsonSchema(
        {
            "type": "string",
            "x-quantity": "length or angle",
        }
    ),
]
Width = Annotated[
    float,
    BeforeValidator(positive_coordinate),
    WithJsonSchema(
        {
            "type": "string",
            "x-quantity": "length or angle > 0",
        }
    ),
]


def _name(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(NAME, value):
        raise ValueError(
            f"{value!r} is not a name; use letters, digits, '_' and '-' (at most 64), "
            "starting with a letter or digit, because it becomes a file name"
        )
    return value


Name = Annotated[str, BeforeValidator(_name), WithJsonSchema({"type": "string", "pattern": NAME})]
