"""Perfect models against independent references, correlated and biased as in real runs.

A small version of tests/benchmarks/calibration.py: each error that is found is noise. With 40 pairs
a mean is known to σ/6 and a standard deviation to 11 %; limits are 4.5 standard errors away from
what is wanted. 5 % of perfect models may be called worse: 10 of 40 have the probability 3e-5.
"""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from correlated_pairs import Surface

PAIRS = 40


@pytest.fixture(scope="module")
def calibration(root):
    sys.path.append(str(root / "tests" / "benchmarks"))
    import calibration

    return calibration


@pytest.fixture(scope="module")
def surface(root) -> Surface:
    return Surface.of(np.load(root / "tests" / "data" / "capped_alanine_density.npy"))


@pytest.mark.slow
@pytest.mark.extended
@pytest.mark.parametrize("layout", [(2, 25000), (4, 25000)], ids=["20 blocks", "4 replicas"])
def test_errors_of_perfect_models_are_what_is_claimed(calibration, surface, layout):
    arguments = SimpleNamespace(pairs=PAIRS, seed=3)
    rows = [calibration.null_rows(*pair) for pair in calibration.pairs(surface, layout, arguments)]
    table = calibration.table(rows).set_index("metric")
    print(table)
    assert (table["worse"] * PAIRS < 10).all()
    # Scores of noise scatter by 13 % (JS) to 60 % (a single free energy).
    distances = ["js_phi_psi", "fes_rmse", "wasserstein_bond", "wasserstein_angle"]
    assert table.loc[distances, "mean/floor"].between(0.88, 1.12).all()
    assert table["mean/floor"].between(0.55, 1.45).all()
    assert table["claimed/true"].between(0.6, 1.8).all()


@pytest.mark.slow
@pytest.mark.extended
def test_a_wrong_surface_is_found(calibration, surface):
    """A model wrong by JS 0.010, which passed as within noise when bars were three times too long.

    The true error is 6 standard deviations of the noise above the floor.
    """
    arguments = SimpleNamespace(pairs=20, seed=4)
    n = len(surface.populations)
    angle = (np.arange(n) + 0.5) / n * 2 * np.pi - np.pi
    tilt = 0.4 * (np.cos(angle)[:, None] + np.sin(2 * angle)[None, :])
    for pair in calibration.pairs(surface, (2, 25000), arguments):
        row = calibration.null_rows(*pair, tilt=tilt)["js_phi_psi"]
        assert row.value > row.resolution
