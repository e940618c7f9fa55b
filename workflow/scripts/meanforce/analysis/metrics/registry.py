"""Metrics: each module gives rows for a comparison, or none where it does not apply."""

import contextlib
from collections.abc import Callable

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.curves import Curve
from meanforce.analysis.metrics import (
    basins,
    calibration,
    chain_dimensions,
    convergence,
    displacement,
    divergence,
    effective_frames,
    exact_pmf,
    force_error,
    impropers,
    populations,
    profiles,
    rdf,
    slow_modes,
    structure,
    time_scales,
    torsions,
)
from meanforce.analysis.rows import Row

METRICS = (
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
)

CURVES = (
    profiles.curves,
    rdf.curves,
    displacement.curves,
    torsions.curves,
    slow_modes.curves,
)


def all_rows(
    comparison: Comparison,
    step: Callable[[str], contextlib.AbstractContextManager] = contextlib.nullcontext,
) -> list[Row]:
    """Rows of every metric, each with random numbers of its own: a new one changes no other.

    Args:
        comparison: what is judged.
        step: gives the context in which a metric is computed, from the metric's name.
    """
    result = []
    for metric, stream in zip(METRICS, comparison.rng.spawn(len(METRICS)), strict=True):
        comparison.rng = stream
        with step(metric.__module__.rpartition(".")[2].replace("_", " ")):
            result += metric(comparison)
    return result


def all_curves(comparison: Comparison) -> list[Curve]:
    """Everything that is a function of one quantity."""
    return [curve for curves in CURVES for curve in curves(comparison)]
