"""Figure: the errors of all experiments of a system side by side, with their noise floors."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from meanforce.figures import style

MARKERS = {"train": "o", "held-out": "D"}
ERRORS = ("js_", "fes_rmse", "pmf_rmse", "wasserstein_dihedral")
"""Metrics that are distances; of those with a reference, the row ending in `_error` is shown."""


def shown_metrics(table: pd.DataFrame) -> list[str]:
    """Metrics of a system that the figure shows, in the table's order."""
    names = list(dict.fromkeys(table["metric"]))
    return [name for name in names if name.startswith(ERRORS) or name.endswith("_error")]


def draw(table: pd.DataFrame, path: Path) -> None:
    """One panel a metric, one line an experiment, one mark a state point.

    Args:
        table: rows of the summary that belong to one system.
        path: SVG file to write.
    """
    metrics = shown_metrics(table)
    experiments = list(dict.fromkeys(table["experiment"]))
    columns = min(4, len(metrics))
    rows = -(-len(metrics) // columns)
    figure, panels = plt.subplots(
        rows,
        columns,
        figsize=(3.0 * columns + 2.2, rows * (0.42 * len(experiments) + 1.1)),
        layout="constrained",
        sharey=True,
        squeeze=False,
    )
    for panel, metric in zip(panels.flat, metrics, strict=False):
        part = table[table["metric"] == metric]
        for number, experiment in enumerate(experiments):
            _line(panel, part[part["experiment"] == experiment], number)
        unit = part["unit"].dropna()
        unit = f" / {unit.iloc[0]}" if len(unit) and unit.iloc[0] else ""
        name = f"|{metric}|" if metric.endswith("_error") else metric
        panel.set_title(f"{name}{unit}", fontsize=8)
        panel.set_xlim(left=0)
        panel.set_yticks(range(len(experiments)), experiments, fontsize=7)
        panel.set_ylim(len(experiments) - 0.5, -0.5)
        panel.locator_params(axis="x", nbins=4)
        panel.grid(axis="x", lw=0.3)
    for panel in panels.flat[len(metrics) :]:
        panel.remove()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _line(panel, part: pd.DataFrame, number: int) -> None:
    part = part.sort_values("state_point")
    offsets = np.linspace(-0.25, 0.25, len(part)) if len(part) > 1 else [0.0]
    for offset, (_, row) in zip(offsets, part.iterrows(), strict=True):
        colour = style.MODEL if row["role"] == "held-out" else "#0072B2"
        panel.errorbar(
            abs(row["value"]),
            number + offset,
            xerr=row["stderr"] if np.isfinite(row["stderr"]) else None,
            fmt=MARKERS[row["role"]],
            color=colour,
            ms=4,
            lw=1,
        )
        if np.isfinite(row["noise_floor"]):
            panel.plot(
                [row["noise_floor"]] * 2,
                [number + offset - 0.1, number + offset + 0.1],
                color=style.REFERENCE,
                lw=1.5,
            )
