"""Figure: learning curves, error against total atomistic time."""

import math
import textwrap
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator

from meanforce.analysis.kinds import Measure, Source
from meanforce.analysis.learning_curve import REWEIGHTING, against, headlines
from meanforce.analysis.savings import SMALLEST
from meanforce.figures import style
from meanforce.figures.numbers import at_error

COLOURS = ("#0072B2", style.MODEL, "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("s", "o", "D", "^", "v", "P")

WIDTH = 58
"""Letters in a line under a panel."""

COLUMNS = 4
"""Most panels in a row."""

STABLE = 0.95
"""Points whose CG runs kept a smaller fraction of their chains are drawn hollow."""


def draw(errors: pd.DataFrame, points: pd.DataFrame, savings: pd.DataFrame, path: Path) -> None:
    """Rows of panels per state point, a panel per metric, two lines per experiment.

    Solid lines are models; dashed ones, in the same colour, are the baseline.

    Args:
        errors: of each run, made by `run_errors`.
        points: means over seeds, made by `points`.
        savings: made by `savings_table`.
        path: PNG file to write.
    """
    states = list(dict.fromkeys(points["state_point"]))
    metrics = list(dict.fromkeys(points["metric"]))
    columns = min(COLUMNS, len(metrics))
    rows = -(-len(metrics) // columns)
    figure, panels = plt.subplots(
        rows * len(states), columns,
        figsize=(3.5 * columns, (3.0 + 0.14 * _lines(savings)) * rows * len(states) + 0.5),
        layout="constrained", squeeze=False,
    )  # fmt: skip
    for state, of_state in zip(states, np.split(panels, len(states)), strict=True):
        for panel in of_state.flat[len(metrics) :]:
            panel.set_axis_off()
        for panel, metric in zip(of_state.flat, metrics, strict=False):
            of_panel = [
                table[(table["state_point"] == state) & (table["metric"] == metric)]
                for table in (errors, points, savings)
            ]
            _panel(panel, *of_panel[:2])
            unit = of_panel[1]["unit"].iloc[0]
            signed = (of_panel[0]["measure"] == Measure.SIGNED_ERROR).any()
            name = f"|{metric}|" if signed else metric
            panel.set_title(
                fontsize=9, label=f"{name}{f' / {unit}' if isinstance(unit, str) and unit else ''}"
            )
            panel.text(
                0.0, -0.17, "\n".join(_claims(of_panel[2])), transform=panel.transAxes,
                fontsize=7, va="top", linespacing=1.25,
            )  # fmt: skip
        for first in of_state[:, 0]:
            first.set_ylabel(f"error at {state}")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    if (points["source"] == Source.BASELINE).any():
        handles.append(plt.Line2D([], [], ls="--", marker="o", ms=3, color="#555555"))
        labels.append(REWEIGHTING)
    if (points["stable"] < STABLE).any():
        handles.append(plt.Line2D([], [], ls="", marker="o", color="#555555", mfc="white"))
        labels.append(f"more than {1 - STABLE:.0%} of the CG chains broke")
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)


def _panel(panel: Axes, errors: pd.DataFrame, points: pd.DataFrame) -> None:
    panel.set_xscale("log")
    panel.set_yscale("log")
    panel.set_xlabel("atomistic time / ns")
    finite = errors.loc[np.isfinite(errors["error"]), "error"]
    top = 2.0 * finite.max() if len(finite) else 1.0
    for number, name in enumerate(dict.fromkeys(points["experiment"])):
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
        one, reweighted = (
            points[(points["experiment"] == name) & (points["source"] == source)].sort_values(
                "atomistic_time"
            )
            for source in (Source.MODEL, Source.BASELINE)
        )
        runs = errors[(errors["experiment"] == name) & (errors["source"] == Source.MODEL)]
        # Seeds beside the mean, not on it.
        shown = runs["error"].where(np.isfinite(runs["error"]), top).clip(lower=SMALLEST)
        panel.plot(
            runs["atomistic_time"] * (1.03 + 0.03 * number), shown, ls="", marker=marker, ms=2.5,
            color=colour, alpha=0.45,
        )  # fmt: skip
        _line(panel, one, colour, marker, top, label=name, ms=5)
        # Slightly shifted, so that error bars do not hide each other.
        aside = reweighted.assign(atomistic_time=reweighted["atomistic_time"] * 0.97)
        _line(panel, aside, colour, marker, top, ls="--", ms=3, mfc="white")
    floor = points.loc[points["source"] == Source.MODEL, "noise_floor"].mean()
    if math.isfinite(floor) and floor > 0:
        panel.axhline(floor, color=style.REFERENCE, lw=1, ls=":", label="noise floor")
    times = sorted(set(points["atomistic_time"]))
    panel.set_xticks(times, [f"{time:g}" for time in times])
    panel.xaxis.set_minor_locator(NullLocator())
    panel.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    panel.yaxis.set_major_formatter("{x:g}")
    panel.yaxis.set_minor_locator(NullLocator())


def _line(
    panel: Axes, one: pd.DataFrame, colour: str, marker: str, top: float, **look: Any
) -> None:
    """Mean and standard error; an infinite mean is drawn at the top, with an arrow."""
    mean, error = one["error"].to_numpy(), one["stderr"].to_numpy()
    infinite = ~np.isfinite(mean)
    # On a logarithmic axis a bar cannot reach zero.
    below = np.minimum(np.nan_to_num(error), 0.9 * mean)
    bars = np.where(infinite, 0.0, [below, np.nan_to_num(error)])
    place = np.clip(np.where(infinite, top, mean), SMALLEST, None)
    times = one["atomistic_time"].to_numpy()
    panel.errorbar(
        times, place, yerr=bars, color=colour, marker=marker, lw=1.4, capsize=2, **look
    )  # fmt: skip
    broken = (one["stable"] < STABLE).to_numpy()
    panel.plot(
        times[broken], place[broken], ls="", marker=marker, ms=5, color=colour, mfc="white",
        zorder=5,
    )  # fmt: skip
    panel.plot(times[infinite], 1.15 * place[infinite], ls="", marker="^", ms=4, color=colour)


def _lines(savings: pd.DataFrame) -> int:
    """Most lines of claims under a panel."""
    parts = (part for _, part in savings.groupby(["state_point", "metric"]))
    return max((len(_claims(part)) for part in parts), default=0)


def _claims(savings: pd.DataFrame) -> list[str]:
    """Lines of text under a panel: how much atomistic time models need, against what."""
    lines = headlines(savings).to_dict("records")
    found = []
    for other in dict.fromkeys(map(against, lines)):
        found.append(f"atomistic time, against {other.removesuffix(' of the same frames')}:")
        for one in lines:
            if against(one) == other:
                found += textwrap.wrap(
                    _text(one), WIDTH, initial_indent="  ", subsequent_indent="    "
                )
    return found


def _text(savings: dict) -> str:
    """How much less atomistic time an experiment needs than another one, in words."""
    name, factor, bound = savings["experiment"], savings["factor"], savings["bound"]
    if bound == "unknown":
        return f"{name}: no error above the floor in common"
    less, sign = "less", {"at least": "> ", "at most": "< ", "": ""}[bound]
    low, high = savings["low"], savings["high"]
    if factor < 1:
        less, sign = "more", sign.translate({ord(">"): "<", ord("<"): ">"})
        factor, low, high = 1 / factor, 1 / high, 1 / low if low > 0 else math.inf
    known = not bound and low > 0 and math.isfinite(high)
    ends = f" ({low:.2g} to {high:.2g})" if known else ""
    return f"{name}: {sign}{factor:.2g} times{ends} {less}{at_error(savings)}"
