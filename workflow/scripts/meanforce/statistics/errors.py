"""Standard errors, with the degrees of freedom that they were estimated from.

An error bar from n independent units is itself uncertain: with four of them |error| > 2 SE happens
14 % of the time, not 5 %. So each standard error carries its degrees of freedom, and limits are
quantiles of Student's t.
"""

import dataclasses
import math

import numpy as np
from scipy.special import stdtrit

THREE_SIGMA = 0.0027
"""Probability that a normal quantity deviates by more than 3 standard errors."""

LEVEL = 0.05
"""Probability of claiming an error that does not exist."""


@dataclasses.dataclass(frozen=True)
class Error:
    """A standard error.

    Attributes:
        stderr: in the unit of the quantity; NaN where it is not known.
        dof: degrees of freedom that it was estimated with; infinite where it is exact.
    """

    stderr: float
    dof: float = math.inf

    def limit(self, level: float = LEVEL) -> float:
        """|error| that is exceeded with probability `level`, if there is only noise."""
        return quantile(self.dof, level) * self.stderr

    @property
    def mean(self) -> float:
        """Mean |error| of a normal quantity with this standard error.

        An estimate s from few data is on average below σ, by 1 − 1/(4 dof); that is undone.
        """
        return math.sqrt(2 / math.pi) * self.stderr * (1 + 0.25 / self.dof)


NONE = Error(0.0)
"""Error of exact values."""

UNKNOWN = Error(math.nan, 0.0)
"""Error of values that were observed only once."""


def quantile(dof: float, level: float = LEVEL) -> float:
    """Two-sided quantile of Student's t: |t| beyond it has the probability `level`."""
    if not dof > 0:
        return math.nan
    # scipy.stats, which calls the same function, would take half a second to import.
    return float(stdtrit(min(dof, 1e9), 1 - level / 2))


def combined(*errors: Error) -> Error:
    """Standard error of a sum or difference of independent quantities.

    Degrees of freedom as by Welch and Satterthwaite: ν = (Σ s²)²/Σ (s⁴/ν); Welch, Biometrika 34,
    28 (1947).
    """
    squares = [error.stderr**2 for error in errors]
    total = sum(squares)
    if not math.isfinite(total):
        return Error(math.sqrt(total), min(error.dof for error in errors))
    spread = sum(
        square**2 / error.dof for square, error in zip(squares, errors, strict=True) if square > 0
    )
    return Error(math.sqrt(total), total**2 / spread if spread > 0 else math.inf)


def limit_of_sizes(first: Error, second: Error, opposite: bool, level: float = LEVEL) -> float:
    """Difference of the sizes of two errors that is exceeded with probability `level` by chance.

    Args:
        first, second: standard errors of both.
        opposite: whether the errors have opposite signs. The reference is common to both; its noise
            increases one size and decreases the other where signs differ.
        level: of the probability.
    """
    if opposite:
        return first.limit(level) + second.limit(level)
    return combined(first, second).limit(level)


def scatter(values: np.ndarray) -> float:
    """Standard deviation of bootstrap draws, some of which may be infinite.

    Infinite draws count: then it is half the distance of the percentiles that are one standard
    deviation from the median of a normal distribution, and infinite where these are.
    """
    values = np.asarray(values, dtype=float)
    if np.isnan(values).any() or len(values) < 2:
        return math.nan
    if np.isfinite(values).all():
        return float(np.std(values, ddof=1))
    low, high = (np.quantile(values, p, method="nearest") for p in (0.1587, 0.8413))
    return 0.5 * float(high - low) if np.isfinite([low, high]).all() else math.inf
