"""Learning curves on the page: the figure, its numbers, and how much atomistic time is saved."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from meanforce.analysis.learning_curve import against, headlines
from meanforce.figures.figure import png_figure
from meanforce.figures.numbers import at_error, number

BOUNDS = {"at least": "≥ ", "at most": "≤ "}


def section(path: Path) -> dict[str, Any]:
    """Name, figure, table and savings of one learning curve.

    Args:
        path: PNG file; beside it lie its table and the savings; see `points`, `savings_table`.
    """
    table = pd.read_csv(path.with_suffix(".csv"))
    experiments, metrics = (" and ".join(dict.fromkeys(table[n])) for n in ("experiment", "metric"))
    times = table["atomistic_time"]
    alt = (
        f"Learning curves {path.stem}: {metrics} of {experiments} against {times.min():g} to "
        f"{times.max():g} ns of atomistic time, with standard errors and noise floors; dashed: "
        "direct reweighting of the same frames"
    )
    return {
        "name": path.stem,
        "figure": png_figure(path, alt),
        "columns": list(table.columns),
        "rows": [[_text(value) for value in row] for row in table.itertuples(index=False)],
        "savings": savings(pd.read_csv(path.with_suffix(".savings.csv"))),
    }


def savings(table: pd.DataFrame) -> list[dict[str, str]]:
    """Savings of each pair of curves, as text."""
    return [
        {
            "experiment": row["experiment"],
            "against": against(row),
            "state": row["state_point"],
            "metric": row["metric"],
            "factor": _factor(row),
        }
        for _, row in headlines(table).iterrows()
    ]


def _factor(row: pd.Series) -> str:
    if not np.isfinite(row["factor"]):
        return "not known"
    text = BOUNDS.get(row["bound"], "") + f"{row['factor']:.2g}×"
    if row["low"] > 0 or np.isfinite(row["high"]):
        high = f"{row['high']:.2g}" if np.isfinite(row["high"]) else "∞"
        text += f" ({row['low']:.2g} to {high})"
    return text + at_error(row)


def _text(value: Any) -> str:
    return number(value) if isinstance(value, float) else str(value)
