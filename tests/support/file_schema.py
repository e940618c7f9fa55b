"""Entries of files of a run, and those that docs/files.md lists for them."""

import csv
import json
import re
from collections.abc import Iterable
from pathlib import Path

import h5py
from safetensors import safe_open

JSON_ATTRIBUTES = ("settings", "json")
"""Attributes whose values are JSON texts."""

JSON_KEYS = ("about",)
"""Keys of JSON files whose own keys are entries, too."""


def documented(page: str) -> dict[str, dict[str, str]]:
    """Entries of each section of the page, and when there are any (empty: always)."""
    _, *parts = re.split(r"^## (.*)$", page, flags=re.M)
    found = {}
    for title, text in zip(parts[::2], parts[1::2], strict=True):
        rows = [row.strip("|").split("|") for row in text.splitlines() if row.startswith("| `")]
        found[title] = {
            name: cells[-1].strip() for cells in rows for name in re.findall(r"`([^`]+)`", cells[0])
        }
    return found


def entries(path: Path) -> set[str]:
    """Names of everything in a file, as the page writes them."""
    reader = {
        ".h5": _of_hdf5, ".csv": _of_csv, ".json": _of_json, ".safetensors": _of_safetensors
    }[path.suffix]  # fmt: skip
    return set(reader(path))


def _of_hdf5(path: Path) -> Iterable[str]:
    found = []

    def visit(name: str, item) -> None:
        if isinstance(item, h5py.Dataset):
            found.append(_numbered(name))
        for attribute, value in item.attrs.items():
            entry = f"{name.strip('/')}@{attribute}"
            if attribute in JSON_ATTRIBUTES:
                found.extend(f"{entry}.{key}" for key in json.loads(value))
            else:
                found.append(entry)

    with h5py.File(path) as file:
        visit("", file)
        file.visititems(visit)
        # H5MD: steps and times are the same for all, as hard links, which are visited once.
        shared = {"step", "time"}
    return [
        re.sub(r"^observables/\w+/(step|time)(@unit)?$", r"observables/bias_energy/\1\2", name)
        if set(name.split("@")[0].split("/")) & shared and name.startswith("observables")
        else name
        for name in found
    ]


def _of_csv(path: Path) -> Iterable[str]:
    with path.open(newline="") as file:
        columns = next(csv.reader(file))
    if path.name == "surface.csv":
        first = columns.index("reference")
        return ["VARIABLE", *columns[first:]]
    return columns


def _of_json(path: Path) -> Iterable[str]:
    values = json.loads(path.read_text())
    for key, value in values.items():
        if key in JSON_KEYS:
            yield from (f"{key}.{inner}" for inner in value)
        else:
            yield key


def _of_safetensors(path: Path) -> Iterable[str]:
    with safe_open(path, "np") as file:
        return [_numbered(name) for name in file.keys()]  # noqa: SIM118


def _numbered(name: str) -> str:
    return re.sub(r"(axis|weight|bias)_\d+$", r"\1_n", name)


def compare(title: str, page: str, files: Iterable[Path], kinds: Iterable[str] = ()) -> None:
    """Fail where the page and files differ.

    Args:
        title: section of the page.
        page: its text.
        files: of the kind that the section describes.
        kinds: values of the column *when* of which some of the files must have the entries.
    """
    known, found = documented(page)[title], [(path, entries(path)) for path in files]
    assert found, f"no files for '{title}'"
    for path, names in found:
        assert not names - known.keys(), f"{path}: not on the page: {sorted(names - known.keys())}"
        always = {name for name, when in known.items() if not when}
        assert not always - names, f"{path}: only on the page: {sorted(always - names)}"
    some = set().union(*(names for _, names in found))
    wanted = {name for name, when in known.items() if when in kinds}
    assert not wanted - some, f"{title}: in no file: {sorted(wanted - some)}"
    assert set(kinds) <= set(known.values()), f"{title}: the page has no such cases: {kinds}"
