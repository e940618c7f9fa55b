"""Figure: all errors of an experiment as multiples of their noise floors."""

import math

import numpy as np
import pandas as pd

from meanforce.figures import style
from meanforce.figures.axes import Axis
from meanforce.figures.chart import Frame, Panel, drawing
from meanforce.figures.figure import Figure, svg_figure
from meanforce.figures.metrics import errors_of, in_floors
from meanforce.figures.numbers import number

LETTER = 7
"""Pixels that a letter of a metric's name takes, capitals among them."""

LOWEST = 0.1
"""Errors this much below their floor are drawn at the left edge, infinite ones at the right."""


def figure(part: pd.DataFrame, states: list[str], where: str) -> Figure | None:
    """One line per metric, one mark per state point: filled circle trained, open diamond held out.

    Args:
        part: rows of the summary that belong to one experiment.
        states: state points, in the order of their marks.
        where: the experiment, for the alternative text.

    Returns:
        None where no error has a noise floor.
    """
    rows = part[part["noise_floor"] > 0].assign(ratio=lambda t: t.apply(in_floors, axis=1))
    rows = rows[rows["ratio"].notna()] if len(rows) else rows
    metrics = errors_of(rows)
    if not metrics:
        return None
    errors = rows[rows["metric"].isin(metrics)]
    # A barrier that one side never crossed is infinitely high.
    top = max(2.0, 1.6 * errors["ratio"].where(np.isfinite(errors["ratio"]), 0.0).max())
    names = tuple((float(i), name) for i, name in enumerate(metrics))
    errors = errors.assign(place=errors["ratio"].clip(LOWEST, top))
    left = 14 + LETTER * max(map(len, metrics))
    frame = Frame(left + 200, 50 + 19 * len(metrics), left=left, right=14, top=8)
    x = Axis("error / noise floor", LOWEST, top, log=True)
    panel = Panel(x, Axis("", len(metrics) - 0.4, -0.6, named=names), frame=frame, grid=True)
    panel.line([1.0, 1.0], [-0.6, len(metrics) - 0.4], style.REFERENCE, 1.2, "5 3")
    for line, metric in enumerate(metrics):
        for place, state in enumerate(states):
            _mark(panel, errors, metric, state, line + 0.2 * (place - (len(states) - 1) / 2))
    worst = errors.loc[errors["ratio"].idxmax()]
    near = int((errors["ratio"] < 2.0).sum())
    alt = (
        f"Errors of {where} in units of their noise floors: {near} of {len(errors)} below twice "
        f"the floor; the largest is {worst['metric']} at {worst['state_point']}, "
        f"{number(worst['ratio'])} times its floor"
    )
    return svg_figure(drawing([panel]), alt)


def _mark(panel: Panel, errors: pd.DataFrame, metric: str, state: str, at: float) -> None:
    some = errors[(errors["metric"] == metric) & (errors["state_point"] == state)]
    for _, row in some.iterrows():
        error = row["stderr"] / row["noise_floor"] if math.isfinite(row["stderr"]) else 0.0
        held_out = row["role"] == "held-out"
        panel.mark(
            row["place"], at, "diamond" if held_out else "circle",
            style.MODEL if held_out else style.SHADES[0], error, "x", filled=not held_out,
        )  # fmt: skip
