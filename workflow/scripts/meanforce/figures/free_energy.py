"""Figure `free_energy.png`: surfaces and profiles of model and reference."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.metrics.exact_pmf import profiles
from meanforce.figures import style
from meanforce.statistics.free_energies import free_energy
from meanforce.units import KCAL, kt


def draw(comparison: Comparison, path: Path, title: str) -> None:
    """Two variables: surfaces side by side, then profiles. One variable: its profile."""
    if len(comparison.axes.names) == 2:
        figure, panels = plt.subplots(1, 5, figsize=(16.5, 3.0), layout="constrained")
        _surfaces(comparison, panels[:3])
        for axis in (0, 1):
            _profile(comparison, panels[3 + axis], axis)
        panels[3].legend(frameon=False)
    else:
        figure, panels = plt.subplots(1, 2, figsize=(8.5, 3.0), layout="constrained")
        if comparison.exact_pmf is not None:
            _exact(comparison, panels)
        else:
            _profile(comparison, panels[0], 0)
            panels[1].remove()
        panels[0].legend(frameon=False)
    figure.suptitle(title, fontsize=10)
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)


def _label(comparison: Comparison, axis: int) -> str:
    name = comparison.axes.names[axis]
    return style.label(name, comparison.variables[name].unit)


def _surfaces(comparison: Comparison, panels) -> None:
    model = free_energy(comparison.model_blocks.sum(axis=0), comparison.kT)
    reference = free_energy(comparison.reference_blocks.sum(axis=0), comparison.kT)
    edges = comparison.axes.edges
    both = np.isfinite(model) & np.isfinite(reference)
    cutoff = comparison.validation.cutoff / KCAL
    low = both & (reference < cutoff)
    difference = np.subtract(model, reference, where=both, out=np.full_like(model, np.nan))
    difference = difference - np.nanmean(difference[low])
    top = 2.0 * cutoff
    for panel, values, name in zip(
        panels, (reference, model, difference), ("reference", "model", "model − reference"),
        strict=True,
    ):  # fmt: skip
        shown = np.where(np.isfinite(values), values, np.nan).T
        if name.startswith("model −"):
            mesh = panel.pcolormesh(*edges, shown, cmap=style.DIFFERENCE, vmin=-2, vmax=2)
        else:
            mesh = panel.pcolormesh(*edges, shown, cmap=style.SURFACE, vmin=0, vmax=top)
        panel.set(
            title=name,
            xlabel=_label(comparison, 0),
            ylabel=_label(comparison, 1),
            aspect="equal" if all(comparison.axes.periodic) else "auto",
        )
        panel.figure.colorbar(mesh, ax=panel, label="kcal/mol", shrink=0.9)


def _profile(comparison: Comparison, panel, axis: int) -> None:
    others = tuple(1 + i for i in range(len(comparison.axes.names)) if i != axis)
    centers = comparison.axes.centers[axis]
    for blocks, draws, colour, name in (
        (comparison.reference_blocks, comparison.reference_draws, style.REFERENCE, "reference"),
        (comparison.model_blocks, comparison.model_draws, style.MODEL, "model"),
    ):
        mean = blocks.sum(axis=others).sum(axis=0)
        curve = free_energy(mean, comparison.kT)
        with np.errstate(divide="ignore"):
            drawn = -comparison.kT * np.log(draws.sum(axis=others) if others else draws)
        # Bins that some draws leave empty have no error bar.
        error = np.where(np.isfinite(drawn).all(axis=0), drawn, np.nan).std(axis=0)
        shown = np.where(np.isfinite(curve), curve, np.nan)
        panel.plot(centers, shown, color=colour, label=name, lw=1.4)
        panel.fill_between(centers, shown - error, shown + error, color=colour, alpha=0.25, lw=0)
    panel.set(
        xlabel=_label(comparison, axis),
        ylabel="free energy / kcal/mol",
    )


def _exact(comparison: Comparison, panels) -> None:
    x, exact, curves = profiles(comparison)
    cutoff = comparison.validation.cutoff / kt(comparison.temperature)
    some = exact < cutoff
    mean = curves.mean(axis=0)
    mean, exact = mean - mean[some].min(), exact - exact.min()
    error = comparison.member_spread(curves)
    label = _label(comparison, 0)
    panels[0].plot(x[some], exact[some], color=style.REFERENCE, lw=1.4, label="exact")
    panels[0].plot(x[some], mean[some], color=style.MODEL, lw=1.4, label="model")
    band = (mean - error)[some], (mean + error)[some]
    panels[0].fill_between(x[some], *band, color=style.MODEL, alpha=0.25, lw=0)
    panels[0].set(xlabel=label, ylabel="PMF / kT")
    difference = mean - exact
    panels[1].axhline(0, color=style.REFERENCE, lw=0.8)
    panels[1].plot(x[some], difference[some], color=style.MODEL, lw=1.4)
    panels[1].fill_between(
        x[some],
        (difference - error)[some],
        (difference + error)[some],
        color=style.MODEL,
        alpha=0.25,
        lw=0,
    )
    panels[1].set(xlabel=label, ylabel="model − exact / kT")
