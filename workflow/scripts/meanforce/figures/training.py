"""Figure: training curves of an experiment, with the irreducible part of the loss drawn in."""

import numpy as np
import pandas as pd

from meanforce.figures import style
from meanforce.figures.axes import Axis, axis_of
from meanforce.figures.chart import Frame, Panel, drawing
from meanforce.figures.figure import Figure, svg_figure
from meanforce.units import KCAL

UNIT = (KCAL * 10.0) ** 2
"""(kJ/mol/nm)² in one (kcal/mol/Å)²."""

STEEP = 10
"""The first tenth of the epochs may leave the figure: what matters is close to the floor."""

POINTS = 400
"""More epochs than these are thinned out."""

FRAME = Frame(width=380, height=270, left=56, top=12)


def figure(curves: list[pd.DataFrame], floors: dict[str, float], where: str) -> Figure:
    """Losses of each member, against the epoch or the regularisation strength.

    Args:
        curves: with the column `validation` and `epoch` or `smoothness`; (kJ/mol/nm)². With several
            ridges, the best at each smoothness is drawn.
        floors: state point: irreducible loss, (kcal/mol/Å)².
        where: the experiment, for the alternative text.
    """
    column = "epoch" if "epoch" in curves[0] else "smoothness"
    if column == "smoothness":
        curves = [c.groupby(column, as_index=False)["validation"].min() for c in curves]
    levels = floor_lines(floors)
    panel = Panel(_across(curves, column), vertical(curves, levels), frame=FRAME)
    for number, curve in enumerate(curves):
        colour = style.SHADES[number % len(style.SHADES)]
        thin = curve.iloc[:: max(1, len(curve) // POINTS)]
        x = thin[column].to_numpy(dtype=float)
        if "training" in thin:
            panel.line(x, thin["training"].to_numpy() / UNIT, colour, dash="1.5 3")
        panel.line(x, thin["validation"].to_numpy() / UNIT, colour)
        if column == "smoothness":
            for point, loss in zip(x, thin["validation"] / UNIT, strict=True):
                panel.mark(point, loss, "circle", colour)
    for text, value in levels:
        panel.level(value, text)
    best = [float(curve["validation"].min()) / UNIT for curve in curves]
    alt = (
        f"Training curves of {where}: {len(curves)} member{'s' * (len(curves) > 1)}; lowest "
        f"validation loss {min(best):.4g} (kcal/mol/Å)²"
    )
    if levels:
        alt += f", irreducible part {levels[-1][1]:.4g}"
    return svg_figure(drawing([panel]), alt)


def floor_lines(floors: dict[str, float]) -> list[tuple[str, float]]:
    """Texts and heights of the floors; the last is what the curves are to be compared with."""
    lines = [(f"irreducible, {name}", value) for name, value in floors.items()]
    if len(floors) > 1:
        # A curve is over all state points, which have equally many frames.
        lines.append(("irreducible, mean", sum(floors.values()) / len(floors)))
    return lines


def vertical(curves: list[pd.DataFrame], levels: list[tuple[str, float]]) -> Axis:
    """Axis of the loss: it contains floors and curves except the steep beginning of a training."""
    tops = [value for _, value in levels]
    lows = list(tops)
    for curve in curves:
        start = len(curve) // STEEP if "training" in curve else 0
        for name in {"training", "validation"} & set(curve):
            tops.append(float(curve[name].iloc[start:].max()) / UNIT)
            lows.append(float(curve[name].min()) / UNIT)
    margin = 0.06 * (max(tops) - min(lows)) or 0.5
    return Axis("loss / (kcal/mol/Å)²", min(lows) - margin, max(tops) + margin)


def _across(curves: list[pd.DataFrame], column: str) -> Axis:
    values = np.concatenate([curve[column].to_numpy(dtype=float) for curve in curves])
    if column == "epoch":
        return axis_of("epoch", values, "", at_zero=True)
    positive = values[values > 0]
    return Axis("strength of the smoothness penalty", positive.min() / 2, positive.max() * 2, True)
