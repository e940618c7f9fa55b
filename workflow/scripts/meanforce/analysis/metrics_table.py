"""The table of metrics: what validation writes, and what learning curves and the report read."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from meanforce.analysis.verdict import verdicts
from meanforce.errors import MAKE_AGAIN, InputError

COLUMNS = (
    "experiment", "system", "mapping", "force_map", "campaign", "potential", "state_point",
    "role", "metric", "value", "stderr", "noise_floor", "unit", "stderr_noise", "dof",
    "noise_floor_reference", "resolution", "data_limit", "quantity", "measure", "source", "group",
)  # fmt: skip
"""Columns of metrics.csv; summary.csv has `verdict` after `unit`. New columns go to the end."""


def metrics_table(labels: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Table of metrics.csv.

    Args:
        labels: of the experiment and the state point, which stand in every row.
        rows: of the metrics, as `Row.columns` gives them.
    """
    return pd.DataFrame([{**labels, **row} for row in rows], columns=list(COLUMNS))


def read_table(path: Path) -> pd.DataFrame:
    """A CSV file's table.

    Raises:
        InputError: the file is missing, empty or not a table.
    """
    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a table ({error})") from error


def read_metrics(paths: Sequence[Path]) -> pd.DataFrame:
    """All metrics of several metrics.csv in one table.

    Raises:
        InputError: a file cannot be read, or was written by a version with other columns.
    """
    tables = [read_table(path) for path in paths]
    for path, one in zip(paths, tables, strict=True):
        missing = [name for name in COLUMNS if name not in one]
        if missing:
            raise InputError(
                f"{path}: has no column '{missing[0]}', so another version made it; {MAKE_AGAIN}"
            )
    return pd.concat(tables, ignore_index=True)


def summary_table(paths: Sequence[Path]) -> pd.DataFrame:
    """Table of summary.csv: all metrics with their verdicts.

    Raises:
        InputError: see `read_metrics`.
    """
    table = read_metrics(paths)
    # After the columns of the first contract; later columns come after it.
    table.insert(table.columns.get_loc("unit") + 1, "verdict", verdicts(table))
    return table
