"""Figure: training curves of an experiment, with the irreducible part of the loss drawn in."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from meanforce.figures import style
from meanforce.units import KCAL

UNIT = (KCAL * 10.0) ** 2
"""(kJ/mol/nm)² in one (kcal/mol/Å)²."""

SHADES = ("#0072B2", "#56B4E9", "#009E73", "#CC79A7", "#E69F00")

STEEP = 10
"""The first one in so many epochs may leave the figure: what matters is close to the floor."""


def draw(curves: list[pd.DataFrame], floors: dict[str, float], path: Path) -> None:
    """Validation loss of each member, against the epoch or the regularisation strength.

    Args:
        curves: with the column `validation` and `epoch` or `smoothness`; (kJ/mol/nm)². Of
            several ridges, the best at each smoothness is drawn.
        floors: state point: irreducible loss, (kcal/mol/Å)².
        path: SVG file to write.
    """
    figure, panel = plt.subplots(figsize=(4.8, 2.8), layout="constrained")
    plot(panel, curves, floors)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def plot(panel: Axes, curves: list[pd.DataFrame], floors: dict[str, float]) -> None:
    """Draw curves and floors as `draw` does."""
    tops = []
    for number, curve in enumerate(curves):
        colour = SHADES[number % len(SHADES)]
        column = "epoch" if "epoch" in curve else "smoothness"
        if column == "smoothness":
            curve = curve.groupby(column, as_index=False)["validation"].min()
        panel.plot(
            curve[column],
            curve["validation"] / UNIT,
            color=colour,
            marker="o" if column == "smoothness" else None,
            label=f"member {number}, validation",
        )
        if "training" in curve:
            panel.plot(
                curve[column],
                curve["training"] / UNIT,
                color=colour,
                ls=":",
                label=f"member {number}, training",
            )
            tops.append(curve["validation"].iloc[len(curve) // STEEP :].max() / UNIT)
    if tops:
        panel.set_ylim(top=1.02 * max([*tops, *floors.values()]))
    for name, value in floors.items():
        _floor(panel, f"irreducible, {name}", value, lw=0.5)
    if len(floors) > 1:
        # What a curve over all state points is to be compared with; they have equally many frames.
        _floor(panel, "irreducible, mean", sum(floors.values()) / len(floors), lw=1.2)
    if "smoothness" in curves[0]:
        panel.set_xscale("log")
        panel.set_xlabel("strength of the smoothness penalty")
    else:
        panel.set_xlabel("epoch")
    panel.set_ylabel("squared force error\n/ (kcal/mol/Å)²")
    panel.legend(frameon=False, fontsize=7)


def _floor(panel: Axes, label: str, value: float, lw: float) -> None:
    panel.axhline(value, color=style.REFERENCE, lw=lw, ls="--")
    panel.annotate(
        label, (0.98, value), xycoords=("axes fraction", "data"), ha="right", va="bottom",
        fontsize=7,
    )  # fmt: skip
