"""How well 2,000 independent Müller–Brown frames give the difference of the wells.

The error of binned mean forces on the same frames is known for each seed, and its mean square is
known by quadrature. RMSE² = bound² + ⟨error² − error of binned forces²⟩ therefore has a standard
error that is several times smaller than that of the plain RMSE. Limits are to be kept by four of
these standard errors: a fit whose RMSE is at its limit passes with probability 3·10⁻⁵; the fits of
today are farther away. Seeds are fixed.
"""

import numpy as np
import pytest
from muller_brown_draws import (
    DESIGNED,
    EXACT_WELL,
    GRID,
    PUBLISHED,
    VARIABLES,
    bound,
    curve,
    draw,
    influence,
    settings,
)

from meanforce.analysis.metrics.exact_pmf import features_of
from meanforce.fitting.registry import fit

SEEDS, FRAMES, FOLDS = 60, 2000, 5


def test_bounds_are_the_published_ones():
    assert bound(0 * PUBLISHED, FRAMES) == pytest.approx(1.02, abs=0.005)
    assert bound(PUBLISHED, FRAMES) == pytest.approx(0.354, abs=0.0005)
    assert bound(DESIGNED, FRAMES) == pytest.approx(0.229, abs=0.0005)


@pytest.mark.parametrize(
    ("bias", "kind", "limit"),
    [
        (PUBLISHED, "spline", 0.42),
        (PUBLISHED, "rbf", 0.45),
        (DESIGNED, "spline", 0.28),
        (DESIGNED, "rbf", 0.28),
    ],
    ids=["published spline", "published rbf", "designed spline", "designed rbf"],
)
def test_error_of_the_well_difference(bias, kind, limit):
    fitted, binned = np.empty(SEEDS), np.empty(SEEDS)
    for seed in range(SEEDS):
        frames = draw(bias, FRAMES, seed, FOLDS)
        found = fit(settings(kind), frames, VARIABLES, FOLDS, 0, lambda line: None)
        fitted[seed] = features_of(GRID, curve(found.potential))[0] - EXACT_WELL
        binned[seed] = influence(frames, bias).mean()
    excess = fitted**2 - binned**2
    rmse = np.sqrt(bound(bias, FRAMES) ** 2 + excess.mean())
    error = excess.std(ddof=1) / np.sqrt(SEEDS) / (2 * rmse)
    print(f"{kind}: plain {np.sqrt(np.mean(fitted**2)):.3f}, RMSE {rmse:.3f} ± {error:.3f} kT")
    assert rmse + 4 * error < limit
