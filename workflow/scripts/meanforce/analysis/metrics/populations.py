"""Metrics `population_<basin>`: how much of the ensemble is in each basin."""

import numpy as np

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.kinds import Group
from meanforce.analysis.metrics.basins import membership
from meanforce.analysis.rows import Estimate, Quantity, Row, compared
from meanforce.analysis.samples import Sample
from meanforce.statistics.resampling import DRAWS, resampled


def rows(comparison: Comparison) -> list[Row]:
    """Populations in model and reference, and their differences."""
    truth, result = comparison.truth, []
    for basin in comparison.validation.basins:
        ours = membership(comparison, basin, comparison.model.variables)
        theirs = None if truth is None else membership(comparison, basin, truth.variables)
        quantity = Quantity(f"population_{basin}", Group.POPULATIONS)
        result += population_rows(comparison, quantity, ours, truth, theirs)
    return result


def population_rows(
    comparison: Comparison,
    quantity: Quantity,
    ours: np.ndarray,
    reference: Sample | None,
    theirs: np.ndarray | None,
) -> list[Row]:
    """Population of some frames in model and reference, and the difference.

    Args:
        comparison: of the model.
        quantity: the population.
        ours: which frames of the model are counted, bool, shape (n,).
        reference: the other sample, or None.
        theirs: which of its frames are counted, bool; None without a reference.
    """
    members = [float(weights @ ours[frames]) for frames, weights in comparison.member_weights]
    rng = comparison.stream(quantity.name, "model")
    model = Estimate(*_population(comparison.model, ours, rng), comparison.training_error(members))
    if reference is None:
        return compared(quantity, model, None)
    rng = comparison.stream(quantity.name, "reference")
    return compared(quantity, model, Estimate(*_population(reference, theirs, rng)))


def _population(sample: Sample, inside: np.ndarray, rng: np.random.Generator) -> tuple:
    """Population of some frames and its standard error by the bootstrap."""
    parts = np.stack([sample.sums(inside), sample.sums(~inside)], axis=1)
    draws = resampled(parts, DRAWS, rng)[:, 0]
    return float(parts[:, 0].sum()), Comparison.noise_of(sample, draws)
