"""Metric `effective_sample_size`: number of training frames, with their weights."""

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.kinds import Group, Measure
from meanforce.analysis.rows import Quantity, Row


def rows(comparison: Comparison) -> list[Row]:
    """Kish's effective sample size of all training frames; their number, where none has a weight.

    Older models do not have it in their files; for these there is no row.
    """
    size = comparison.trained.effective_sample_size
    if size is None:
        return []
    quantity = Quantity("effective_sample_size", Group.TRAINING_DATA, "frames")
    return [Row(quantity, Measure.VALUE, size)]
