"""Figures: error against distance from the training temperatures, one panel per metric."""

import dataclasses

import numpy as np
import pandas as pd

from meanforce.analysis.kinds import Measure
from meanforce.figures import style
from meanforce.figures.axes import axis_of
from meanforce.figures.chart import Frame, Panel, drawing
from meanforce.figures.figure import Figure, svg_figure
from meanforce.figures.metrics import errors_of

SHAPES = {"trained": "circle", "interpolation": "diamond", "extrapolation": "triangle"}

SPREAD = 0.06
"""Width that marks of all experiments share at one distance, as a part of the axis."""

DASHES = ("", "6 3", "2 3")
"""Dash patterns of lines, when colours repeat."""


@dataclasses.dataclass(frozen=True)
class Key:
    """How an experiment is drawn."""

    name: str
    colour: str
    dash: str


def keys(table: pd.DataFrame) -> list[Key]:
    """Colour and dash of each experiment."""
    return [
        Key(
            name,
            style.SHADES[number % len(style.SHADES)],
            DASHES[number // len(style.SHADES) % len(DASHES)],
        )
        for number, name in enumerate(dict.fromkeys(table["experiment"]))
    ]


def figures(table: pd.DataFrame, system: str) -> dict[str, Figure]:
    """One figure per metric that measures an error, by its name; none where nothing is held out.

    Args:
        table: columns `experiment, state_point, temperature, distance` (K from the nearest
            training temperature), `place` (`trained`, `interpolation`, `extrapolation`), `metric,
            value, stderr, noise_floor, unit, measure, source, group`.
        system: its name, for the alternative texts.
    """
    if not (table["place"] != "trained").any():
        return {}
    looks = keys(table)
    return {
        metric: _figure(table[table["metric"] == metric], metric, looks, system)
        for metric in errors_of(table)
        if (table.loc[table["metric"] == metric, "place"] != "trained").any()
    }


def _figure(part: pd.DataFrame, metric: str, looks: list[Key], system: str) -> Figure:
    signed = part["measure"].iloc[0] == Measure.SIGNED_ERROR
    part = part.assign(distance=part["distance"].abs(), value=part["value"].abs())
    part = part[np.isfinite(part["value"])]
    unit = part["unit"].dropna()
    unit = unit.iloc[0] if len(unit) else ""
    # One huge error bar must not compress all values at the bottom.
    tops = part["value"] + part["stderr"].fillna(0.0).clip(upper=part["value"].max())
    x = axis_of("distance from training", part["distance"], "K", at_zero=True)
    x = dataclasses.replace(x, low=-0.06 * x.high)
    y = axis_of("|error|" if signed else "error", tops, unit, at_zero=True)
    panel = Panel(x, y, metric, Frame(width=340, height=240, left=60))
    for number, look in enumerate(looks):
        some = part[part["experiment"] == look.name].sort_values(["distance", "temperature"])
        # Side by side, so that error bars do not hide each other.
        some = some.assign(
            distance=some["distance"] + SPREAD * x.high * (number / len(looks) - 0.5)
        )
        means = some.groupby("distance")["value"].mean()
        panel.line(means.index.to_numpy(), means.to_numpy(), look.colour, 1.3, look.dash)
        for _, row in some.iterrows():
            if row["noise_floor"] > 0:
                panel.tick(row["distance"], row["noise_floor"], colour=look.colour)
            panel.mark(
                row["distance"], row["value"], SHAPES[row["place"]], look.colour, row["stderr"],
                filled=row["place"] == "trained",
            )  # fmt: skip
    means = part.groupby("place")["value"].mean()
    texts = [f"{place} {means[place]:.3g} {unit}".strip() for place in SHAPES if place in means]
    alt = f"{metric} of {system} against distance from the training temperatures; means: "
    return svg_figure(drawing([panel]), alt + ", ".join(texts))
