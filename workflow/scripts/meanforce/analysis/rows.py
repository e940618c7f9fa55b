"""Rows of the metrics table."""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Row:
    """One metric.

    Attributes:
        metric: contract name.
        value: the metric.
        stderr: its standard error; NaN where it has none.
        noise_floor: what a perfect model would score; NaN where that has no meaning.
        unit: of all three; empty for pure numbers.
    """

    metric: str
    value: float
    stderr: float = math.nan
    noise_floor: float = math.nan
    unit: str = ""


def compared(
    name: str, model: float, model_error: float, reference: float, reference_error: float, unit: str
) -> list[Row]:
    """The model's value, the reference's, and their difference with its noise floor.

    The floor is the mean absolute difference of two values that agree but for their errors.
    """
    error = math.hypot(model_error, reference_error)
    return [
        Row(name, model, model_error, math.nan, unit),
        Row(f"{name}_reference", reference, reference_error, math.nan, unit),
        Row(f"{name}_error", model - reference, error, math.sqrt(2 / math.pi) * error, unit),
    ]
