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

CAPTION = (
    "Solid: validation; dotted: training; dashed: the part that no model of these beads can "
    "remove. One colour per ensemble member."
)

DECAY = "weight_decay"
"""Column of the weight decay, where the training chose it."""

LOSSES = ("training", "validation")

FRAME = Frame(width=380, height=270, left=56, top=12)


def figure(curves: list[pd.DataFrame], floors: dict[str, float], where: str) -> Figure:
    """Losses of each member, against the epoch or the regularisation strength.

    Curves without these are drawn as they are: further columns against the first one.

    Args:
        curves: with the columns `training` or `validation`, (kJ/mol/nm)², and `epoch` or
            `smoothness`. With several ridges, the best at each smoothness is drawn.
        floors: state point: irreducible loss, (kcal/mol/Å)².
        where: the experiment, for the alternative text.
    """
    column, names = _columns(curves[0])
    judged = names[-1]
    if column == "smoothness":
        names = [judged]
        curves = [c.groupby(column, as_index=False)[judged].min() for c in curves]
    are_losses = judged in LOSSES
    unit, levels = (UNIT, floor_lines(floors)) if are_losses else (1.0, [])
    upward = vertical(curves, levels) if are_losses else _as_it_is(", ".join(names), curves, names)
    panel = Panel(_across(curves, column), upward, frame=FRAME)
    for number, curve in enumerate(curves):
        colour = style.SHADES[number % len(style.SHADES)]
        thin = curve.iloc[:: max(1, len(curve) // POINTS)]
        x = thin[column].to_numpy(dtype=float)
        for name in names:
            dash = "" if name == judged else "1.5 3"
            panel.line(x, thin[name].to_numpy() / unit, colour, dash=dash)
        if column == "smoothness":
            for point, loss in zip(x, thin[judged] / unit, strict=True):
                panel.mark(point, loss, "circle", colour)
    for text, value in levels:
        panel.level(value, text)
    best = [float(curve[judged].min()) / unit for curve in curves]
    what, of = (f"{judged} loss", " (kcal/mol/Å)²") if are_losses else (judged, "")
    alt = (
        f"Training curves of {where}: {len(curves)} member{'s' * (len(curves) > 1)}; lowest "
        f"{what} {min(best):.4g}{of}"
    )
    if levels:
        alt += f", irreducible part {levels[-1][1]:.4g}"
    return svg_figure(drawing([panel]), alt)


def caption(curves: list[pd.DataFrame]) -> str:
    """What the figure shows, and the weight decays that trainings chose."""
    chosen = [f"{curve[DECAY].iloc[0]:g}" for curve in curves if DECAY in curve]
    if not chosen:
        return CAPTION
    return f"{CAPTION} Weight decay, chosen on held-out time blocks: {', '.join(chosen)}."


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
        for name in set(LOSSES) & set(curve):
            tops.append(float(curve[name].iloc[start:].max()) / UNIT)
            lows.append(float(curve[name].min()) / UNIT)
    margin = 0.06 * (max(tops) - min(lows)) or 0.5
    return Axis("loss / (kcal/mol/Å)²", min(lows) - margin, max(tops) + margin)


def _columns(curve: pd.DataFrame) -> tuple[str, list[str]]:
    """The column that a curve is drawn along, and what is drawn; the last of these is judged."""
    known = list(curve.select_dtypes("number"))
    column = next((name for name in ("epoch", "smoothness") if name in known), known[0])
    losses = [name for name in LOSSES if name in known]
    return column, losses or [name for name in known if name != column] or [column]


def _as_it_is(label: str, curves: list[pd.DataFrame], names: list[str]) -> Axis:
    values = [curve[name].to_numpy(dtype=float) for curve in curves for name in names]
    return axis_of(label, np.concatenate(values), "")


def _across(curves: list[pd.DataFrame], column: str) -> Axis:
    values = np.concatenate([curve[column].to_numpy(dtype=float) for curve in curves])
    if column != "smoothness":
        return axis_of(column, values, "", at_zero=True)
    positive = values[values > 0]
    return Axis("strength of the smoothness penalty", positive.min() / 2, positive.max() * 2, True)
