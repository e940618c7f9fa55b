"""Savings: how much less atomistic time one kind of data needs than another for the same error.

A learning curve is made monotone (isotonic regression of its logarithm, as more data do not mean a
larger error) and interpolated between times, log error against log time. Where both curves reach an
error e, the factor is t_baseline(e)/t(e); a curve that is already better at its shortest time, or
never reaches the error, bounds the factor from one side. The mean over all errors e that both
curves reach is the distance between the curves along the axis of log time (for noisy curves
somewhat too short: by 2 % of the factor at 20 % noise of a seed, by 9 % at 40 %). Errors below the
noise floor are not resolved, and left out. Errors that only one of the curves reaches bound the
factor; see `savings_between`.

Error bars come from the bootstrap over seeds, whole curves at a time, as the times of a seed share
a trajectory; two curves of the same trajectories are drawn together. n − 1 of n seeds are drawn,
which makes the variance of a mean unbiased for few seeds; Rao, Wu, J. Am. Stat. Assoc. 83, 231
(1988).
"""

import dataclasses
import math

import numpy as np

DRAWS = 1000
"""Bootstrap samples."""

LEVELS = 50
"""Errors, evenly spaced in their logarithm, over which the mean distance is taken."""

ONE_SIGMA = 15.9
"""Percent of the draws below an error bar, and above it: one standard error each way."""

SMALLEST = 1e-9
"""Smallest error: smaller ones have no useful logarithm."""

ROUNDING = 1e-9
"""Difference of two logarithms that counts as none."""


@dataclasses.dataclass(frozen=True)
class LearningCurve:
    """Errors of one kind of data.

    Attributes:
        times: ascending, shape (n_times,).
        errors: absolute, shape (n_seeds, n_times).
    """

    times: np.ndarray
    errors: np.ndarray

    def draws(self, rng: np.random.Generator, number: int) -> np.ndarray:
        """Seeds of bootstrap samples, shape (number, n_seeds − 1)."""
        n = len(self.errors)
        return rng.integers(n, size=(number, max(1, n - 1)))

    def logarithms(self, draws: np.ndarray) -> np.ndarray:
        """log of the mean error, made non-increasing: of all seeds, then of draws from them.

        Returns:
            shape (1 + n_draws, n_times).
        """
        drawn = self.errors[draws].mean(axis=1)
        mean = np.concatenate([self.errors.mean(axis=0)[None], drawn])
        return non_increasing(np.log(np.maximum(mean, SMALLEST)))


@dataclasses.dataclass(frozen=True)
class Savings:
    """How many times the atomistic time of a curve another one needs for the same error.

    Attributes:
        factor: the estimate; at a bound, the bound.
        low, high: ends of the error bar; 0 and infinity, where there is none. For a lower bound,
            `low` is what remains of it after its own error; for an upper bound, `high` is.
        bound: ``at least`` or ``at most``, where one curve does not reach the error, or reached it
            before its shortest time; ``unknown``, where both did not; else empty.
        certain: what remains of a bound at the confidence level at which the bounds of a pair of
            curves hold all together with the certainty of one standard error; else NaN.
    """

    factor: float
    low: float
    high: float
    bound: str
    certain: float = math.nan

    def inverse(self) -> "Savings":
        """The same for the two curves in the other order."""
        with np.errstate(divide="ignore"):
            factor, low, high, certain = (
                float(1 / np.float64(value))
                for value in (self.factor, self.high, self.low, self.certain)
            )
        bound = {"at least": "at most", "at most": "at least"}.get(self.bound, self.bound)
        return Savings(factor, low, high, bound, certain)


def compare(
    curve: LearningCurve,
    baseline: LearningCurve,
    floor: float,
    rng: np.random.Generator,
    draws: int = DRAWS,
    paired: bool = False,
    bounds: int | None = None,
) -> list[tuple[float, float, Savings]]:
    """Savings at the error of each time of a curve, and over all errors that both curves reach.

    Args:
        curve: of the data that may save time.
        baseline: of those that they are compared with.
        floor: smallest error that is resolved.
        rng: of the bootstrap.
        draws: its samples.
        paired: whether seeds of the two curves are the same trajectories.
        bounds: from how many bounds the best may be picked; see `Savings.certain`. Those at the
            times of the curve, where left out.

    Returns:
        time (NaN: over all), error (NaN: over all) and savings.
    """
    lowest = math.log(max(floor, SMALLEST))
    bounds = bounds or len(curve.times)
    if min(len(curve.errors), len(baseline.errors)) < 2:
        draws = 0
    chosen = curve.draws(rng, draws)
    ours = curve.logarithms(chosen)
    theirs = baseline.logarithms(chosen if paired else baseline.draws(rng, draws))

    def factors(levels: np.ndarray) -> np.ndarray:
        """Smallest and largest possible log factor at log errors, shape (2, n_draws, n_levels)."""
        early, late = reached(np.log(curve.times), ours, levels)
        base_early, base_late = reached(np.log(baseline.times), theirs, levels)
        with np.errstate(invalid="ignore"):
            least, most = base_early - late, base_late - early
        # Where neither curve reaches the error, nothing is known.
        return np.array(
            [np.where(np.isnan(least), -np.inf, least), np.where(np.isnan(most), np.inf, most)]
        )

    # Each draw is compared at its own error at a time.
    levels = np.maximum(ours, lowest)
    single = factors(levels)
    found = [
        (float(time), float(np.exp(level)), _summary(single[:, :, number], bounds))
        for number, (time, level) in enumerate(zip(curve.times, levels[0], strict=True))
    ]
    bottom = np.maximum(np.maximum(ours[:, -1], theirs[:, -1]), lowest)
    # Where there is no common error, the bottom alone bounds the factor.
    top = np.maximum(np.minimum(ours[:, 0], theirs[:, 0]), bottom)
    common = factors(np.linspace(bottom, top, LEVELS, axis=1)).mean(axis=2)
    return [*found, (math.nan, math.nan, _summary(common, bounds))]


def savings_between(
    curve: LearningCurve,
    other: LearningCurve,
    floor: float,
    rng: np.random.Generator,
    paired: bool = False,
) -> list[tuple[str, float, float, Savings]]:
    """Savings at the errors of each time of both curves, and over all errors that both reach.

    Errors that only one curve reaches are among those at its own times, so both curves are used. As
    the best of all bounds may be picked later, each is given a part of the allowed error
    (Bonferroni), which holds for any dependence between them.

    Args:
        curve, other, floor, rng, paired: as in `compare`.

    Returns:
        whose time it is (`experiment`, `against`, or empty: over all), time, error, and savings of
        `curve`.
    """
    bounds = len(curve.times) + len(other.times)
    *ours, overall = compare(curve, other, floor, rng, paired=paired, bounds=bounds)
    *theirs, _ = compare(other, curve, floor, rng, paired=paired, bounds=bounds)
    return [
        *(("experiment", *one) for one in ours),
        *(("against", time, level, savings.inverse()) for time, level, savings in theirs),
        ("", *overall),
    ]


def non_increasing(values: np.ndarray) -> np.ndarray:
    """Isotonic regression of rows: x_i = min_{a ≤ i} max_{b ≥ i} mean(values from a to b).

    Barlow, Bartholomew, Bremner, Brunk, Statistical Inference under Order Restrictions (1972).

    Args:
        values: shape (n_rows, n).
    """
    n = values.shape[1]
    sums = np.concatenate([np.zeros((len(values), 1)), values.cumsum(axis=1)], axis=1)
    first, last = np.arange(n)[:, None], np.arange(n)[None, :]
    # Entries with b < a are never used.
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
        levels: log errors to reach, shape (n_curves, n_levels).

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


def _summary(factors: np.ndarray, bounds: int) -> Savings:
    """Savings from the smallest and largest log factors, of all seeds and then of each draw.

    Args:
        factors: shape (2, 1 + n_draws); draws that reach no error are infinite, and count.
        bounds: from how many bounds the best may be picked.
    """
    least, most = factors[:, 0]
    low, high = _ends(factors, ONE_SIGMA)
    certain_low, certain_high = _ends(factors, ONE_SIGMA / bounds)
    if math.isfinite(least) and math.isclose(least, most, abs_tol=1e-9):
        return Savings(math.exp(least), low, high, "")
    if math.isfinite(least):
        return Savings(math.exp(least), low, high, "at least", certain_low)
    if math.isfinite(most):
        return Savings(math.exp(most), low, high, "at most", certain_high)
    return Savings(math.nan, low, high, "unknown")


def _ends(factors: np.ndarray, percent: float) -> tuple[float, float]:
    """Factors that all but a given percentage of the draws exceed, or stay below."""
    if factors.shape[1] < 2:
        return 0.0, math.inf
    low = np.percentile(factors[0, 1:], percent, method="lower")
    high = np.percentile(factors[1, 1:], 100.0 - percent, method="higher")
    return float(np.exp(low)), float(np.exp(high))
