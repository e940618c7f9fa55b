"""Rows of the metrics table."""

import dataclasses
import math

from meanforce.statistics.distances import Noise
from meanforce.statistics.errors import LEVEL, UNKNOWN, Error, combined, quantile


@dataclasses.dataclass(frozen=True)
class Row:
    """One metric.

    Attributes:
        metric: contract name.
        value: the metric.
        stderr: its standard error if all were repeated, with new training data; NaN where it has
            none, as of a single network.
        noise_floor: what a perfect model would score; NaN where that has no meaning. The noise of
            the reference and of the CG run only.
        unit: of all numbers but `dof`; empty for pure numbers.
        stderr_noise: the part of `stderr` that reference and CG run cause.
        dof: degrees of freedom of `stderr`.
        noise_floor_reference: noise floor if the CG run were endless: a shorter one must not pass
            more easily.
        resolution: of errors, the smallest that is told from a perfect model's, which exceeds it
            once in twenty times. A true error of this size is seen half of the time.
        data_limit: of errors, the largest that the draw of the training data explains.
    """

    metric: str
    value: float
    stderr: float = math.nan
    noise_floor: float = math.nan
    unit: str = ""
    stderr_noise: float = math.nan
    dof: float = math.nan
    noise_floor_reference: float = math.nan
    resolution: float = math.nan
    data_limit: float = math.nan


def valued(name: str, value: float, noise: Error, training: Error, unit: str) -> Row:
    """A value of the model, which measures no error."""
    whole = combined(noise, training)
    return Row(name, value, whole.stderr, unit=unit, stderr_noise=noise.stderr, dof=whole.dof)


def compared(
    name: str,
    model: float,
    run: Error,
    training: Error,
    reference: float,
    reference_error: Error,
    unit: str,
) -> list[Row]:
    """The model's value, the reference's, and their difference with its noise floor.

    The floor is the mean absolute difference of two values that agree but for their errors.

    Args:
        name: of the metric.
        model: the model's value.
        run: what the finite CG run causes.
        training: what the draw of the training data causes.
        reference: the reference's value.
        reference_error: what its finite data cause.
        unit: of all of these.
    """
    noise = combined(run, reference_error)
    whole = combined(noise, training)
    return [
        valued(name, model, run, training, unit),
        Row(
            f"{name}_reference", reference, reference_error.stderr, unit=unit,
            stderr_noise=reference_error.stderr, dof=reference_error.dof,
        ),
        Row(
            f"{name}_error", model - reference, whole.stderr, noise.mean, unit, noise.stderr,
            whole.dof, reference_error.mean, noise.limit(), whole.limit(),
        ),
    ]  # fmt: skip


def distance(
    name: str, value: float, noise: Noise, training: Error = UNKNOWN, unit: str = ""
) -> Row:
    """A distance of model and reference.

    Args:
        name: of the metric.
        value: as measured.
        noise: what finite data do to it.
        training: what the draw of the training data causes.
        unit: of the distance.
    """
    whole = combined(Error(noise.stderr), training)
    return Row(
        name, value, whole.stderr, noise.floor, unit, noise.stderr, whole.dof,
        noise.floor_reference, noise.resolution,
    )  # fmt: skip


def one_sided(dof: float) -> float:
    """Standard errors by which a perfect model's distance exceeds its floor once in twenty."""
    return quantile(dof, 2 * LEVEL)
