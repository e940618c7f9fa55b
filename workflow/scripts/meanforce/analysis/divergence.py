"""Metrics `js_<variables>` and `fes_rmse`: distance of the free-energy surfaces."""

import numpy as np

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.rows import Row
from meanforce.analysis.sparse_floor import jensen_shannon_floor
from meanforce.analysis.surfaces import distance_row, free_energy_rmse, jensen_shannon
from meanforce.units import KCAL


def rows(comparison: Comparison) -> list[Row]:
    """JS divergence (natural logarithm) and free-energy RMSE of the whole surface."""
    reference = comparison.reference_blocks.sum(axis=0)
    thermal, cutoff = comparison.thermal, comparison.validation.cutoff / KCAL

    def surface_rmse(p: np.ndarray, q: np.ndarray) -> float:
        return free_energy_rmse(p, q, thermal, cutoff)

    def js_floor(units: np.ndarray) -> float:
        return jensen_shannon_floor(units, comparison.axes.periodic)

    metrics = {
        # Divergences of independent noise add up, and so do squared differences.
        "js_" + "_".join(comparison.validation.surface): (jensen_shannon, 1.0, js_floor, ""),
        "fes_rmse": (surface_rmse, 2.0, None, "kcal/mol"),
    }
    result = []
    members = comparison.member_surfaces()
    for name, (metric, power, floor_of, unit) in metrics.items():
        row = distance_row(
            metric,
            (comparison.model_blocks, comparison.reference_blocks),
            (comparison.model_draws, comparison.reference_draws),
            power,
            float(comparison.member_spread([metric(member, reference) for member in members])),
            floor_of,
        )
        result.append(Row(name, *row, unit))
    return result
