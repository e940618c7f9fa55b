"""A model that is nowhere near the reference is wrong by its free energies, however few its frames.

Most bins are missing then and count at the cutoff. Where they set the level of the model's free
energies, it was nearly right on average: 0.5 kcal/mol off, beside a floor of 1.3.
"""

import numpy as np
import pytest

from meanforce.statistics.free_energies import FreeEnergyRmse, coverage

BINS, KT, CUTOFF = 60, 0.596, 4.0


def units(rng, number, frames, center, width):
    """Histograms of independent runs about a point of a periodic plane."""
    found = []
    for _ in range(number):
        points = center + 0.01 * rng.standard_normal(2) + width * rng.standard_normal((frames, 2))
        found.append(np.histogramdd(np.mod(points, 1), [BINS] * 2, [(0, 1)] * 2)[0])
    return np.array(found) / np.sum(found)


@pytest.mark.parametrize(
    ("number", "frames", "distance", "width"),
    [(10, 1000, 0.5, 0.03), (10, 1000, 0.5, 0.01), (4, 100, 0.5, 0.03), (10, 20, 0.5, 0.03),
     (10, 1000, 0.3, 0.03), (200, 50, 0.5, 0.03)],
)  # fmt: skip
def test_a_model_that_visits_almost_nothing(number, frames, distance, width):
    rng = np.random.default_rng(1)
    reference = units(rng, 20, 500, np.array([0.5, 0.5]), 0.2)
    model = units(rng, number, frames, np.array([0.5 + distance, 0.5]), width)
    p, q = model.sum(axis=0), reference.sum(axis=0)
    assert coverage(p, q, KT, CUTOFF) < 0.06
    metric = FreeEnergyRmse(KT, CUTOFF, (True, True))
    assert metric.value(p, q) > 1.05 * metric.noise(model, reference).resolution


def test_missing_bins_do_not_set_the_level():
    """A model that is right where it is, and lacks the upper half of the bins."""
    q = np.exp(-np.linspace(0, 3, 40) / KT)
    q /= q.sum()
    p = np.where(np.arange(40) < 20, q, 0)
    metric = FreeEnergyRmse(KT, CUTOFF, (False,))
    missing = CUTOFF - np.linspace(0, 3, 40)[20:]
    assert metric.value(p / p.sum(), q) == pytest.approx(np.sqrt(np.sum(missing**2) / 40), rel=1e-9)
    # Nor does the level of a model without them change anything.
    assert metric.value(q, q) == pytest.approx(0, abs=1e-12)
