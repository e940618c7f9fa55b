"""The report: one self-contained HTML page, filled in from a template."""

import base64
import math
import tempfile
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from meanforce.figures import overview, training

HIDDEN = ("_reference",)
"""Rows that the tables show beside the model's value instead of in a line of their own."""


def render(
    template: Path,
    table: pd.DataFrame,
    figures: dict[tuple[str, str], Path],
    curves: dict[str, list[pd.DataFrame]],
    settings: dict[str, Any],
    about: dict[str, Any],
) -> str:
    """The page's text.

    Args:
        template: Jinja template.
        table: the summary.
        figures: (experiment, state point): PNG file.
        curves: experiment: training curves of its members.
        settings: of the stage `report`.
        about: provenance.
    """
    experiments = []
    with tempfile.TemporaryDirectory() as folder:
        drawing = Path(folder) / "figure.svg"
        for name, facts in settings["experiments"].items():
            part = table[table["experiment"] == name]
            training.draw(curves[name], _floors(part), drawing)
            experiments.append(
                {
                    "name": name,
                    "facts": facts,
                    "states": [
                        {
                            "name": state,
                            "role": _role(part, state),
                            "figure": _png(figures[name, state]),
                        }
                        for state in facts["states"]
                    ],
                    "rows": _rows(part, facts["states"]),
                    "training": drawing.read_text().split("?>", 1)[1],
                }
            )
        systems = []
        for system in dict.fromkeys(table["system"]):
            overview.draw(table[table["system"] == system], drawing)
            systems.append({"name": system, "overview": drawing.read_text().split("?>", 1)[1]})
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(template.read_text()).render(
        experiments=experiments, systems=systems, about=about
    )


def _role(part: pd.DataFrame, state: str) -> str:
    return part.loc[part["state_point"] == state, "role"].iloc[0]


def _png(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


def _floors(part: pd.DataFrame) -> dict[str, float]:
    """Irreducible squared force error of each trained state point, (kcal/mol/Å)²."""
    some = part[(part["metric"] == "force_irreducible") & (part["role"] == "train")]
    return {row["state_point"]: row["value"] ** 2 for _, row in some.iterrows()}


def _rows(part: pd.DataFrame, states: list[str]) -> list[dict[str, Any]]:
    """Table lines: metric, unit and, for each state point, texts."""
    rows = []
    for metric in dict.fromkeys(part["metric"]):
        if metric.endswith(HIDDEN):
            continue
        some = part[part["metric"] == metric].set_index("state_point")
        beside = part[part["metric"] == f"{metric}_reference"].set_index("state_point")
        cells = []
        for state in states:
            if state not in some.index:
                cells.append({"value": "–", "floor": "", "reference": ""})
                continue
            row = some.loc[state]
            reference = beside.loc[state, "value"] if state in beside.index else math.nan
            cells.append(
                {
                    "value": number(row["value"], row["stderr"]),
                    "floor": number(row["noise_floor"]),
                    "reference": number(reference),
                }
            )
        unit = some["unit"].iloc[0]
        rows.append(
            {"metric": metric, "unit": unit if isinstance(unit, str) else "", "cells": cells}
        )
    return rows


def number(value: float, error: float = math.nan) -> str:
    """A number with its standard error, to three significant digits; empty for NaN."""
    if not math.isfinite(value):
        return ""
    text = f"{value:.3g}"
    return f"{text} ± {error:.2g}" if math.isfinite(error) else text
