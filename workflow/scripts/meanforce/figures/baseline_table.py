"""The report's second table: each model against direct reweighting of the frames behind it.

Model and baseline share the reference, and mostly luck and bad luck of the training data. So the
difference of two errors of the same sign is known at least as well as if they were independent,
σ² ≤ σ_m² + σ_b²; of errors of opposite sign, whose sizes move in opposite directions with the
reference, σ ≤ σ_m + σ_b holds whatever depends on what.
"""

import dataclasses
import math
from collections.abc import Callable

import pandas as pd

from meanforce.analysis.naming import BASELINE, MODEL, baseline_name
from meanforce.figures.metrics import errors_of, is_headline
from meanforce.figures.numbers import number
from meanforce.statistics.errors import Error, limit_of_sizes

MARKS = {MODEL: "▲", BASELINE: "▼", "": "≈"}
"""Which of the two is better, or neither: its mark."""

WORDS = {
    MODEL: "the model is better",
    BASELINE: "direct reweighting is better",
    "": "no difference is resolved",
}


@dataclasses.dataclass(frozen=True)
class Cell:
    """One error of a model and of the baseline.

    Attributes:
        model, baseline: absolute errors with standard errors; empty where there is none.
        better: `MODEL`, `BASELINE`, or empty where neither is resolved or one is missing.
        mark: of it; empty where there is no baseline.
        words: what it says.
    """

    model: str
    baseline: str
    better: str
    mark: str
    words: str


@dataclasses.dataclass(frozen=True)
class Line:
    """One experiment at one state point: its cells by metric, and whether there is a baseline."""

    experiment: str
    state: str
    role: str
    cells: list[Cell | None]
    has_baseline: bool


def lines(
    table: pd.DataFrame, states_of: Callable[[str], list[str]]
) -> tuple[list[str], list[Line]]:
    """Errors (columns) that both have and lines of one system; none where there is no baseline.

    Args:
        table: rows of the summary that belong to one system.
        states_of: gives an experiment's state points in the order of their lines.
    """
    known = set(table["metric"])
    metrics = [
        name for name in errors_of(table) if is_headline(name) and baseline_name(name) in known
    ]
    made = []
    parts = dict(iter(table.groupby(["experiment", "state_point"])))
    places = [(name, s) for name in dict.fromkeys(table["experiment"]) for s in states_of(name)]
    for experiment, state in places if metrics else ():
        part = parts[experiment, state]
        rows = part.drop_duplicates("metric").set_index("metric")
        cells = [_cell(rows, name) for name in metrics]
        has_baseline = any(baseline_name(name) in rows.index for name in metrics)
        made.append(Line(experiment, state, part["role"].iloc[0], cells, has_baseline))
    return metrics, made


def counts(made: list[Line]) -> dict[str, int]:
    """How often the model is better, direct reweighting is, or neither."""
    found = [cell.better for line in made for cell in line.cells if cell and cell.mark]
    return {words: found.count(better) for better, words in WORDS.items()}


def better(model: pd.Series, baseline: pd.Series) -> str:
    """Which error is resolvably smaller, at 5 %: `MODEL`, `BASELINE`, or neither.

    Args:
        model, baseline: rows of the summary, with `value`, `stderr` and `dof`.
    """
    ours, theirs = abs(model["value"]), abs(baseline["value"])
    if math.isnan(ours) or math.isnan(theirs) or ours == theirs:
        return ""
    # A basin that only one of them visits.
    if math.isinf(ours) or math.isinf(theirs):
        return MODEL if ours < theirs else BASELINE
    errors = [Error(row["stderr"], row["dof"]) for row in (model, baseline)]
    opposite = model["value"] * baseline["value"] < 0
    resolved = limit_of_sizes(*errors, opposite)
    if not abs(ours - theirs) > resolved:
        return ""
    return MODEL if ours < theirs else BASELINE


def _cell(rows: pd.DataFrame, metric: str) -> Cell | None:
    if metric not in rows.index:
        return None
    model = rows.loc[metric]
    text = number(abs(model["value"]), model["stderr"])
    if baseline_name(metric) not in rows.index:
        return Cell(text, "", "", "", "")
    other = rows.loc[baseline_name(metric)]
    found = better(model, other)
    beside = number(abs(other["value"]), other["stderr"])
    return Cell(text, beside, found, MARKS[found], WORDS[found])
