"""Which config a user means whose option `--configfile` was forgotten."""

from pathlib import Path

from meanforce.errors import InputError
from meanforce.settings.yaml_file import read_yaml

FOLDERS = (Path(), Path("config"))
"""Where configs are searched, as seen from the folder of a run."""


def with_target(target: str) -> list[Path]:
    """Config files with the system or experiment of a target such as `experiment_NAME`."""
    kind, _, name = target.partition("_")
    found = []
    for file in (one for folder in FOLDERS for one in sorted(folder.glob("*.yaml"))):
        try:
            raw = read_yaml(file, "config")
        except InputError:
            continue
        section = raw.get(f"{kind}s") if isinstance(raw, dict) and "experiments" in raw else None
        found += [file] if isinstance(section, dict) and name in section else []
    return found
