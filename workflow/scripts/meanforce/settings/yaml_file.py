"""Reads a config file, with the line of what is wrong in it.

Snakemake reads config files itself. It keeps the last of several equal keys, so that a whole
section can be lost, and gives neither file nor line of what cannot be read.
"""

from pathlib import Path
from typing import Any

import yaml

from meanforce.errors import InputError
from meanforce.paths import RESULTS

YTE = "__use_yte__"
"""With this key Snakemake would evaluate Python expressions in a config."""


class _UniqueKeys(yaml.SafeLoader):
    """Refuses a mapping that has a key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        lines: dict[Any, int] = {}
        for key_node, _ in node.value:
            # Keys of `<<` come from elsewhere, and the mapping's own keys may replace them.
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            line = key_node.start_mark.line + 1
            if isinstance(key, list | dict):
                continue  # refused below: such a key has no hash
            if key in lines:
                raise yaml.MarkedYAMLError(
                    problem=f"the key '{key}' stands here and in line {lines[key]}; "
                    "the first of them would be lost",
                    problem_mark=key_node.start_mark,
                )
            lines[key] = line
        return super().construct_mapping(node, deep)


def read_config_file(path: Path) -> dict[str, Any]:
    """Contents of a YAML (or JSON) config file, with the folder of its results.

    Raises:
        InputError: the file cannot be read, is not YAML, has a key twice in a section, or asks
            Snakemake to evaluate Python expressions; with the file and line.
    """
    contents = read_yaml(path, "config")
    if not isinstance(contents, dict):
        raise InputError(f"{path}: the config needs sections such as 'systems'")
    return {"output": default_output(path)} | contents


def read_yaml(path: Path, what: str) -> Any:
    """Contents of a YAML (or JSON) file.

    Args:
        path: of the file.
        what: kind of file, for messages.

    Raises:
        InputError: the file cannot be read, is not YAML, has a key twice in a section, or asks
            Snakemake to evaluate Python expressions; with the file and line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not a text file in UTF-8"
        raise InputError(f"{path}: the {what} cannot be read: {reason}") from None
    if YTE in text:
        raise InputError(f"{path}: '{YTE}' is refused; a {what} holds values, not code")
    try:
        loader = _UniqueKeys(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise InputError(f"{path}{line}: {_cause(text, mark, error, what)}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        text = " ".join(str(error).split())
        raise InputError(f"{path}: the {what} is not YAML: {text}") from None


def default_output(path: Path) -> str:
    """Folder of the results of a config file that names none."""
    return f"{RESULTS}/{path.stem}"


def _cause(text: str, mark: yaml.Mark | None, error: yaml.MarkedYAMLError, what: str) -> str:
    """What is wrong at a place, in words."""
    lines = text.splitlines()
    if mark and mark.line < len(lines) and "\t" in lines[mark.line]:
        return "a tab stands where YAML allows only spaces"
    return error.problem or f"the {what} is not YAML"
