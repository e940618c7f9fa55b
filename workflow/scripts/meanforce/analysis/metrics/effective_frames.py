"""Metric `effective_sample_size`: what the training frames are worth with their weights."""

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.rows import Row


def rows(comparison: Comparison) -> list[Row]:
    """Kish's effective sample size of all training frames; their number, where none has a weight.

    Models made before weights were known do not tell.
    """
    if comparison.effective_sample_size is None:
        return []
    return [Row("effective_sample_size", comparison.effective_sample_size, unit="frames")]
