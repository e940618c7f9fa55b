"""Metrics `js_<variables>`, `fes_rmse`, `coverage_<variables>`: distance of the surfaces."""

import math

import numpy as np

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.kinds import Group, Measure
from meanforce.analysis.rows import Quantity, Row, distance
from meanforce.statistics.free_energies import FreeEnergyRmse, coverage
from meanforce.statistics.jensen_shannon import JensenShannon
from meanforce.units import KCAL


def rows(comparison: Comparison) -> list[Row]:
    """JS divergence (natural logarithm), free-energy RMSE and coverage of the whole surface.

    None without a surface or a reference, or where the whole reference is in a single bin, so that
    every model would be right.
    """
    surface = comparison.surface
    if surface is None or surface.reference is None:
        return []
    if np.count_nonzero(surface.reference.sum(axis=0)) < 2:
        return []
    units = surface.model, surface.reference
    model, reference = (side.sum(axis=0) for side in units)
    low = comparison.kT, comparison.validation.cutoff / KCAL
    members = comparison.member_surfaces()
    variables = "_".join(comparison.axes.names)
    metrics = (
        (Quantity(f"js_{variables}", Group.SURFACE), JensenShannon(comparison.axes.periodic)),
        (
            Quantity("fes_rmse", Group.SURFACE, "kcal/mol"),
            FreeEnergyRmse(*low, comparison.axes.periodic),
        ),
    )
    result = [
        distance(
            quantity,
            metric.value(model, reference),
            metric.noise(*units),
            comparison.training_error_of(metric, members, reference),
        )
        for quantity, metric in metrics
    ]
    covered = Row(
        Quantity(f"coverage_{variables}", Group.SURFACE),
        Measure.VALUE,
        coverage(model, reference, *low),
        noise_floor=_coverage_floor(surface.reference, low),
    )
    return [*result, covered]


def _coverage_floor(units: np.ndarray, low: tuple[float, float]) -> float:
    """Fraction of the reference's low bins that one half of its own units covers.

    Half of the units cover less than all of them; at most twice what they miss is missed by chance.
    NaN for fewer than four units, whose histograms have the shape (n_units, *bins).
    """
    if len(units) < 4:
        return math.nan
    halves = (units[0::2].sum(axis=0), units[1::2].sum(axis=0))
    reference = units.sum(axis=0)
    return float(np.mean([coverage(half, reference, *low) for half in halves]))
