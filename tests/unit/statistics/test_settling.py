"""The change of a quantity from the first to the second half of a run."""

import numpy as np
import pytest

from meanforce.statistics.settling import change_of_halves


@pytest.mark.parametrize("chains", [2, 8])
def test_settled_runs_pass_the_limit_as_seldom_as_it_means(chains):
    """10,000 runs of white noise, of which 27 ± 5 change by more: 5 standard deviations on each
    side, a false alarm below 1e-5."""
    rng = np.random.default_rng(1)
    found = np.array([change_of_halves(rng.normal(size=(53, chains))) for _ in range(10_000)])
    assert abs((abs(found[:, 0]) > found[:, 1]).sum() - 27) < 5 * np.sqrt(27)


def test_a_drift_is_found():
    rng = np.random.default_rng(2)
    values = rng.normal(size=(200, 2)) + np.linspace(0, 2, 200)[:, None]
    change, limit = change_of_halves(values)
    assert change == pytest.approx(1.0, abs=0.6)
    assert change > limit


@pytest.mark.parametrize(("chains", "time"), [(1, 0.1), (1, 0.3), (4, 0.05)])
def test_a_relaxation_at_the_start_is_found(chains, time):
    """Ten standard deviations that decay within a part of the run, in 200 runs."""
    rng = np.random.default_rng(3)
    course = 10.0 * np.exp(-np.linspace(0, 1, 500) / time)[:, None]
    runs = [change_of_halves(course + rng.normal(size=(500, chains))) for _ in range(200)]
    assert sum(abs(change) > limit for change, limit in runs) >= 190


def test_few_frames_are_not_judged():
    change, limit = change_of_halves(np.ones((9, 2)))
    assert np.isnan(change) and np.isnan(limit)
    assert not abs(change) <= limit
