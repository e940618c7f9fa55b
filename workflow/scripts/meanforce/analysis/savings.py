"""Savings: how much less atomistic time one kind of data needs than another for the same error.

A learning curve is made monotone (isotonic regression of its logarithm, as more data do not mean a
larger error) and interpolated between times, log error against log time. Where both curves reach an
error e, the factor is t_baseline(e)/t(e); a curve that is already better at its shortest time, or
never gets there, bounds the factor from one side. The mean over all errors e that both curves reach
is the distance between the curves along the axis of log time (of noisy curves somewhat too short:
by 2 % of the factor at 20 % noise of a seed, by 9 % at 40 %). Errors below the noise floor are not
resolved, and not asked for.

Error bars come from the bootstrap over seeds, whole curves at a time, as the times of a seed share
a trajectory. Of n seeds n − 1 are drawn, which makes the variance of a mean unbiased for few seeds;
Rao, Wu, J. Am. Stat. Assoc. 83, 231 (1988).
"""

import dataclasses
import math

import numpy as np

DRAWS = 1000
"""Bootstrap samples."""

LEVELS = 50
"""Errors, evenly spaced in their logarithm, over which the mean distance is taken."""

ONE_SIGMA = (15.9, 84.1)
"""Percentiles of the error bars: one standard error each way."""

SMALLEST = 1e-9
"""Smallest error: of a smaller one there is no useful logarithm."""

ROUNDING = 1e-9
"""Difference of two logarithms that counts as none."""


@dataclasses.dataclass(frozen=True)
class Curve:
    """Errors of one kind of data.

    Attributes:
        times: ascending, shape (n_times,).
        errors: absolute, shape (n_seeds, n_times).
    """

    times: np.ndarray
    errors: np.ndarray

    def logarithms(self, rng: np.random.Generator, draws: int) -> np.ndarray:
        """log of the mean error, made non-increasing: of all seeds, then of draws from them.

        Returns:
            shape (1 + draws, n_times).
        """
        n = len(self.errors)
        drawn = self.errors[rng.integers(n, size=(draws, max(1, n - 1)))].mean(axis=1)
        mean = np.concatenate([self.errors.mean(axis=0)[None], drawn])
        return non_increasing(np.log(np.maximum(mean, SMALLEST)))


@dataclasses.dataclass(frozen=True)
class Savings:
    """How many times the atomistic time of a curve another one needs for the same error.

    Attributes:
        factor: the estimate; at a bound, the bound.
        low, high: ends of the error bar; 0 and infinity, where there is none. Of a lower bound,
            `low` is what remains of it after its own error, and so is `high` of an upper one.
        bound: ``at least`` or ``at most``, where one curve does not reach the error, or reached it
            before its shortest time; ``unknown``, where both did not; else empty.
    """

    factor: float
    low: float
    high: float
    bound: str


def compare(
    curve: Curve,
    baseline: Curve,
    floor: float,
    rng: np.random.Generator,
    draws: int = DRAWS,
) -> list[tuple[float, float, Savings]]:
    """Savings at the error of each time of a curve, and over all errors that both curves reach.

    Args:
        curve: of the data that may save time.
        baseline: of those that they are compared with.
        floor: smallest error that is resolved.
        rng: of the bootstrap.
        draws: its samples.

    Returns:
        time (NaN: over all), error (NaN: over all) and savings.
    """
    lowest = math.log(max(floor, SMALLEST))
    if min(len(curve.errors), len(baseline.errors)) < 2:
        draws = 0
    ours, theirs = (one.logarithms(rng, draws) for one in (curve, baseline))

    def factors(levels: np.ndarray) -> np.ndarray:
        """Smallest and largest possible log factor at log errors, shape (2, n_draws, n_levels)."""
        early, late = reached(np.log(curve.times), ours, levels)
        base_early, base_late = reached(np.log(baseline.times), theirs, levels)
        with np.errstate(invalid="ignore"):
            least, most = base_early - late, base_late - early
        # Where neither curve ever gets there, nothing is known.
        return np.array(
            [np.where(np.isnan(least), -np.inf, least), np.where(np.isnan(most), np.inf, most)]
        )

    # A draw asks for the error that it has itself at a time.
    levels = np.maximum(ours, lowest)
    single = factors(levels)
    found = [
        (float(time), float(np.exp(level)), _summary(single[:, :, number]))
        for number, (time, level) in enumerate(zip(curve.times, levels[0], strict=True))
    ]
    bottom = np.maximum(np.maximum(ours[:, -1], theirs[:, -1]), lowest)
    # Where there is no common error, the bottom alone bounds the factor.
    top = np.maximum(np.minimum(ours[:, 0], theirs[:, 0]), bottom)
    common = factors(np.linspace(bottom, top, LEVELS, axis=1)).mean(axis=2)
    return [*found, (math.nan, math.nan, _summary(common))]


def non_increasing(values: np.ndarray) -> np.ndarray:
    """Isotonic regression of rows: x_i = min_{a ≤ i} max_{b ≥ i} mean(values from a to b).

    Barlow, Bartholomew, Bremner, Brunk, Statistical Inference under Order Restrictions (1972).

    Args:
        values: shape (n_rows, n).
    """
    n = values.shape[1]
    sums = np.concatenate([np.zeros((len(values), 1)), values.cumsum(axis=1)], axis=1)
    first, last = np.arange(n)[:, None], np.arange(n)[None, :]
    # Where b < a, the length is nothing that is ever asked for.
    means = (sums[:, None, 1:] - sums[:, :-1, None]) / np.where(last < first, 1, last - first + 1)
    return np.stack(
        [means[:, : i + 1, i:].max(axis=2).min(axis=1) for i in range(n)], axis=1
    )  # fmt: skip


def reached(
    log_times: np.ndarray, errors: np.ndarray, levels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Between which times curves reach some errors.

    Args:
        log_times: ascending, shape (n_times,).
        errors: log errors, non-increasing, shape (n_curves, n_times).
        levels: log errors that are asked for, shape (n_curves, n_levels).

    Returns:
        the earliest and the latest possible log time, each of shape (n_curves, n_levels): equal,
        where it is known; −∞ before the first time, and +∞ after the last one.
    """
    n = len(log_times)
    below = errors[:, None, :] <= levels[:, :, None] + ROUNDING
    index = np.where(below.any(axis=2), below.argmax(axis=2), n)
    before, after = (np.clip(index + shift, 0, n - 1) for shift in (-1, 0))
    high, low = (np.take_along_axis(errors, place, axis=1) for place in (before, after))
    drop = np.maximum(high - low, ROUNDING)
    share = np.clip((high - levels) / drop, 0.0, 1.0)
    inside = log_times[before] + share * (log_times[after] - log_times[before])
    known_first = errors[:, :1] >= levels - ROUNDING
    first = np.where(known_first, log_times[0], -np.inf)
    early = np.where(index == 0, first, np.where(index == n, log_times[-1], inside))
    late = np.where(index == 0, log_times[0], np.where(index == n, np.inf, inside))
    return early, late


def _summary(factors: np.ndarray) -> Savings:
    """Savings from the smallest and largest log factors, of all seeds and then of each draw.

    Args:
        factors: shape (2, 1 + n_draws).
    """
    least, most = factors[:, 0]
    low, high = 0.0, math.inf
    if factors.shape[1] > 1:
        low = float(np.exp(np.percentile(factors[0, 1:], ONE_SIGMA[0], method="lower")))
        high = float(np.exp(np.percentile(factors[1, 1:], ONE_SIGMA[1], method="higher")))
    if math.isfinite(least) and math.isclose(least, most, abs_tol=1e-9):
        return Savings(math.exp(least), low, high, "")
    if math.isfinite(least):
        return Savings(math.exp(least), low, high, "at least")
    if math.isfinite(most):
        return Savings(math.exp(most), low, high, "at most")
    return Savings(math.nan, low, high, "unknown")
