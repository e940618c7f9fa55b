"""Metrics `js_<variables>`, `fes_rmse`, `coverage_<variables>`: distance of the surfaces."""

import math

import numpy as np

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.rows import Row, distance
from meanforce.statistics.free_energies import FreeEnergyRmse, coverage
from meanforce.statistics.jensen_shannon import JensenShannon
from meanforce.units import KCAL


def rows(comparison: Comparison) -> list[Row]:
    """JS divergence (natural logarithm), free-energy RMSE and coverage of the whole surface."""
    units = comparison.model_blocks, comparison.reference_blocks
    model, reference = (side.sum(axis=0) for side in units)
    low = comparison.kT, comparison.validation.cutoff / KCAL
    members = comparison.member_surfaces()
    variables = "_".join(comparison.validation.surface)
    metrics = (
        (f"js_{variables}", JensenShannon(comparison.axes.periodic), ""),
        ("fes_rmse", FreeEnergyRmse(*low, comparison.axes.periodic), "kcal/mol"),
    )
    result = [
        distance(
            name,
            metric.value(model, reference),
            metric.noise(*units),
            comparison.training_error_of(metric, members, reference),
            unit,
        )
        for name, metric, unit in metrics
    ]
    return [*result, _coverage(comparison, f"coverage_{variables}", model, reference, low)]


def _coverage(
    comparison: Comparison,
    name: str,
    model: np.ndarray,
    reference: np.ndarray,
    low: tuple[float, float],
) -> Row:
    """Fraction of the reference's low bins that the CG run visits.

    Half of the reference's own units cover less than all of them; twice what they miss, at the
    most, is missed by chance, so the floor is what one half of the reference covers of the whole.
    """
    units = comparison.reference_blocks
    floor = math.nan
    if len(units) > 3:
        halves = (units[0::2].sum(axis=0), units[1::2].sum(axis=0))
        floor = float(np.mean([coverage(half, reference, *low) for half in halves]))
    return Row(name, coverage(model, reference, *low), noise_floor=floor)
