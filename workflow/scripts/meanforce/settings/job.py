"""Typed settings from plain values in internal units, as in jobs and model files."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from meanforce.errors import InputError


def validated(
    kind: Any, values: Any, where: str, completed: Mapping[str, Any] | None = None
) -> Any:
    """Typed settings from plain values in internal units.

    Args:
        kind: type of the settings.
        values: plain ones, or settings.
        where: key that contains them, for messages; empty at the top level.
        completed: collective variables that take the places of those with the same identity.

    Raises:
        InputError: the values do not fit the type.
    """
    context = {"internal": True, "completed": completed}
    try:
        return TypeAdapter(kind).validate_python(values, context=context)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in (where, *first["loc"]) if part != "")
        if first["type"] == "missing":
            given = ", ".join(map(str, first["input"])) or "nothing"
            raise InputError(f"--settings: '{key}' is missing; given: {given}") from error
        if first["type"] == "extra_forbidden":
            raise InputError(f"--settings: there is no '{key}'") from error
        plain = isinstance(first["input"], int | float | str) and first["type"] != "value_error"
        given = f"; given {first['input']!r:.60}" if plain else ""
        raise InputError(f"--settings: {key}: {first['msg']}{given}") from error
