"""The parts of a config that can be read although others are wrong.

Checks of these report their errors together with those of the others.
"""

import contextlib
import functools
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError

from meanforce.settings.config import Config

NESTED = ("mappings", "collective_variables", "campaigns")
"""Sections with entries of each system."""


def readable_parts(raw: Mapping[str, Any]) -> Config:
    """A config of the systems that can be read, and of all their entries that can be read.

    It has no experiments. Names in it were not compared with each other, except that collective
    variables are left out whose mapping or members are.

    Args:
        raw: contents of a config that was refused.
    """
    parts: dict[str, Any] = {"systems": _entries(raw.get("systems"), _adapter("systems"))}
    for section in NESTED:
        of_systems = raw.get(section)
        parts[section] = {
            system: _entries(of_systems[system], _adapter(section))
            for system in parts["systems"]
            if isinstance(of_systems, Mapping) and system in of_systems
        }
    for system, variables in parts["collective_variables"].items():
        mappings = parts["mappings"].get(system, {})
        parts["collective_variables"][system] = {
            name: one
            for name, one in variables.items()
            if one.mapping in mappings and set(one.coefficients or ()) <= variables.keys()
        }
    empty = {"state_points": {}, "potentials": {}, "simulations": {}, "experiments": {}}
    return Config.model_construct(**empty, **parts)


@functools.cache
def _adapter(section: str) -> TypeAdapter:
    """Reads entries of a section by their names; of a nested one, those of a system."""
    entries = Config.model_fields[section].annotation
    return TypeAdapter(get_args(entries)[1] if section in NESTED else entries)


def _entries(raw: Any, adapter: TypeAdapter) -> dict[str, Any]:
    """Entries that can be read."""
    found: dict[str, Any] = {}
    for key, value in raw.items() if isinstance(raw, Mapping) else ():
        with contextlib.suppress(ValidationError):
            found |= adapter.validate_python({key: value})
    return found
