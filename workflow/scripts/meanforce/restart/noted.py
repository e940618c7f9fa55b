"""What shows that files are of a run that was made here: copies of its config, Snakemake's records.

Each run leaves a copy of its config in the folder of its results, and one for `status.py`.
"""

import base64
import json
import os
from pathlib import Path
from typing import Any

import yaml

from meanforce.errors import InputError
from meanforce.paths import CONFIGS, LAST_RUN, ConfigPaths

HEAD = "# Config of the last run"
"""How a copy begins: another file with its name is not a copy."""

FILE = "# From the file: "
"""Line of a copy with the path of the config file, as seen from the folder of results: it stays the
same when a project is moved."""

LONGEST_NAME = 254
"""Characters of a file name into which Snakemake cuts the names of its records."""


def note_run(config: dict[str, Any], file: Path) -> None:
    """Save the config of a run that starts, as Snakemake has merged it.

    Args:
        config: with its key `output`.
        file: the config file.

    Raises:
        InputError: it cannot be written.
    """
    # Snakemake's mappings become plain ones.
    plain = json.loads(json.dumps(config, default=str))
    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)
    _write(Path(LAST_RUN), f"{HEAD} that was started here.\n{text}")
    copy = Path(ConfigPaths(file.stem).copy)
    # A run may use the copy itself as its config; the file that was copied stays its source.
    source = source_of(copy) if is_copy(copy) and copy.absolute() == file.absolute() else file
    line = ""
    if source is not None:
        # Without links on the way, `..` leads to the same place everywhere.
        place = source.parent.resolve() / source.name
        line = f"{FILE}{os.path.relpath(place, Path(config['output']).resolve())}\n"
    head = f"{HEAD} of '{file.stem}' with results in this folder.\n"
    _write(copy, f"{head}{line}{text}")


def last_run() -> Path:
    """Copy of the config of the last run that was started in this folder.

    Raises:
        InputError: none was.
    """
    path = Path(LAST_RUN)
    if not path.exists():
        raise InputError(
            f"--configfile: is needed, since no run was started in this folder ('{LAST_RUN}' does "
            "not exist)"
        )
    return path


def is_copy(path: Path) -> bool:
    """Whether a file is the copy of a config that a run left."""
    return any(line.startswith(HEAD) for line in _lines(path)[:1])


def copies_in(folder: Path) -> list[Path]:
    """Copies of the configs that have results in a folder, by name."""
    return [path for path in sorted((folder / CONFIGS).glob("*.yaml")) if is_copy(path)]


def source_of(copy: Path) -> Path | None:
    """Absolute path of the file that a run copied; None if the copy does not have it."""
    for line in _lines(copy)[1:2]:
        if line.startswith(FILE):
            results = copy.parent.parent.resolve()
            return Path(os.path.normpath(results / line.removeprefix(FILE)))
    return None


def record_of(output: Path, project: Path = Path()) -> Path:
    """Snakemake's record of an output.

    Args:
        output: as Snakemake names it.
        project: folder that Snakemake runs in.
    """
    name = base64.urlsafe_b64encode(str(output).encode()).decode()
    parts = [name[at : at + LONGEST_NAME] for at in range(0, len(name), LONGEST_NAME)]
    return Path(project, ".snakemake", "metadata", *(f"@{part}" for part in parts[:-1]), parts[-1])


def _lines(path: Path) -> list[str]:
    """The first two lines of a text file; none if it is not one."""
    try:
        with path.open(encoding="utf-8") as file:
            return [file.readline().rstrip("\n") for _ in range(2)]
    except (OSError, UnicodeDecodeError):
        return []


def _write(path: Path, text: str) -> None:
    new = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(text, encoding="utf-8")
        new.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None
