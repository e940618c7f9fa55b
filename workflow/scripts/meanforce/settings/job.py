"""How a stage's program reads the settings that its job was given."""

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from meanforce.errors import InputError

T = TypeVar("T")


class JobSettings(dict[str, Any]):
    """Settings of a job by name; a missing one is the user's to mend."""

    def __missing__(self, key: str) -> Any:
        raise InputError(f"--settings: '{key}' is missing; given: {', '.join(self) or 'nothing'}")


def read_settings(text: str) -> JobSettings:
    """Settings of a job, from JSON text or from the path of a JSON file.

    Raises:
        InputError: neither.
    """
    if not text.lstrip().startswith("{"):
        path = Path(text)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise InputError(f"--settings: '{path}' is neither JSON text nor a file") from error
    try:
        return JobSettings(json.loads(text))
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"--settings: is not JSON ({error})") from error


def validated(kind: Any, values: Any, where: str) -> Any:
    """Typed settings from plain values in internal units.

    Raises:
        InputError: the values do not fit the type.
    """
    try:
        return TypeAdapter(kind).validate_python(values, context={"internal": True})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in (where, *first["loc"]))
        raise InputError(f"--settings: {key}: {first['msg']}") from error


def validated_each(kind: Any, values: dict[str, Any], where: str) -> dict[str, Any]:
    """Typed settings by name, from plain values by name.

    Raises:
        InputError: the values of one do not fit the type.
    """
    return {name: validated(kind, value, f"{where}.{name}") for name, value in values.items()}
