"""Metrics `js_<variables>` and `fes_rmse`: distance of the free-energy surfaces."""

import numpy as np

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.rows import Row
from meanforce.analysis.surfaces import (
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

    def surface_rmse(p: np.ndarray, q: np.ndarray) -> float:
        return free_energy_rmse(p, q, thermal, cutoff)

    result = []
    metrics = {
        # Divergences of independent noise add up, and so do squared differences.
        "js_" + "_".join(comparison.validation.surface): (jensen_shannon, 1.0, ""),
        "fes_rmse": (surface_rmse, 2.0, "kcal/mol"),
    }
    for name, (metric, power, unit) in metrics.items():
        drawn = [
            metric(a, b)
            for a, b in zip(comparison.model_draws, comparison.reference_draws, strict=True)
        ]
        parts = [
            noise_floor(metric, blocks, draws, power)
            for blocks, draws in (
                (comparison.model_blocks, comparison.model_draws),
                (comparison.reference_blocks, comparison.reference_draws),
            )
        ]
        floor = sum(parts) ** (1.0 / power)
        result.append(
            Row(name, metric(model, reference), float(np.nanstd(drawn, ddof=1)), floor, unit)
        )
    return result
