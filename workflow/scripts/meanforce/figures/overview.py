"""The report's first table: experiments × metrics, each error as a multiple of its noise floor."""

import dataclasses
from collections.abc import Callable

import pandas as pd

from meanforce.figures.metrics import (
    VERDICTS,
    errors_of,
    in_floors,
    is_headline,
    resolved,
    verdict_of,
)
from meanforce.figures.numbers import number

LIMITS = (1.5, 3.0, 10.0)
"""Multiples of the noise floor at which the tint of a cell changes."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """One error of one experiment at one state point.

    Attributes:
        text: multiple of the noise floor, or the value where it has no floor.
        mark: of the verdict; empty where there is none.
        level: 0 (at the floor) to 3, or empty without a floor.
        title: the numbers in words.
        order: what the column is sorted by.
    """

    text: str
    mark: str
    level: str
    title: str
    order: float


@dataclasses.dataclass(frozen=True)
class Line:
    """One experiment at one state point: what it is, and a cell or None for each metric."""

    experiment: str
    state: str
    role: str
    cells: list[Cell | None]


def lines(
    table: pd.DataFrame, states_of: Callable[[str], list[str]]
) -> tuple[list[str], list[Line]]:
    """Headline errors (columns) and lines of one system, experiments in the table's order.

    Args:
        table: rows of the summary that belong to one system, with `verdict` or without.
        states_of: gives an experiment's state points in the order of their lines.
    """
    metrics = [name for name in errors_of(table) if is_headline(name)]
    made = []
    parts = dict(iter(table.groupby(["experiment", "state_point"])))
    places = [(name, s) for name in dict.fromkeys(table["experiment"]) for s in states_of(name)]
    for experiment, state in places:
        part = parts[experiment, state]
        rows = part.drop_duplicates("metric").set_index("metric")
        cells = [_cell(rows.loc[name]) if name in rows.index else None for name in metrics]
        made.append(Line(experiment, state, part["role"].iloc[0], cells))
    return metrics, made


def _cell(row: pd.Series) -> Cell | None:
    if pd.isna(row["value"]):
        return None
    ratio, verdict = in_floors(row), verdict_of(row)
    unit = f" {row['unit']}" if isinstance(row["unit"], str) and row["unit"] else ""
    title = number(row["value"], row["stderr"]) + unit
    if pd.isna(ratio):
        return Cell(number(row["value"]), VERDICTS.get(verdict, ""), "", title, abs(row["value"]))
    title += f"; noise floor {number(row['noise_floor'])}{unit}"
    title += resolved(row) + f"; {verdict}" * bool(verdict)
    level = sum(ratio > limit for limit in LIMITS)
    text = f"{ratio:.1f}×" if ratio < 9.95 else f"{ratio:.0f}×".replace("inf", "∞")
    return Cell(text, VERDICTS.get(verdict, ""), str(level), title, ratio)
