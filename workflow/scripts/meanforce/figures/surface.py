"""Figures of a free-energy surface: reference, model and their difference, side by side."""

import numpy as np
import pandas as pd

from meanforce.figures import colours, style
from meanforce.figures.axes import Axis, axis_of
from meanforce.figures.chart import Frame, Panel, drawing
from meanforce.figures.figure import Figure, svg_figure

FRAME = Frame(width=320, height=272, left=46, right=46, top=26, bottom=42)

DIFFERENCE_TOP = 2.0
"""Largest difference that colours distinguish, kcal/mol; the same in all surfaces of a report."""


def variables_of(table: pd.DataFrame) -> list[str]:
    """The collective variables of a surface."""
    return list(table.columns[: table.columns.get_loc("reference")])


def figures(table: pd.DataFrame, units: list[str], cutoff: float, where: str) -> list[Figure]:
    """Three figures; reference and model share their colours. One figure without a reference.

    Args:
        table: two columns of collective variables at the centres of bins, then `reference`,
            `model` and `difference`, kcal/mol, NaN in empty bins; one row per bin of a full grid.
        units: of the two variables.
        cutoff: the difference has a mean of zero over bins in which the reference is below this,
            kcal/mol. Colours of the surfaces end at twice the cutoff.
        where: experiment and state point, for the alternative texts.
    """
    names = variables_of(table)
    x, y = (_axis(name, table[name], unit) for name, unit in zip(names, units, strict=True))
    grids = {
        column: table.pivot(index=names[0], columns=names[1], values=column).to_numpy()
        for column in ("reference", "model", "difference")
    }
    difference = grids.pop("difference")
    if not np.isfinite(grids["reference"]).any():
        del grids["reference"]
    top = 2.0 * cutoff
    variables = " and ".join(style.shown(name) for name in names)
    made = []
    for name, values in grids.items():
        alt = (
            f"Free-energy surface of the {name} in {variables}, {where}: 0 to {top:.3g} kcal/mol; "
            f"{_lowest(values, table, names)}"
        )
        made.append(_figure(values, name, x, y, style.SURFACE, (0.0, top), alt))
    if "reference" not in grids:
        return made
    alt = f"Model minus reference in {variables}, {where}"
    some = difference[np.isfinite(difference) & (grids["reference"] < cutoff)]
    if len(some):
        alt += (
            f": root mean square {np.sqrt(np.mean(some**2)):.2f} kcal/mol where the reference is "
            f"below {cutoff:.3g} kcal/mol, from {some.min():.2f} to {some.max():.2f}"
        )
    span = (-DIFFERENCE_TOP, DIFFERENCE_TOP)
    made.append(_figure(difference, "model − reference", x, y, style.DIFFERENCE, span, alt))
    return made


def _figure(
    values: np.ndarray, title: str, x: Axis, y: Axis, colour_map: str, span: tuple, alt: str
) -> Figure:
    panel = Panel(x, y, f"{title} / kcal/mol", FRAME)
    panel.image(colours.pixels(values, colour_map, *span))
    panel.colour_bar(colours.bar(colour_map), Axis("", *span))
    return svg_figure(drawing([panel]), alt)


def _axis(name: str, centres: pd.Series, unit: str) -> Axis:
    """Axis from the first bin's lower to the last bin's upper edge."""
    values = np.unique(centres)
    half = 0.5 * (values[1] - values[0])
    return axis_of(style.shown(name), np.array([values[0] - half, values[-1] + half]), unit)


def _lowest(values: np.ndarray, table: pd.DataFrame, names: list[str]) -> str:
    if not np.isfinite(values).any():
        return "no bin was visited"
    at = np.unravel_index(np.nanargmin(values), values.shape)
    place = (np.unique(table[name])[index] for name, index in zip(names, at, strict=True))
    return "lowest at " + ", ".join(
        f"{style.shown(name)} = {value:.2f}" for name, value in zip(names, place, strict=True)
    )
