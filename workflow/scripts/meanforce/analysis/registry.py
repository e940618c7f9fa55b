"""Metrics: each module gives rows for a comparison, or none where it does not apply."""

from meanforce.analysis import (
    basins,
    calibration,
    convergence,
    divergence,
    effective_frames,
    exact_pmf,
    force_error,
    structure,
)
from meanforce.analysis.comparison import Comparison
from meanforce.analysis.rows import Row

METRICS = (
    divergence.rows,
    basins.rows,
    exact_pmf.rows,
    structure.rows,
    force_error.rows,
    calibration.rows,
    convergence.rows,
    effective_frames.rows,
)


def all_rows(comparison: Comparison) -> list[Row]:
    """Rows of every metric."""
    return [row for metric in METRICS for row in metric(comparison)]
