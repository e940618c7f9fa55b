"""Means of correlated series: their errors are their scatter, weighted or not.

Standard deviations from 400 draws are known to 3.5 %; the allowance is four times that.
"""

import numpy as np
import pytest
from correlated import correlated

from meanforce.statistics.series_mean import series_mean

DRAWS = 400


@pytest.mark.parametrize("memory", [0.0, 0.8])
def test_errors_are_the_scatter(memory):
    rng = np.random.default_rng(1)
    found = [
        series_mean([correlated((1500,), memory, rng) for _ in range(2)]) for _ in range(DRAWS)
    ]
    scores = np.array([one.deviation(0.0) for one in found])
    assert scores.std() == pytest.approx(1.0, rel=0.14)
    wanted = 3000 * (1 - memory) / (1 + memory)
    assert np.mean([one.effective for one in found]) == pytest.approx(wanted, rel=0.1)


def test_weighted_errors_are_the_scatter():
    """Draws x of a normal distribution, weighted to one that is shifted by 0.7."""
    rng = np.random.default_rng(2)
    found = []
    for _ in range(DRAWS):
        x = correlated((3000,), 0.5, rng)
        found.append(series_mean([x[:1500], x[1500:]], [0.7 * x[:1500] + 5.0, 0.7 * x[1500:] + 5]))
    scores = np.array([one.deviation(0.7) for one in found])
    assert scores.std() == pytest.approx(1.0, rel=0.14)
    # Independent samples are not more than e^{−0.49} of all.
    assert max(one.effective for one in found) < 3000 * np.exp(-0.49) * 1.3


def test_sums_scales_and_exact_values():
    first, second = (series_mean([np.arange(n) % 2 + 0.0]) for n in (100, 400))
    both = first.plus(second)
    assert both.value == 1.0
    assert both.error.stderr == pytest.approx(np.hypot(first.error.stderr, second.error.stderr))
    assert first.scaled(-2.0).value == -1.0
    assert first.scaled(-2.0).error.stderr == 2 * first.error.stderr
    assert series_mean([np.full(50, 3.0)]).deviation(3.0) == 0.0


def test_slow_fluctuations_below_fast_ones_are_seen():
    """White noise, and a tenth of its variance with a memory of 100 samples."""
    rng = np.random.default_rng(3)

    def draw() -> np.ndarray:
        return rng.standard_normal(20_000) + 0.3 * correlated((20_000,), 0.99, rng)

    found = [series_mean([draw(), draw()]) for _ in range(DRAWS)]
    scores = np.array([one.deviation(0.0) for one in found])
    assert scores.std() == pytest.approx(1.0, rel=0.14)
    wanted = 40_000 * 1.09 / (1 + 0.09 * 1.99 / 0.01)
    assert np.mean([1 / one.effective for one in found]) == pytest.approx(1 / wanted, rel=0.1)


def test_independent_samples_stay_so():
    """A false alarm of the blocks would raise g by a factor of two at least."""
    rng = np.random.default_rng(4)
    found = [series_mean([rng.standard_normal(3000)]).effective for _ in range(DRAWS)]
    assert min(found) > 2000
