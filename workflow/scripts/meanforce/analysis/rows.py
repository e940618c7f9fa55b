"""Rows of the metrics table."""

import dataclasses
import math
from typing import Any

from meanforce.analysis.kinds import Group, Measure, Source, metric_name
from meanforce.statistics.distances import Noise
from meanforce.statistics.errors import LEVEL, NONE, UNKNOWN, Error, combined, quantile


@dataclasses.dataclass(frozen=True)
class Quantity:
    """What rows are about; those of model, reference and baseline share it.

    Attributes:
        name: as in `metric_name`.
        group: of the report.
        unit: of all numbers but `dof`; empty for pure numbers.
    """

    name: str
    group: Group
    unit: str = ""


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A value and its errors.

    Attributes:
        value: the value.
        noise: error due to the finite sample.
        training: error due to the draw of the training data.
    """

    value: float
    noise: Error
    training: Error = NONE


@dataclasses.dataclass(frozen=True)
class Row:
    """One metric.

    Attributes:
        quantity: what it is about.
        measure: what its value measures.
        value: the metric.
        stderr: its standard error if all were repeated, with new training data; NaN where it has
            none, as for a single network.
        noise_floor: what a perfect model would score; NaN where that has no meaning. The noise of
            the reference and of the CG run only.
        stderr_noise: the part of `stderr` that reference and CG run cause.
        dof: degrees of freedom of `stderr`.
        noise_floor_reference: noise floor if the CG run were infinitely long: a shorter run must
            not pass more easily.
        resolution: for errors, the smallest that is distinguished from that of a perfect model,
            which exceeds it once in twenty times. A true error of this size is detected half of the
            time.
        data_limit: for errors, the largest that the draw of the training data explains.
        source: whose value it is.
    """

    quantity: Quantity
    measure: Measure
    value: float
    stderr: float = math.nan
    noise_floor: float = math.nan
    stderr_noise: float = math.nan
    dof: float = math.nan
    noise_floor_reference: float = math.nan
    resolution: float = math.nan
    data_limit: float = math.nan
    source: Source = Source.MODEL

    @property
    def metric(self) -> str:
        """Name in summary.csv."""
        return metric_name(self.quantity.name, self.measure, self.source)

    @property
    def unit(self) -> str:
        """Unit of all numbers but `dof`."""
        return self.quantity.unit

    def columns(self) -> dict[str, Any]:
        """Entries of the metrics table, by column."""
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return own | {
            "metric": self.metric,
            "unit": self.unit,
            "quantity": self.quantity.name,
            "measure": self.measure.value,
            "source": self.source.value,
            "group": self.quantity.group.value,
        }


def valued(quantity: Quantity, model: Estimate) -> Row:
    """A value of the model, which measures no error."""
    whole = combined(model.noise, model.training)
    return Row(
        quantity, Measure.VALUE, model.value, whole.stderr, stderr_noise=model.noise.stderr,
        dof=whole.dof,
    )  # fmt: skip


def compared(quantity: Quantity, model: Estimate, reference: Estimate | None) -> list[Row]:
    """The model's value, the reference's, and their difference with its noise floor.

    The floor is the mean absolute difference of two values that differ only by their errors.

    Args:
        quantity: what both are values of.
        model: the model's.
        reference: the reference's; without one there is the model's value alone.
    """
    if reference is None:
        return [valued(quantity, model)]
    known = reference.noise
    noise = combined(model.noise, known)
    whole = combined(noise, model.training)
    return [
        valued(quantity, model),
        Row(
            quantity, Measure.VALUE, reference.value, known.stderr, stderr_noise=known.stderr,
            dof=known.dof, source=Source.REFERENCE,
        ),
        Row(
            quantity, Measure.SIGNED_ERROR, model.value - reference.value, whole.stderr,
            noise.mean, noise.stderr, whole.dof, known.mean, noise.limit(), whole.limit(),
        ),
    ]  # fmt: skip


def distance(quantity: Quantity, value: float, noise: Noise, training: Error = UNKNOWN) -> Row:
    """A distance of model and reference.

    Args:
        quantity: the distance.
        value: as measured.
        noise: effects of finite data on it.
        training: error due to the draw of the training data.
    """
    whole = combined(Error(noise.stderr), training)
    return Row(
        quantity, Measure.DISTANCE, value, whole.stderr, noise.floor, noise.stderr, whole.dof,
        noise.floor_reference, noise.resolution,
    )  # fmt: skip


def without_errors(row: Row) -> Row:
    """A row whose reference has unknown errors: an error of a model has no floor and no error bar.

    Values of the model itself stay as they are.
    """
    if row.measure not in (Measure.DISTANCE, Measure.SIGNED_ERROR):
        return row
    unknown = ("stderr", "noise_floor", "stderr_noise", "dof", "noise_floor_reference",
               "resolution", "data_limit")  # fmt: skip
    return dataclasses.replace(row, **dict.fromkeys(unknown, math.nan))


def one_sided(dof: float) -> float:
    """Standard errors by which a perfect model's distance exceeds its floor once in twenty."""
    return quantile(dof, 2 * LEVEL)
