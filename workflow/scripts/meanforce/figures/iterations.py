"""Figure: progress of a fit that iterates: distances to the targets, pressure and step size."""

import math

import numpy as np
import pandas as pd

from meanforce.figures import style
from meanforce.figures.axes import Axis, axis_of
from meanforce.figures.chart import Frame, Panel, drawing
from meanforce.figures.figure import Figure, svg_figure

DISTANCE, FLOOR = "distance_", "floor_"

CAPTION = (
    "Root mean square of Δg of each term after each CG run; dashed: its noise floor, which a "
    "perfect model would score. Below: pressure, where there is one, and size of the steps. One "
    "line per ensemble member."
)

FRAME = Frame(width=380, height=270, left=66, top=12)
LOW = Frame(width=380, height=130, left=66, top=12)

LISTED, LINE = 7, 13
"""Most names of terms, which stand above their lines, and the height of each in pixels."""

TICKS = 8
"""Most numbers along the iterations."""


def is_of(curves: list[pd.DataFrame]) -> bool:
    """Whether these tables are of a fit that iterates."""
    return bool(curves) and any(name.startswith(DISTANCE) for name in curves[0])


def figure(curves: list[pd.DataFrame], where: str) -> Figure:
    """Progress of all members.

    Args:
        curves: of each member, with the columns `iteration`, `step`, and `distance_…` and
            `floor_…` of each term; with a pressure, `pressure…`, bar. Iterations whose CG run broke
            have no distances.
        where: the experiment, for the alternative text.
    """
    names = [name.removeprefix(DISTANCE) for name in curves[0] if name.startswith(DISTANCE)]
    last = max(float(curve["iteration"].max()) for curve in curves)
    every = math.ceil(last / TICKS)
    numbers = range(every, int(last) + 1, every)
    x = Axis("iteration", 0.5, last + 0.5, named=tuple((float(n), str(n)) for n in numbers))
    panels = [_distances(curves, names, x)]
    pressures = [n for n in curves[0] if n.startswith("pressure") and "stderr" not in n]
    if pressures:
        upward = axis_of("pressure", _all(curves, pressures), "bar")
        panels.append(_lines(curves, pressures, x, upward))
    steps = _all(curves, ["step"])
    panels.append(_lines(curves, ["step"], x, Axis("step", 0.0, 1.15 * float(steps.max()))))
    ends = ", ".join(
        f"{name} {_best(curves, DISTANCE + name):.2g} with a floor of "
        f"{_best(curves, FLOOR + name):.2g}"
        for name in names[:LISTED]
    )
    count = len(curves)
    alt = (
        f"Progress of the fit of {where}: {count} member{'s' * (count > 1)}, up to {last:.0f} "
        f"iterations; smallest distances: {ends}"
    )
    return svg_figure(drawing(panels), alt)


def _distances(curves: list[pd.DataFrame], names: list[str], x: Axis) -> Panel:
    values = _all(curves, [part + name for part in (DISTANCE, FLOOR) for name in names])
    values = values[np.isfinite(values) & (values > 0)]
    low, high = (values.min(), values.max()) if len(values) else (0.1, 1.0)
    low, high = 0.7 * low, 1.4 * high
    # Names have the upper part for themselves.
    free = min(len(names), LISTED) * LINE / FRAME.up
    high = low * (high / low) ** (1 / (1 - free))
    panel = Panel(x, Axis("distance of g", low, high, log=True), frame=FRAME)
    for number, name in enumerate(names):
        colour = style.SHADES[number % len(style.SHADES)]
        for curve in curves:
            at = curve["iteration"].to_numpy(dtype=float)
            panel.line(at, curve[FLOOR + name].to_numpy(), colour, width=1.0, dash="5 3")
            _marked(panel, at, curve[DISTANCE + name].to_numpy(), colour)
        if number < LISTED:
            panel.note(name.replace("_", " "), colour, number)
    return panel


def _lines(curves: list[pd.DataFrame], names: list[str], x: Axis, y: Axis) -> Panel:
    panel = Panel(x, y, frame=LOW)
    for number, name in enumerate(names):
        for curve in curves:
            at = curve["iteration"].to_numpy(dtype=float)
            colour = style.SHADES[number % len(style.SHADES)]
            _marked(panel, at, curve[name].to_numpy(dtype=float), colour)
    return panel


def _marked(panel: Panel, x: np.ndarray, y: np.ndarray, colour: str) -> None:
    """A line; a single point, which has no line, is a mark."""
    panel.line(x, y, colour)
    there = np.flatnonzero(np.isfinite(y))
    if len(there) == 1:
        panel.mark(float(x[there[0]]), float(y[there[0]]), "circle", colour)


def _all(curves: list[pd.DataFrame], names: list[str]) -> np.ndarray:
    return np.concatenate([curve[name].to_numpy(dtype=float) for curve in curves for name in names])


def _best(curves: list[pd.DataFrame], name: str) -> float:
    return float(np.nanmin(_all(curves, [name])))
