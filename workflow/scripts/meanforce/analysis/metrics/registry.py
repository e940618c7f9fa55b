"""Metrics: each module gives rows for a comparison, or none where it does not apply.

To add a metric, write a module with a function `rows` (and `curves`, if it draws any), and list it
here. Its random numbers come from `Comparison.stream` under the names of its own quantities, so
that the rows of all others stay the same to the bit.
"""

import contextlib
from collections.abc import Callable

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.curves import Curve
from meanforce.analysis.metrics import (
    basins,
    bonded,
    calibration,
    chain_dimensions,
    compressibility,
    convergence,
    density,
    displacement,
    divergence,
    effective_frames,
    exact_pmf,
    force_error,
    impropers,
    nematic,
    populations,
    pressure,
    profiles,
    rdf,
    slow_modes,
    structure,
    time_scales,
    torsions,
)
from meanforce.analysis.rows import Row
from meanforce.errors import InputError

METRICS: tuple[Callable[[Comparison], list[Row]], ...] = (
    divergence.rows,
    profiles.rows,
    basins.rows,
    populations.rows,
    exact_pmf.rows,
    structure.rows,
    chain_dimensions.rows,
    rdf.rows,
    time_scales.rows,
    displacement.rows,
    force_error.rows,
    calibration.rows,
    convergence.rows,
    effective_frames.rows,
    torsions.rows,
    impropers.rows,
    slow_modes.rows,
    bonded.rows,
    pressure.rows,
    density.rows,
    compressibility.rows,
    nematic.rows,
)

CURVES: tuple[Callable[[Comparison], list[Curve]], ...] = (
    profiles.curves,
    rdf.curves,
    displacement.curves,
    torsions.curves,
    slow_modes.curves,
    bonded.curves,
)


def all_rows(
    comparison: Comparison,
    step: Callable[[str], contextlib.AbstractContextManager] = contextlib.nullcontext,
) -> list[Row]:
    """Rows of every metric, in the order of `METRICS`.

    Args:
        comparison: what is judged.
        step: gives the context in which a metric is computed, from the metric's name.

    Raises:
        InputError: two rows have the same name; tables and figures would show one of them.
    """
    result: list[Row] = []
    makers: dict[str, str] = {}
    for metric in METRICS:
        maker = metric.__module__.rpartition(".")[2].replace("_", " ")
        with step(maker):
            rows = metric(comparison)
        for row in rows:
            if row.metric in makers:
                raise InputError(
                    f"metrics '{makers[row.metric]}' and '{maker}': both give a row "
                    f"'{row.metric}'; allowed are different names: choose another for the "
                    "collective variable, basin or difference that it is named after"
                )
            makers[row.metric] = maker
        result += rows
    return result


def all_curves(comparison: Comparison) -> list[Curve]:
    """Everything that is a function of one quantity."""
    return [curve for curves in CURVES for curve in curves(comparison)]
