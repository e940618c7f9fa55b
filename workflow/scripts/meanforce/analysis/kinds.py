"""Classification of a row of the metrics table: what it measures, its source and its group.

Verdicts, learning curves and the report use these fields, never parts of metrics' names. The module
imports nothing heavy, so that the report does not load PyTorch for it.
"""

import enum


class Measure(enum.StrEnum):
    """What a row's value measures; this decides which verdict it can have."""

    DISTANCE = "distance"
    """Distance of two distributions: 0 for a perfect model and unlimited data; its floor is the
    noise."""
    SIGNED_ERROR = "signed_error"
    """Model minus reference: 0 for a perfect model, of either sign."""
    LOSS = "loss"
    """Even a perfect model has its irreducible part, the floor."""
    FRACTION = "fraction"
    """Fraction of chains that stayed intact: 1 for a perfect model."""
    VALUE = "value"
    """A quantity itself; it measures no error."""
    CONVERGENCE = "convergence"
    """A property of the CG run, not of the model."""


class Source(enum.StrEnum):
    """Where a row's value comes from."""

    MODEL = "model"
    REFERENCE = "reference"
    BASELINE = "baseline"
    """Direct reweighting of the model's training data; see `analysis.baseline`."""


class Group(enum.StrEnum):
    """Rows that belong together in the report, in its order."""

    SURFACE = "surface"
    PROFILES = "profiles"
    BASINS = "basins"
    BARRIERS = "barriers"
    POPULATIONS = "populations"
    EXACT_PMF = "exact_pmf"
    PEPTIDE_BONDS = "peptide_bonds"
    SLOW_MODES = "slow_modes"
    STRUCTURE = "structure"
    DIMENSIONS = "dimensions"
    RADIAL = "radial_distributions"
    THERMODYNAMICS = "thermodynamics"
    FORCES = "forces"
    DYNAMICS = "dynamics"
    CONVERGENCE = "convergence"
    TRAINING_DATA = "training_data"


def metric_name(quantity: str, measure: str, source: str = Source.MODEL) -> str:
    """Name of a metric in summary.csv.

    `delta_f_x` has the rows `delta_f_x` (model), `delta_f_x_reference`, `delta_f_x_error`,
    `delta_f_x_baseline` and `delta_f_x_baseline_error`; the distance `js_x` has `js_x` and
    `js_x_baseline`.

    Args:
        quantity: name of what the row is about.
        measure: what it measures.
        source: whose value it is.
    """
    whose = "" if source == Source.MODEL else f"_{source}"
    return quantity + whose + ("_error" if measure == Measure.SIGNED_ERROR else "")
