"""Statistical inefficiency of processes in which it is known; fixed seeds.

A mean of 200 draws is off by less than 5 of its standard errors but once in 10⁶.
"""

import numpy as np
import pytest
from correlated import correlated

from meanforce.statistics.autocorrelation import correlation

DRAWS = 200


def worth(found: list) -> tuple[float, float]:
    """Mean inefficiency and its standard error."""
    values = np.array([one.inefficiency for one in found])
    return float(values.mean()), float(values.std() / np.sqrt(len(values)))


@pytest.mark.parametrize("components", [1, 3])
def test_slow_fluctuations_below_fast_ones_count(components):
    """White noise, and a tenth of its variance with a memory of 100 samples."""
    rng, memory = np.random.default_rng(1), 0.99

    def draw() -> np.ndarray:
        shape = (components, 20_000)
        return (rng.standard_normal(shape) + 0.3 * correlated(shape, memory, rng)).T

    found = [correlation([draw(), draw()]) for _ in range(DRAWS)]
    exact = (1 + 0.09 * (1 + memory) / (1 - memory)) / 1.09
    mean, error = worth(found)
    # Blocks of 1,250 samples do not see all of a memory of 100, and the pooled mean is not exact.
    assert abs(mean - exact) < 5 * error + 0.09 * exact
    scatter = np.std([one.inefficiency for one in found])
    assert np.mean([one.error for one in found]) > 0.9 * scatter


def test_series_shorter_than_a_block_are_blocks():
    """Chains that differ by a twelfth of their variance, for all of their time."""
    rng, chains, length = np.random.default_rng(2), 100, 50
    white = rng.standard_normal((chains, length))
    assert correlation(list(white)).inefficiency < 1.5
    offsets = 0.3 * rng.standard_normal((chains, 1))
    # Between chains 0.09 + 1/50, of which independent samples would have 1.09/50. The scatter of a
    # hundred chains is known to 14 %.
    wanted = (0.09 + 1 / length) * length / 1.09
    assert correlation(list(white + offsets)).inefficiency == pytest.approx(wanted, rel=0.6)


@pytest.mark.parametrize("memory", [0.0, 0.9])
def test_one_memory_stays_what_the_window_finds(memory):
    """A false alarm of the blocks would more than double it; one in 10⁴ is one by design."""
    rng = np.random.default_rng(3)
    found = [correlation([correlated((2, 6000), memory, rng).T]) for _ in range(DRAWS)]
    exact = (1 + memory) / (1 - memory)
    assert max(one.inefficiency for one in found) < 1.8 * exact
    mean, error = worth(found)
    assert abs(mean - exact) < 5 * error + 0.03 * exact
