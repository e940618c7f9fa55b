"""The table of an experiment's metrics, one group after the other."""

import math
from typing import Any

import pandas as pd

from meanforce.figures.metrics import (
    GROUPS,
    REWEIGHTED,
    VERDICTS,
    group_of,
    resolved,
    verdict_of,
)
from meanforce.figures.numbers import number

HIDDEN = "_reference"
"""End of rows that stand beside the model's value instead of in a line of their own."""


BESIDE = ("reference", "floor", "resolved", "verdict", "mark")
"""Texts beside a value."""


def groups(part: pd.DataFrame, states: list[str]) -> list[dict[str, Any]]:
    """Groups with their rows: metric, unit and, for each state point, texts.

    Args:
        part: rows of the summary that belong to one experiment, with `verdict` or without.
        states: state points, in the order of the columns.
    """
    made: dict[str, list[dict[str, Any]]] = {name: [] for name in (*GROUPS, "Other", REWEIGHTED)}
    known = part.drop_duplicates(["metric", "state_point"]).set_index(["metric", "state_point"])
    for metric in dict.fromkeys(part["metric"]):
        if not metric.endswith(HIDDEN):
            made[group_of(metric)].append(_row(known, metric, states))
    return [{"name": name, "rows": rows} for name, rows in made.items() if rows]


def _row(known: pd.DataFrame, metric: str, states: list[str]) -> dict[str, Any]:
    cells = [_cell(known, metric, state) for state in states]
    unit = known.loc[metric]["unit"].iloc[0]
    return {"metric": metric, "unit": unit if isinstance(unit, str) else "", "cells": cells}


def _cell(known: pd.DataFrame, metric: str, state: str) -> dict[str, str]:
    if (metric, state) not in known.index:
        return {"value": "–"} | dict.fromkeys(BESIDE, "")
    row = known.loc[(metric, state)]
    beside = (f"{metric}{HIDDEN}", state)
    reference = known.loc[beside, "value"] if beside in known.index else math.nan
    verdict = verdict_of(row)
    return {
        "value": number(row["value"], row["stderr"]) or "–",
        "reference": number(reference),
        "floor": number(row["noise_floor"]),
        "resolved": resolved(row).removeprefix("; "),
        "verdict": verdict,
        "mark": VERDICTS.get(verdict, ""),
    }
