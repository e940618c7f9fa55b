"""Columns of numbers beside a trajectory: PLUMED's COLVAR, CSV, or a NumPy archive."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from meanforce.data.formats.base import opening
from meanforce.errors import InputError

FIELDS = ["#!", "FIELDS"]
"""First words of a line of PLUMED that names the columns below it."""


@dataclasses.dataclass(frozen=True)
class _Part:
    """Rows of a text file below a line of names.

    Attributes:
        line: number of the line of names, from 1.
        names: of the columns.
        rows: lines below it.
    """

    line: int
    names: list[str]
    rows: list[str]


def column_names(path: Path) -> list[str]:
    """Names of the columns that all of a file has.

    Raises:
        InputError: the file is missing, or has no names of columns.
    """
    if path.suffix == ".npz":
        with _opening(path), np.load(path, allow_pickle=False) as archive:
            return list(archive.files)
    first, *others = list(_parts(path))
    return [name for name in first.names if all(name in other.names for other in others)]


def read_columns(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Columns by name, float64, shape (n,) each.

    A COLVAR file of a run that was restarted may have several lines of names; the rows below each
    of them are read by its own.

    Raises:
        InputError: a column does not exist, or the file is damaged or a pickle.
    """
    if path.suffix == ".npz":
        found = _of_archive(path, names)
    else:
        parts = [_numbers(path, part, names) for part in _parts(path)]
        found = dict(zip(names, np.concatenate(parts).T, strict=True))
    lengths = {len(values) if values.ndim == 1 else -1 for values in found.values()}
    if len(lengths) != 1 or -1 in lengths:
        raise InputError(f"{path}: its columns {', '.join(names)} are not of the same length")
    return found


def _opening(path: Path):
    if not path.is_file():
        folder = "is a folder, not a file" if path.is_dir() else "does not exist"
        raise InputError(f"{path}: {folder}")
    return opening(path, "a table with named columns")


def _of_archive(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    with _opening(path), np.load(path, allow_pickle=False) as archive:
        _refuse_missing(path, names, list(archive.files), "")
        found = {name: archive[name] for name in names}
    for name, values in found.items():
        if values.dtype.kind not in "fiu":
            raise InputError(f"{path}: its column '{name}' is of type {values.dtype}, not numbers")
    return {name: values.astype(float) for name, values in found.items()}


def _parts(path: Path) -> Iterator[_Part]:
    """Parts of a text file, at least one.

    Raises:
        InputError: there are no names, or the last line was cut.
    """
    with _opening(path), path.open(encoding="utf-8-sig") as file:
        lines = file.readlines()
    if lines and not lines[-1].endswith("\n"):
        raise InputError(
            f"{path}: its last line has no line break, so that it may have been cut in the middle "
            "of a number; delete this line, or add the line break if it is complete"
        )
    if path.suffix == ".csv":
        names = [name.strip().strip('"') for name in "".join(lines[:1]).split(",")]
        yield _Part(1, names, lines[1:])
        return
    starts = [n for n, line in enumerate(lines) if line.split()[:2] == FIELDS]
    if not starts or starts[0]:
        raise InputError(
            f"{path}: is neither a CSV or NPZ file nor a COLVAR file of PLUMED, which begins with "
            "'#! FIELDS'"
        )
    for start, stop in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield _Part(start + 1, lines[start].split()[2:], lines[start + 1 : stop])


def _numbers(path: Path, part: _Part, names: Sequence[str]) -> np.ndarray:
    """Some columns of a part, shape (n_rows, n_names).

    Raises:
        InputError: a column does not exist or is there twice, or rows are damaged.
    """
    _refuse_missing(path, names, part.names, f" below line {part.line}" if part.line > 1 else "")
    delimiter = "," if path.suffix == ".csv" else None
    rows = [line for line in part.rows if line.strip() and not line.lstrip().startswith("#")]
    for row in rows:
        values = [value.strip() for value in row.split(delimiter)]
        if len(values) < len(part.names) or any(values[len(part.names) :]):
            raise InputError(
                f"{path}: is not a complete table of numbers: the row '{row.strip()[:80]}' has "
                f"{len(values)} values, but there are {len(part.names)} columns"
            )
    if not rows:
        return np.empty((0, len(names)))
    with opening(path, "a complete table of numbers"):
        places = [part.names.index(name) for name in names]
        return np.loadtxt(rows, delimiter=delimiter, usecols=places, ndmin=2)


def _refuse_missing(path: Path, names: Sequence[str], there: list[str], where: str) -> None:
    for name in names:
        if name not in there:
            raise InputError(f"{path}: has no column '{name}'{where}; it has: {', '.join(there)}")
        if there.count(name) > 1:
            raise InputError(f"{path}: has {there.count(name)} columns '{name}'{where}")
