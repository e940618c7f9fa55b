"""Which config a user means whose option `--configfile` was forgotten."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from meanforce.errors import InputError
from meanforce.settings.yaml_file import read_yaml

FOLDERS = (Path(), Path("config"))
"""Where configs are searched, as seen from the folder of a run."""


def with_target(target: str) -> list[Path]:
    """Config files with the system or experiment of a target such as `experiment_NAME`."""
    kind, _, name = target.partition("_")
    found = []
    for file, raw in (pair for folder in FOLDERS for pair in _configs(folder)):
        section = raw.get(f"{kind}s")
        found += [file] if isinstance(section, dict) and name in section else []
    return found


def beside() -> list[Path]:
    """Config files in the folder of a run itself, where users have theirs."""
    return [file for file, _ in _configs(Path())]


def _configs(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Config files in a folder, with their contents, by name."""
    for file in sorted(folder.glob("*.yaml")):
        with contextlib.suppress(InputError):
            raw = read_yaml(file, "config")
            if isinstance(raw, dict) and "experiments" in raw:
                yield file, raw
