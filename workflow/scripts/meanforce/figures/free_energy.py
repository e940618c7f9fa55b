"""Figure `free_energy.png`: surfaces and profiles of model and reference."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.curves import Curve
from meanforce.analysis.metrics import exact_pmf
from meanforce.figures import style
from meanforce.figures.labels import LABELS
from meanforce.statistics.free_energies import free_energy
from meanforce.units import KCAL, kt

DIFFERENCE = "model − reference"

MOST_CURVES = 5
"""Curves that are drawn where there is no surface."""


def draw(comparison: Comparison, curves: Sequence[Curve], path: Path, title: str) -> None:
    """Draw the figure.

    Two variables: surfaces side by side, then profiles. One variable: its profile. Without a
    surface: the first few of the curves.

    Args:
        comparison: of model and reference; without a reference the model is drawn alone.
        curves: everything that is a function of one quantity.
        path: PNG file to write.
        title: above the panels.
    """
    if comparison.surface is None:
        figure = _curves(curves[:MOST_CURVES])
    elif len(comparison.axes.names) == 2:
        figure = _two_variables(comparison)
    else:
        figure = _one_variable(comparison)
    figure.suptitle(title, fontsize=10)
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)


def _two_variables(comparison: Comparison) -> plt.Figure:
    shown = 1 if comparison.truth is None else 3
    width = 3.3 * (shown + 2)
    figure, panels = plt.subplots(1, shown + 2, figsize=(width, 3.0), layout="constrained")
    _surfaces(comparison, panels[:shown])
    for axis in (0, 1):
        _profile(comparison, panels[shown + axis], axis)
    panels[shown].legend(frameon=False)
    return figure


def _one_variable(comparison: Comparison) -> plt.Figure:
    figure, panels = plt.subplots(1, 2, figsize=(8.5, 3.0), layout="constrained")
    if comparison.exact is not None and comparison.exact.pmf is not None:
        _exact(comparison, panels)
    else:
        _profile(comparison, panels[0], 0)
        panels[1].remove()
    panels[0].legend(frameon=False)
    return figure


def _curves(curves: Sequence[Curve]) -> plt.Figure:
    number = max(1, len(curves))
    figure, panels = plt.subplots(
        1, number, figsize=(max(4.2, 3.3 * number), 3.0), layout="constrained", squeeze=False
    )
    if not curves:
        panels[0, 0].axis("off")
        panels[0, 0].text(0.5, 0.5, "no surface and no profiles", ha="center")
        return figure
    for panel, curve in zip(panels[0], curves, strict=True):
        for side, colour in (("reference", style.REFERENCE), ("model", style.MODEL)):
            values = getattr(curve, side)
            if np.isfinite(values).any():
                _line(panel, curve.x, values, getattr(curve, f"{side}_stderr"), (colour, side))
        name, unit = LABELS.get(curve.kind, ("free energy", "kcal/mol"))
        panel.set(xlabel=style.label(curve.quantity, curve.unit), ylabel=style.label(name, unit))
    panels[0, 0].legend(frameon=False)
    return figure


def _label(comparison: Comparison, axis: int) -> str:
    name = comparison.axes.names[axis]
    return style.label(name, comparison.variables[name].unit)


def _surfaces(comparison: Comparison, panels: Sequence[Axes]) -> None:
    cutoff = comparison.validation.cutoff / KCAL
    shown = {
        name: free_energy(blocks.sum(axis=0), comparison.kT)
        for name, blocks, _ in comparison.surface.sides()
    }
    if "reference" in shown:
        shown[DIFFERENCE] = _difference(shown["model"], shown["reference"], cutoff)
    for panel, (name, values) in zip(panels, shown.items(), strict=True):
        colours = {"cmap": style.SURFACE, "vmin": 0, "vmax": 2.0 * cutoff}
        if name == DIFFERENCE:
            colours = {"cmap": style.DIFFERENCE, "vmin": -2, "vmax": 2}
        finite = np.where(np.isfinite(values), values, np.nan).T
        mesh = panel.pcolormesh(*comparison.axes.edges, finite, **colours)
        panel.set(
            title=name,
            xlabel=_label(comparison, 0),
            ylabel=_label(comparison, 1),
            aspect="equal" if all(comparison.axes.periodic) else "auto",
        )
        panel.figure.colorbar(mesh, ax=panel, label="kcal/mol", shrink=0.9)


def _difference(model: np.ndarray, reference: np.ndarray, cutoff: float) -> np.ndarray:
    """Model minus reference, with mean 0 where the reference is below the cutoff."""
    both = np.isfinite(model) & np.isfinite(reference)
    difference = np.subtract(model, reference, where=both, out=np.full_like(model, np.nan))
    return difference - np.nanmean(difference[both & (reference < cutoff)])


def _profile(comparison: Comparison, panel: Axes, axis: int) -> None:
    others = tuple(1 + i for i in range(len(comparison.axes.names)) if i != axis)
    colours = {"reference": style.REFERENCE, "model": style.MODEL}
    for name, blocks, draws in comparison.surface.sides():
        curve = free_energy(blocks.sum(axis=others).sum(axis=0), comparison.kT)
        with np.errstate(divide="ignore"):
            drawn = -comparison.kT * np.log(draws.sum(axis=others) if others else draws)
        # Bins that some draws leave empty have no error bar.
        error = np.where(np.isfinite(drawn).all(axis=0), drawn, np.nan).std(axis=0)
        finite = np.where(np.isfinite(curve), curve, np.nan)
        _line(panel, comparison.axes.centers[axis], finite, error, (colours[name], name))
    panel.set(xlabel=_label(comparison, axis), ylabel="free energy / kcal/mol")


def _exact(comparison: Comparison, panels: Sequence[Axes]) -> None:
    x, exact, curves = exact_pmf.profiles(comparison)
    some = exact < comparison.validation.cutoff / kt(comparison.temperature)
    mean = curves.mean(axis=0)
    mean, exact = mean - mean[some].min(), exact - exact.min()
    error = comparison.member_spread(curves)[some]
    panels[0].plot(x[some], exact[some], color=style.REFERENCE, lw=1.4, label="exact")
    _line(panels[0], x[some], mean[some], error, (style.MODEL, "model"))
    panels[1].axhline(0, color=style.REFERENCE, lw=0.8)
    _line(panels[1], x[some], (mean - exact)[some], error, (style.MODEL, "model"))
    label = _label(comparison, 0)
    panels[0].set(xlabel=label, ylabel="PMF / kT")
    panels[1].set(xlabel=label, ylabel="model − exact / kT")


def _line(
    panel: Axes, x: np.ndarray, y: np.ndarray, error: np.ndarray, look: tuple[str, str]
) -> None:
    """A line with a band of one standard error; `look` is its colour and its name."""
    colour, name = look
    panel.plot(x, y, color=colour, label=name, lw=1.4)
    panel.fill_between(x, y - error, y + error, color=colour, alpha=0.25, lw=0)
