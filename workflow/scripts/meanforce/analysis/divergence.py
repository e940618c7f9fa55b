"""Metrics `js_<variables>` and `fes_rmse`: distance of the free-energy surfaces."""

import numpy as np

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.rows import Row
from meanforce.analysis.surfaces import (
    effective_number,
    free_energy_rmse,
    jensen_shannon,
    noise_floor,
)
from meanforce.units import KCAL


def rows(comparison: Comparison) -> list[Row]:
    """JS divergence (natural logarithm) and free-energy RMSE of the whole surface."""
    model = comparison.model_blocks.sum(axis=0)
    reference = comparison.reference_blocks.sum(axis=0)
    thermal, cutoff = comparison.thermal, comparison.validation.cutoff / KCAL
    n_model = effective_number(comparison.model_blocks)
    n_reference = effective_number(comparison.reference_blocks)

    def surface_rmse(p: np.ndarray, q: np.ndarray) -> float:
        return free_energy_rmse(p, q, thermal, cutoff)

    result = []
    metrics = {
        "js_" + "_".join(comparison.validation.surface): (jensen_shannon, ""),
        "fes_rmse": (surface_rmse, "kcal/mol"),
    }
    for name, (metric, unit) in metrics.items():
        drawn = [
            metric(a, b)
            for a, b in zip(comparison.model_draws, comparison.reference_draws, strict=True)
        ]
        floor = noise_floor(metric, reference, n_model, n_reference, comparison.rng)
        result.append(
            Row(name, metric(model, reference), float(np.nanstd(drawn, ddof=1)), floor, unit)
        )
    return result
