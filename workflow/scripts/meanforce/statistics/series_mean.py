"""Means of correlated series, weighted or not, with their standard errors."""

import dataclasses
import math
from typing import Self

import numpy as np

from meanforce.statistics.autocorrelation import correlation
from meanforce.statistics.errors import Error, combined


@dataclasses.dataclass(frozen=True)
class Mean:
    """A mean of correlated samples.

    Attributes:
        value: in the unit of the samples.
        error: its standard error, with one degree of freedom less than independent samples.
    """

    value: float
    error: Error

    @property
    def effective(self) -> float:
        """Number of independent samples."""
        return self.error.dof + 1.0

    def plus(self, other: "Mean") -> Self:
        """The sum of two independent means."""
        return dataclasses.replace(
            self, value=self.value + other.value, error=combined(self.error, other.error)
        )

    def scaled(self, factor: float) -> Self:
        """The mean of the samples times a factor."""
        error = Error(abs(factor) * self.error.stderr, self.error.dof)
        return dataclasses.replace(self, value=factor * self.value, error=error)

    def deviation(self, expected: float) -> float:
        """Distance from a value in standard errors; 0 where both agree without an error."""
        distance = self.value - expected
        if self.error.stderr == 0:
            return math.copysign(math.inf, distance) if distance else 0.0
        return distance / self.error.stderr


def series_mean(series: list[np.ndarray], log_weights: list[np.ndarray] | None = None) -> Mean:
    """Mean over series that are independent of each other.

    The standard error is s √(g/n), with the statistical inefficiency g of `correlation`. A weighted
    mean m = Σ w q/Σ w has, to first order, the error of the mean of w (q − m)/⟨w⟩; independent
    samples are then not more than (Σ w)²/Σ w², Kish, Survey Sampling (1965).

    Args:
        series: each in order of time, shape (n,).
        log_weights: ln w of the same shapes, up to a constant.
    """
    number = sum(map(len, series))
    kish = float(number)
    if log_weights is None:
        mean = sum(item.sum() for item in series) / number
        noise = [item - mean for item in series]
    else:
        top = max(item.max() for item in log_weights)
        weights = [np.exp(item - top) for item in log_weights]
        total = sum(item.sum() for item in weights)
        mean = sum((w * q).sum() for w, q in zip(weights, series, strict=True)) / total
        noise = [w * (q - mean) * number / total for w, q in zip(weights, series, strict=True)]
        kish = float(total**2 / sum((item**2).sum() for item in weights))
    variance = sum((item**2).sum() for item in noise) / max(1, number - 1)
    effective = number / correlation(noise).inefficiency
    return Mean(
        float(mean),
        Error(float(np.sqrt(variance / effective)), max(0.0, min(effective, kish) - 1.0)),
    )
