"""Turns a config mapping into a checked `Config`, with messages that a person can act on."""

import difflib
import functools
import re
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from meanforce.errors import InputError, InputErrors, listed, printable
from meanforce.settings.checks import SeveralErrors
from meanforce.settings.config import Config
from meanforce.settings.learning_curves import with_runs
from meanforce.settings.other_names import meant

Model = TypeVar("Model", bound=BaseModel)

MOST_VALUES = 10**6
"""Most values of a config; one that is used in several places (a YAML alias) counts in each."""

DEEPEST = 30
"""Deepest nesting of sections."""

LONGEST_LINE = 1000
"""Longest line of a message, in characters."""


def load_config(raw: Any) -> Config:
    """Checked configuration from the contents of a YAML file, with the runs of learning curves.

    Raises:
        InputError: anything is wrong.
        InputErrors: values are wrong; one line per error, each with its key.
    """
    if not isinstance(raw, Mapping) or not raw:
        raise InputError("the config is empty; it needs sections such as 'systems'")
    if _count(raw, DEEPEST) > MOST_VALUES:
        raise InputError(f"the config holds more than {MOST_VALUES} values")
    try:
        return with_runs(Config.model_validate(dict(raw)))
    except ValidationError as error:
        raise InputErrors(_explained(error, Config)) from None


def _count(value: Any, depth: int) -> int:
    """Number of values; counting ends when they are too many.

    Raises:
        InputError: they are nested too deeply, or contain themselves.
    """
    if isinstance(value, Mapping):
        children = value.values()
    elif isinstance(value, (list, tuple, set)):
        children = value
    else:
        return 1
    if not depth:
        raise InputError(f"the config has sections or lists nested more than {DEEPEST} deep")
    total = 1
    for child in children:
        total += _count(child, depth - 1)
        if total > MOST_VALUES:
            break
    return total


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """One line for each error: key, what was given, what is allowed."""
    return listed(_explained(error, model))


def _explained(error: ValidationError, model: type[BaseModel]) -> list[str]:
    items = error.errors(include_url=False)
    return [printable(line)[:LONGEST_LINE] for item in items for line in _lines(item, model)]


def _lines(item: dict[str, Any], model: type[BaseModel]) -> Sequence[str]:
    raised = item.get("ctx", {}).get("error")
    return raised.lines if isinstance(raised, SeveralErrors) else [_line(item, model)]


def _line(item: dict[str, Any], model: type[BaseModel]) -> str:
    parts, allowed = _walk(item["loc"], model)
    key = ".".join(parts)
    kind, message, given = item["type"], item["msg"], item.get("input")
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(parts[-1], allowed, n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        return f"{key}: unknown key; {hint}allowed: {', '.join(allowed)}"
    if kind == "missing":
        return f"{key}: is missing"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        kinds = item["ctx"].get("expected_tags", "")
        tag = item["ctx"].get("tag")
        said = f"there is no kind '{tag}'" if tag else "'kind' is missing"
        hint = meant(tag, re.findall("'([^']*)'", kinds)) if tag else ""
        return f"{key}: {said}" + (f"; allowed: {kinds}{hint}" if kinds else "")
    message = message.removeprefix("Value error, ")
    if kind == "value_error":
        return f"{key}: {message}" if key else message
    hint = ""
    if kind == "literal_error":
        hint = meant(given, re.findall("'([^']*)'", item["ctx"]["expected"]))
    return f"{key}: given {_short(given)}; {message[0].lower()}{message[1:]}{hint}"


def _short(value: Any) -> str:
    text = reprlib.repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


@functools.cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def _walk(location: tuple, model: type[BaseModel]) -> tuple[list[str], list[str]]:
    """Keys in the file for an error's location, and the keys allowed beside the last.

    Locations also contain the kinds of unions and pydantic's own markers, which are not in the
    file; following the location through the JSON schema identifies them.
    """
    schema = _schema(model)
    definitions = schema.get("$defs", {})

    def resolve(node: dict) -> dict:
        while "$ref" in node:
            node = definitions[node["$ref"].rsplit("/", 1)[-1]]
        return node

    node, keys, allowed = resolve(schema), [], []
    for part in location:
        if part == "[key]":
            continue
        if "oneOf" in node:
            node = resolve({"$ref": node["discriminator"]["mapping"][part]})
            continue
        allowed = list(node.get("properties", {}))
        keys.append(str(part))
        named = node.get("additionalProperties") or next(
            iter(node.get("patternProperties", {}).values()), {}
        )
        if isinstance(part, int):
            node = node.get("items", {})
        elif part in node.get("properties", {}):
            node = node["properties"][part]
        else:
            node = named if isinstance(named, dict) else {}
        options = [option for option in node.get("anyOf", []) if option.get("type") != "null"]
        node = resolve(options[0] if options else node)
    return keys, allowed
