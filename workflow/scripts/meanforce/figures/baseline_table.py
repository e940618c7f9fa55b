"""The report's second table: each model against direct reweighting of the frames behind it.

Model and baseline share the reference, and to a large part the noise of the training data. So the
difference of two errors of the same sign is known at least as well as if they were independent,
σ² ≤ σ_m² + σ_b²; for errors of opposite sign, whose sizes move in opposite directions with the
reference, σ ≤ σ_m + σ_b holds in any case.
"""

import dataclasses
import math
from collections.abc import Callable

import pandas as pd

from meanforce.analysis.kinds import Measure, Source
from meanforce.figures.matrix import Cell, Line, places
from meanforce.figures.metrics import errors_of
from meanforce.figures.numbers import number
from meanforce.statistics.errors import Error, limit_of_sizes

NOBODY = ""
"""Neither model nor baseline is better."""

MARKS = {Source.MODEL: "▲", Source.BASELINE: "▼", NOBODY: "≈"}
"""Which of the two is better, or neither: its mark."""

LOOKS = {Source.MODEL: "won", Source.BASELINE: "lost", NOBODY: ""}

WORDS = {
    Source.MODEL: "the model is better",
    Source.BASELINE: "direct reweighting is better",
    NOBODY: "no difference is resolved",
}

MISSING = {"held-out": "no atomistic data there", "train": "not reweighted"}
"""Text in place of the baseline's error, by the role of the state point."""


@dataclasses.dataclass(frozen=True)
class Column:
    """An error that is compared; of a signed error, its size."""

    metric: str
    unit: str
    signed: bool


def lines(
    table: pd.DataFrame, states_of: Callable[[str], list[str]]
) -> tuple[list[Column], list[Line]]:
    """Headline errors that baselines have, and lines of one system; none where nothing has any.

    Args:
        table: rows of the summary that belong to one system.
        states_of: gives an experiment's state points in the order of their lines.
    """
    reweighted = table[table["source"] == Source.BASELINE]
    known = set(zip(reweighted["quantity"], reweighted["measure"], strict=True))
    first = table.drop_duplicates("metric").set_index("metric")
    columns = [
        Column(
            name,
            first["unit"].fillna("")[name],
            first["measure"][name] == Measure.SIGNED_ERROR,
        )
        for name in errors_of(table, headlines=True)
        if (first["quantity"][name], first["measure"][name]) in known
    ]
    if not columns:
        return [], []
    made = []
    for experiment, state, part in places(table, states_of):
        has_baseline = bool((part["source"] == Source.BASELINE).any())
        role = part["role"].iloc[0]
        missing = "–" if has_baseline else MISSING[role]
        cells = [_cell(part, column.metric, missing) for column in columns]
        made.append(Line(experiment, state, role, cells))
    return columns, made


def counts(made: list[Line]) -> dict[str, int]:
    """How often the model is better, direct reweighting is, or neither."""
    found = [cell.mark for line in made for cell in line.cells if cell]
    return {words: found.count(MARKS[better]) for better, words in WORDS.items()}


def better(model: pd.Series, baseline: pd.Series) -> str:
    """Which error is resolvably smaller, at 5 %: that of `Source.MODEL`, `BASELINE`, or neither.

    Args:
        model, baseline: rows of the summary, with `value`, `stderr` and `dof`.
    """
    ours, theirs = abs(model["value"]), abs(baseline["value"])
    if math.isnan(ours) or math.isnan(theirs) or ours == theirs:
        return NOBODY
    # A basin that only one of them visits.
    if math.isinf(ours) or math.isinf(theirs):
        return Source.MODEL if ours < theirs else Source.BASELINE
    errors = [Error(row["stderr"], row["dof"]) for row in (model, baseline)]
    opposite = model["value"] * baseline["value"] < 0
    resolved = limit_of_sizes(*errors, opposite)
    if not abs(ours - theirs) > resolved:
        return NOBODY
    return Source.MODEL if ours < theirs else Source.BASELINE


def _cell(part: pd.DataFrame, metric: str, missing: str) -> Cell | None:
    """One error of the model and of the baseline.

    Args:
        part: rows of one experiment at one state point.
        metric: the model's error.
        missing: text where there is no baseline.
    """
    found = part[part["metric"] == metric]
    if found.empty:
        return None
    model = found.iloc[0]
    text = number(abs(model["value"]), model["stderr"]) or "–"
    same = (part["quantity"] == model["quantity"]) & (part["measure"] == model["measure"])
    others = part[same & (part["source"] == Source.BASELINE)]
    if others.empty:
        return Cell(text, missing)
    other = others.iloc[0]
    winner = better(model, other)
    below = number(abs(other["value"]), other["stderr"]) or "–"
    return Cell(text, below, MARKS[winner], LOOKS[winner], WORDS[winner])
