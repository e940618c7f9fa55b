"""Metrics `population_<basin>`: how much of the ensemble is in each basin."""

import numpy as np

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.metrics.basins import membership
from meanforce.analysis.rows import Row, compared
from meanforce.analysis.samples import Sample
from meanforce.statistics.errors import Error
from meanforce.statistics.resampling import DRAWS, resampled


def rows(comparison: Comparison) -> list[Row]:
    """Populations in model and reference, and their differences."""
    truth = comparison.truth
    if truth is None:
        return []
    result = []
    for basin in comparison.validation.basins:
        inside = membership(comparison, basin, comparison.model.variables)
        members = [float(weights @ inside[frames]) for frames, weights in comparison.member_weights]
        model, run = population(comparison, comparison.model, inside)
        training = comparison.training_error(members)
        reference = population(comparison, truth, membership(comparison, basin, truth.variables))
        result += compared(f"population_{basin}", model, run, training, *reference, "")
    return result


def population(comparison: Comparison, sample: Sample, inside: np.ndarray) -> tuple[float, Error]:
    """Population of some frames, bool of shape (n,), and its standard error by the bootstrap."""
    parts = np.stack([sample.sums(inside), sample.sums(~inside)], axis=1)
    draws = resampled(parts, DRAWS, comparison.rng)[:, 0]
    return float(parts[:, 0].sum()), comparison.noise_of(sample, draws)
