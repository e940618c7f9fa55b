"""Figures of one-dimensional profiles: model and reference with bands of one standard error."""

import numpy as np
import pandas as pd

from meanforce.figures import style
from meanforce.figures.axes import Axis, axis_of
from meanforce.figures.chart import Frame, Panel, drawing
from meanforce.figures.figure import Figure, svg_figure
from meanforce.figures.labels import ACROSS, LABELS

UPPER = Frame(height=190, bottom=10)
LOWER = Frame(height=104, top=8, bottom=42)
ALONE = Frame(height=222)
"""Size of the panel of a model without a reference."""

ENERGY_TOP = 8.0
"""Free energies above this leave a figure (kcal/mol): they are never sampled in equilibrium."""


def figures(table: pd.DataFrame, where: str) -> list[Figure]:
    """A figure of each quantity, with the difference below it.

    Args:
        table: columns `quantity, kind, unit (of x), x, reference, reference_stderr, model,
            model_stderr`; free energies in kcal/mol except for the kinds of `LABELS`; NaN where
            there is no value, and everywhere for the reference where there is none.
        where: experiment and state point, for the alternative texts.
    """
    return [
        _figure(part.sort_values("x"), quantity, kind, where)
        for (kind, quantity), part in table.groupby(["kind", "quantity"], sort=False)
    ]


def _figure(part: pd.DataFrame, quantity: str, kind: str, where: str) -> Figure:
    label, unit = LABELS.get(kind, ("free energy", "kcal/mol"))
    energies = kind not in LABELS
    x, reference, reference_error, model, model_error = (
        part[name].to_numpy(dtype=float)
        for name in ("x", "reference", "reference_stderr", "model", "model_stderr")
    )
    x_unit = part["unit"].iloc[0]
    x_unit = x_unit if isinstance(x_unit, str) else ""
    seen = np.isfinite(reference) | np.isfinite(model)
    across = axis_of(ACROSS.get(kind, style.shown(quantity)), x[seen] if seen.any() else x, x_unit)
    values = np.concatenate([reference, model])
    values = values[np.isfinite(values)]
    up = axis_of(label, np.minimum(values, ENERGY_TOP) if energies else values, unit, at_zero=True)
    alone = not np.isfinite(reference).any() and np.isfinite(model).any()
    title = style.shown(quantity)
    upper = Panel(across, up, title, ALONE) if alone else Panel(_unnamed(across), up, title, UPPER)
    for y, error, colour in (
        (reference, reference_error, style.REFERENCE), (model, model_error, style.MODEL),
    ):  # fmt: skip
        if np.isfinite(y).any():
            upper.band(x, y - error, y + error, colour)
            upper.line(x, y, colour)
    alt = f"Profile of {label} along {title}, {where}"
    if alone:
        return svg_figure(drawing([upper]), f"{alt}: of the model alone; there is no reference")
    shared = np.isfinite(reference) & np.isfinite(model)
    if energies:
        shared &= reference < ENERGY_TOP
    difference = np.where(shared, model - reference, np.nan)
    error = np.hypot(np.nan_to_num(reference_error), np.nan_to_num(model_error))
    lower = Panel(across, _around_zero(difference, error), "", LOWER)
    lower.level(0.0)
    lower.band(x, difference - error, difference + error, style.MODEL)
    lower.line(x, difference, style.MODEL)
    return svg_figure(drawing([upper, lower]), f"{alt}: {_words(x, difference, unit, x_unit)}")


def _unnamed(axis: Axis) -> Axis:
    """The axis without ticks: the panel below has them."""
    return Axis("", axis.low, axis.high, named=((axis.low, ""),))


def _around_zero(difference: np.ndarray, error: np.ndarray) -> Axis:
    some = np.isfinite(difference)
    size, noise = np.abs(difference[some]), error[some]
    # Rims of rare bins have large errors; they may leave the panel, but resolved differences not.
    top = np.quantile(size + noise, 0.95) if some.any() else 1.0
    top = max(top, *size[size > 3 * noise], 0.0)
    top = max(1.15 * float(top), 1e-6)
    step = float(f"{0.7 * top:.0e}")
    ticks = tuple((value, f"{value:g}".replace("-", "−")) for value in (-step, 0.0, step))
    return Axis("Δ", -top, top, named=ticks)


def _words(x: np.ndarray, difference: np.ndarray, unit: str, x_unit: str) -> str:
    some = np.isfinite(difference)
    if not some.any():
        return "model and reference share no bin"
    largest = int(np.nanargmax(np.abs(difference)))
    rms, most = np.sqrt(np.mean(difference[some] ** 2)), abs(difference[largest])
    return (
        f"model and reference differ by {f'{rms:.2g} {unit}'.strip()} (root mean square), at most "
        f"by {f'{most:.2g} {unit}'.strip()} at {f'{x[largest]:.3g} {x_unit}'.strip()}"
    )
