"""Columns of numbers beside a trajectory: PLUMED's COLVAR, CSV, or a NumPy archive."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from meanforce.data.formats.base import opening
from meanforce.errors import InputError


def column_names(path: Path) -> list[str]:
    """Names of the columns of a file.

    Raises:
        InputError: the file is missing, or has no names of columns.
    """
    if not path.is_file():
        raise InputError(f"{path}: does not exist")
    with opening(path, "a table with named columns"):
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                return list(archive.files)
        with path.open(encoding="utf-8") as file:
            first = file.readline().strip()
    if path.suffix == ".csv":
        return [name.strip().strip('"') for name in first.split(",")]
    words = first.split()
    if words[:2] != ["#!", "FIELDS"]:
        raise InputError(
            f"{path}: is neither a CSV or NPZ file nor a COLVAR file of PLUMED, which begins with "
            "'#! FIELDS'"
        )
    return words[2:]


def read_columns(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Columns by name, float64, shape (n,) each.

    Raises:
        InputError: a column does not exist, or the file is damaged or a pickle.
    """
    known = column_names(path)
    for name in names:
        if name not in known:
            raise InputError(f"{path}: has no column '{name}'; it has: {', '.join(known)}")
    with opening(path, "a complete table of numbers"):
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                found = {name: np.asarray(archive[name], dtype=float) for name in names}
        else:
            is_csv = path.suffix == ".csv"
            table = np.loadtxt(
                path,
                delimiter="," if is_csv else None,
                skiprows=int(is_csv),
                usecols=[known.index(name) for name in names],
                ndmin=2,
            )
            found = {name: table[:, place] for place, name in enumerate(names)}
    lengths = {len(values) if values.ndim == 1 else -1 for values in found.values()}
    if len(lengths) != 1 or -1 in lengths:
        raise InputError(f"{path}: its columns {', '.join(names)} are not of the same length")
    return found
