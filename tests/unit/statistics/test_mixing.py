"""Nested R-hat, drift and effective samples of chains whose statistics are known.

Seeds are fixed. Checks of means allow 5 standard errors (false alarms below 1e-6 each).
"""

import math

import numpy as np
import pytest

from meanforce.statistics.mixing import (
    drift,
    effective_samples,
    nested_r_hat,
    r_hat,
    superchains,
    whole_chains,
)

MEMORY = 10.0
"""Correlation time of the chains below, in frames."""


def autoregressive(frames: int, starts: np.ndarray, rng, memory: float = MEMORY) -> np.ndarray:
    """AR(1) chains of mean 0 and variance 1; shape (frames, n_chains)."""
    kept = math.exp(-1 / memory)
    values = np.empty((frames, len(starts)))
    now = starts
    for row in values:
        now = kept * now + math.sqrt(1 - kept**2) * rng.normal(size=len(starts))
        row[:] = now
    return values


def flat(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values and chains of all frames."""
    return table.reshape(-1), np.tile(np.arange(table.shape[1]), len(table))


def test_nested_r_hat_by_hand():
    # Means of chains 1, 3 | 5, 9; variances of both frames 2, 2 | 0, 8.
    values = np.array([[0.0, 2.0, 5.0, 7.0], [2.0, 4.0, 5.0, 11.0]])
    groups = np.array([0, 0, 1, 1])
    # B = var(2, 7) = 12.5; between 2 and 8, so that W = (2 + 2 + 8 + 4)/2 = 8 and the noise is 2.5.
    found, error = nested_r_hat(values, groups)
    assert found == pytest.approx(math.sqrt(1 + (12.5 - 2.5) / 8))
    assert math.isnan(error)
    # Groups of different sizes, in any order of the chains.
    order, more = [4, 2, 0, 3, 1], np.column_stack([values, [6.0, 8.0]])
    chosen = nested_r_hat(more[:, order], np.array([0, 0, 1, 1, 1])[order])[0]
    # Means 5, 9, 7: their variance is 4, variances within are 0, 8, 2.
    spread = 12.5 - (2 / 2 + 4 / 3) / 2
    assert chosen == pytest.approx(math.sqrt(1 + spread / ((2 + 2 + 4 + 10 / 3) / 2)))


@pytest.mark.parametrize(
    ("n", "sizes"),
    [(4, [2, 2]), (6, [2] * 3), (30, [8, 7, 8, 7]), (100, [13, 12] * 4), (400, [25] * 16)],
)
def test_superchains_hold_chains_that_started_near_each_other(n, sizes):
    starts = np.random.default_rng(1).normal(size=n)
    groups = superchains(starts)
    assert sorted(np.bincount(groups)) == sorted(sizes)
    for group in range(len(sizes) - 1):
        assert starts[groups == group].max() < starts[groups == group + 1].min()


@pytest.mark.parametrize(("n", "frames"), [(100, 50), (200, 70)])
def test_short_converged_chains_have_a_nested_r_hat_of_one(n, frames):
    """Split R-hat of the same chains only reflects how short they are."""
    rng, nested, errors, split = np.random.default_rng(2), [], [], []
    for _ in range(200):
        starts = rng.normal(size=n)
        values = autoregressive(frames, starts, rng)
        # Frames begin when the start is forgotten.
        values = autoregressive(frames, values[-1], rng)
        found = nested_r_hat(values, superchains(starts))
        nested.append(found[0])
        errors.append(found[1])
        split.append(r_hat(*flat(values)))
    excess = np.array(nested) ** 2 - 1
    assert abs(excess.mean()) < 5 * excess.std() / math.sqrt(len(excess))
    assert max(nested) < 1.06
    assert min(split) > 1.1
    # A standard deviation of 200 draws is known to 5 %; the jackknife of few groups is a bit low.
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(nested), rel=0.3)


def test_nested_r_hat_measures_what_is_left_of_the_start():
    rng, found = np.random.default_rng(3), []
    for _ in range(100):
        starts = rng.normal(size=240)
        values = 0.3 * starts + rng.normal(size=(40, 240))
        groups = superchains(starts)
        found.append(nested_r_hat(values, groups)[0] ** 2 - 1)
        centres = np.array([starts[groups == group].mean() for group in range(16)])
        inner = np.mean([starts[groups == group].var(ddof=1) for group in range(16)])
        spread = centres.var(ddof=1) - inner / 15
        found[-1] -= 0.09 * spread / (1 + 1 / 40 + 0.09 * inner)
    assert abs(np.mean(found)) < 5 * np.std(found) / 10 + 5e-4


@pytest.mark.parametrize(("stuck", "least"), [(100, 3.0), (10, 1.3), (4, 1.04)])
def test_chains_that_never_leave_their_basin_are_found(stuck, least):
    """Also where few of the 200 are in one of them, and whatever the length."""
    rng = np.random.default_rng(4)
    basin = np.where(np.arange(200) < stuck, 1.0, -1.0)
    starts = basin + 0.3 * rng.normal(size=200)
    for frames in (70, 700):
        values = basin + 0.3 * autoregressive(frames, rng.normal(size=200), rng)
        assert nested_r_hat(values, superchains(starts))[0] > least
    mixed = rng.permutation(basin) + 0.3 * rng.normal(size=(70, 200))
    # Chains that are far apart do not count as unconverged if their places are not their starts.
    assert nested_r_hat(mixed, superchains(starts))[0] < 1.5


def test_drift_is_normal_for_stationary_chains_and_large_where_all_leave_a_basin():
    rng = np.random.default_rng(5)
    still = [drift(autoregressive(70, rng.normal(size=200), rng)) for _ in range(400)]
    assert np.mean(still) == pytest.approx(0, abs=5 / math.sqrt(400))
    assert np.std(still) == pytest.approx(1, abs=5 / math.sqrt(800))
    # All chains start at 2, so that nested R-hat has nothing to compare.
    leaving = autoregressive(140, np.full(200, 2.0), rng, memory=100.0)
    assert nested_r_hat(leaving, superchains(np.full(200, 2.0)))[0] < 1.05
    assert drift(leaving) < -5


def test_effective_samples_are_known_of_autoregressive_chains():
    rng = np.random.default_rng(6)
    values, chains = flat(autoregressive(1000, rng.normal(size=200), rng))
    found, error = effective_samples(values, np.ones(len(values)), chains)
    # 2τ is the sum of the correlations from −∞ to ∞.
    kept = math.exp(-1 / MEMORY)
    expected = 200 * 1000 * (1 - kept) / (1 + kept)
    # The relative error of a variance of 200 means is 10 %; that of 1000 frames shortens 2τ by 1 %.
    assert error == pytest.approx(0.1 * found, rel=0.5)
    assert found == pytest.approx(expected, rel=0.5)
    stuck = np.repeat(rng.normal(size=200), 50)
    many = effective_samples(stuck, np.ones(10000), np.repeat(np.arange(200), 50))[0]
    assert many == pytest.approx(199, rel=1e-9)


def test_effective_samples_count_weights():
    rng = np.random.default_rng(7)
    values, chains = rng.normal(size=(50, 400)).reshape(-1), np.tile(np.arange(400), 50)
    weights = np.where(rng.random(20000) < 0.1, 1.0, 1e-9)
    found = effective_samples(values, weights, chains)[0]
    # Kish: only one frame in ten counts. The relative error is √(2/400) and a bit.
    assert found == pytest.approx(2000, rel=0.4)


def test_chains_that_lost_frames_are_left_out():
    chains = np.array([0, 5, 7, 0, 7, 0, 7])
    table, numbers = whole_chains(np.arange(7.0), chains)
    assert table.tolist() == [[0.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
    assert numbers.tolist() == [0, 7]


def test_too_little_gives_no_number():
    one, two = np.zeros((5, 1)), np.ones((5, 4))
    for values, starts in ((one, [0.0]), (two, [0.0, 1.0, 2.0, 3.0]), (two[:1], [0.0] * 4)):
        assert np.isnan(nested_r_hat(values, superchains(np.array(starts)))).all()
        assert math.isnan(drift(values))
    assert np.isnan(effective_samples(np.ones(5), np.ones(5), np.arange(5))).all()
