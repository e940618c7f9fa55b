"""Tables of free energies on a grid, in CSV or NPZ files."""

import csv
import dataclasses
import io
import math
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from meanforce.errors import InputError

ABSENT = {"", "nan", "NaN", "NAN", "NA", "N/A", "null", "None"}
"""What stands for a number that is not known."""


@dataclasses.dataclass(frozen=True, eq=False)
class SurfaceTable:
    """Free energies of bins.

    Attributes:
        centers: of the bins, shape (n, n_variables).
        free_energies: finite or +inf, shape (n,).
        errors: their standard errors, of the same shape; NaN where there is none; None without.
    """

    centers: np.ndarray
    free_energies: np.ndarray
    errors: np.ndarray | None = None


def read_table(
    path: Path, variables: Sequence[str], free_energy: str, error: str | None
) -> SurfaceTable:
    """Read a table; see `meanforce.settings.references` for its format.

    Args:
        path: CSV or NPZ file, by its ending.
        variables: names of the columns of bin centres.
        free_energy: name of the column of free energies; NaN counts as +inf.
        error: name of the column of their standard errors, or None.

    Raises:
        InputError: the file is missing or damaged, a column is missing, or a number is not allowed.
    """
    names = [*variables, free_energy, *([error] if error else [])]
    columns = _npz(path, names) if path.suffix == ".npz" else _csv(path, names)
    grid = columns[free_energy]
    if grid.ndim == 2 and len(variables) == 2:
        axes = [columns[name] for name in variables]
        if grid.shape != tuple(axis.size for axis in axes) or any(a.ndim != 1 for a in axes):
            raise InputError(
                f"{path}: '{free_energy}' has the shape {grid.shape}, but "
                f"{' and '.join(f'{n!r} {a.shape}' for n, a in zip(variables, axes, strict=True))}"
            )
        for name, axis in zip(variables, np.meshgrid(*axes, indexing="ij"), strict=True):
            columns[name] = axis
    if len({columns[name].shape for name in names}) > 1:
        shapes = ", ".join(f"'{name}' {columns[name].shape}" for name in names)
        raise InputError(f"{path}: its columns have different shapes: {shapes}")
    columns = {name: column.ravel() for name, column in columns.items()}
    centers = np.column_stack([columns[name] for name in variables])
    if not np.isfinite(centers).all():
        raise InputError(f"{path}: a value of {' or '.join(variables)} is not a finite number")
    values = np.where(np.isnan(columns[free_energy]), np.inf, columns[free_energy])
    if (values == -np.inf).any():
        raise InputError(f"{path}: a free energy is −∞; allowed are numbers, and NaN or ∞")
    if not np.isfinite(values).any():
        raise InputError(f"{path}: has no finite free energy in '{free_energy}'")
    errors = None if error is None else columns[error]
    if errors is not None and ((errors < 0) | np.isinf(errors)).any():
        raise InputError(f"{path}: a standard error in '{error}' is negative or infinite")
    return SurfaceTable(centers, values, errors)


def write_table(
    path: Path, table: SurfaceTable, variables: Sequence[str], comments: Sequence[str] = ()
) -> None:
    """Write a table as CSV with the columns `free_energy` and, if known, `error`.

    Args:
        path: file to write.
        table: what is written.
        variables: names of the columns of bin centres.
        comments: lines that are put before it.
    """
    text = io.StringIO()
    text.writelines(f"# {line}\n" for line in comments)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*variables, "free_energy", *(["error"] if table.errors is not None else [])])
    columns = [table.centers, table.free_energies]
    columns += [] if table.errors is None else [table.errors]
    for row in np.column_stack(columns).tolist():
        writer.writerow([f"{value:.9g}" if math.isfinite(value) else "" for value in row])
    path.write_text(text.getvalue(), encoding="utf-8")


def _csv(path: Path, names: list[str]) -> dict[str, np.ndarray]:
    try:
        # Spreadsheets may begin a file with the mark of UTF-8.
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        lines = [line for line in (line.partition("#")[0] for line in lines) if line.strip()]
        rows = [[value.strip() for value in row] for row in csv.reader(lines)]
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as a CSV table ({error})") from error
    if not rows:
        raise InputError(f"{path}: cannot be read as a CSV table (it is empty)")
    header, *rows = rows
    _all_there(path, names, header)
    for number, row in enumerate(rows, 1):
        # Empty values at the end of all rows are those of commas that end them.
        if len(row) < len(header) or any(row[len(header) :]):
            raise InputError(
                f"{path}: row {number} has {len(row)} values, but there are {len(header)} columns"
            )
    return {name: _column(path, name, [row[header.index(name)] for row in rows]) for name in names}


def _column(path: Path, name: str, values: list[str]) -> np.ndarray:
    """Numbers of a column; empty ones are NaN."""
    found = np.full(len(values), np.nan)
    for number, value in enumerate(values):
        if value in ABSENT:
            continue
        try:
            found[number] = float(value)
        except ValueError:
            raise InputError(f"{path}: '{value}' in the column '{name}' is not a number") from None
    return found


def _npz(path: Path, names: list[str]) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            found = list(file.files)
            _all_there(path, names, found)
            columns = {name: file[name] for name in names}
            for name, values in columns.items():
                if values.dtype.kind not in "fiu":
                    raise InputError(f"{path}: '{name}' is of type {values.dtype}, not numbers")
            return {name: values.astype(np.float64) for name, values in columns.items()}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: cannot be read as an NPZ file of numbers ({error})") from error


def _all_there(path: Path, names: list[str], found: list[str]) -> None:
    missing = [name for name in names if name not in found]
    if missing:
        raise InputError(
            f"{path}: has no column '{missing[0]}'; its columns are {', '.join(map(str, found))}"
        )
    twice = [name for name in names if found.count(name) > 1]
    if twice:
        raise InputError(f"{path}: has {found.count(twice[0])} columns '{twice[0]}'")
