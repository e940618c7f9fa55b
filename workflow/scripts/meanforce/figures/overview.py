"""The report's first table: experiments × metrics, each error as a multiple of its noise floor."""

from collections.abc import Callable

import pandas as pd

from meanforce.figures.matrix import Cell, Line, places
from meanforce.figures.metrics import VERDICTS, errors_of, in_floors, resolved, verdict_of
from meanforce.figures.numbers import number

LIMITS = (1.5, 3.0, 10.0)
"""Multiples of the noise floor at which the tint of a cell changes."""


def lines(
    table: pd.DataFrame, states_of: Callable[[str], list[str]]
) -> tuple[list[str], list[Line]]:
    """Headline errors (columns) and lines of one system, experiments in the table's order.

    Args:
        table: rows of the summary that belong to one system, with `verdict` or without.
        states_of: gives an experiment's state points in the order of their lines.
    """
    metrics = errors_of(table, headlines=True)
    made = []
    for experiment, state, part in places(table, states_of):
        rows = part.drop_duplicates("metric").set_index("metric")
        cells = [_cell(rows.loc[name]) if name in rows.index else None for name in metrics]
        made.append(Line(experiment, state, part["role"].iloc[0], cells))
    return metrics, made


def _cell(row: pd.Series) -> Cell | None:
    if pd.isna(row["value"]):
        return None
    ratio, verdict = in_floors(row), verdict_of(row)
    mark = VERDICTS.get(verdict, "")
    unit = f" {row['unit']}" if isinstance(row["unit"], str) and row["unit"] else ""
    title = number(row["value"], row["stderr"]) + unit
    if pd.isna(ratio):
        return Cell(number(row["value"]), mark=mark, title=title, order=abs(row["value"]))
    title += f"; noise floor {number(row['noise_floor'])}{unit}"
    title += resolved(row) + f"; {verdict}" * bool(verdict)
    level = sum(ratio > limit for limit in LIMITS)
    text = f"{ratio:.1f}×" if ratio < 9.95 else f"{ratio:.0f}×".replace("inf", "∞")
    return Cell(text, mark=mark, look=f"level{level}", title=title, order=ratio)
