"""The table of an experiment's metrics, one group after the other."""

import math
from typing import Any

import pandas as pd

from meanforce.analysis.kinds import Source, metric_name
from meanforce.figures.metrics import REWEIGHTED, TITLES, VERDICTS, resolved, verdict_of
from meanforce.figures.numbers import number

BESIDE = ("reference", "floor", "resolved", "verdict", "mark")
"""Texts beside a value."""


def groups(part: pd.DataFrame, states: list[str]) -> list[dict[str, Any]]:
    """Groups with their rows: metric, unit and, for each state point, texts.

    Args:
        part: rows of the summary that belong to one experiment, with `verdict` or without.
        states: state points, in the order of the columns.
    """
    made: dict[str, list[dict[str, Any]]] = {name: [] for name in (*TITLES.values(), REWEIGHTED)}
    known = part.drop_duplicates(["metric", "state_point"]).set_index(["metric", "state_point"])
    # The reference's values are beside the model's, not in lines of their own.
    listed = part[part["source"] != Source.REFERENCE].drop_duplicates("metric")
    for row in listed.itertuples():
        title = REWEIGHTED if row.source == Source.BASELINE else TITLES[row.group]
        made[title].append(_row(known, row, states))
    return [{"name": name, "rows": rows} for name, rows in made.items() if rows]


def _row(known: pd.DataFrame, row, states: list[str]) -> dict[str, Any]:
    """Texts of one metric; `row` is any row of it."""
    reference = None
    if row.source == Source.MODEL:
        reference = metric_name(row.quantity, row.measure, Source.REFERENCE)
    cells = [_cell(known, row.metric, reference, state) for state in states]
    return {
        "metric": row.metric,
        "unit": row.unit if isinstance(row.unit, str) else "",
        "cells": cells,
    }


def _cell(known: pd.DataFrame, metric: str, beside: str | None, state: str) -> dict[str, str]:
    if (metric, state) not in known.index:
        return {"value": "–"} | dict.fromkeys(BESIDE, "")
    row = known.loc[(metric, state)]
    reference = known.loc[(beside, state), "value"] if (beside, state) in known.index else math.nan
    verdict = verdict_of(row)
    return {
        "value": number(row["value"], row["stderr"]) or "–",
        "reference": number(reference),
        "floor": number(row["noise_floor"]),
        "resolved": resolved(row).removeprefix("; "),
        "verdict": verdict,
        "mark": VERDICTS.get(verdict, ""),
    }
