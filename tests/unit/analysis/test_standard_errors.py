"""Standard errors from few units, and draws that are infinite."""

import math

import numpy as np
import pytest
from comparisons import along_x, by_name, compare

from meanforce.analysis.kinds import Group
from meanforce.analysis.metrics import basins
from meanforce.analysis.rows import Estimate, Quantity, compared
from meanforce.statistics.distances import trace_of_square
from meanforce.statistics.errors import NONE, UNKNOWN, Error, combined, quantile, scatter
from meanforce.statistics.resampling import resampled


@pytest.mark.parametrize("units", [4, 5, 10, 20])
def test_limits_hold_for_few_units(units):
    """Populations of a basin from few replicas: four exceed two standard errors in 14 % of cases.

    Of 4,000 tables 5 % are 200 ± 14; logarithms of four lognormal numbers are not quite normal,
    which makes 0.8 % more. Limits are 4.5 standard errors beyond that.
    """
    rng = np.random.default_rng(units)
    draws, normal, student = 4000, 0, 0
    exact = math.log(0.02 * math.exp(0.045) / (1 - 0.02 * math.exp(0.045)))
    for _ in range(draws):
        q = np.exp(math.log(0.02) + 0.3 * rng.standard_normal(units))
        parts = np.stack([q, 1 - q], axis=1) / units
        drawn = resampled(parts, 100, rng)
        found = Error(scatter(np.log(drawn[:, 0] / drawn[:, 1])), units - 1)
        off = abs(math.log(parts[:, 0].sum() / parts[:, 1].sum()) - exact)
        normal += off > 2 * found.stderr
        student += off > found.limit()
    assert 0.028 < student / draws < 0.074
    if units == 4:
        assert normal / draws > 0.12


def test_degrees_of_freedom_of_a_sum():
    assert combined(Error(3.0, 5.0), Error(4.0)).stderr == pytest.approx(5.0)
    # (9 + 16)²/(81/5 + 256/8)
    assert combined(Error(3.0, 5.0), Error(4.0, 8.0)).dof == pytest.approx(625 / (81 / 5 + 32))
    assert combined(NONE, Error(1.0, 7.0)) == Error(1.0, 7.0)
    assert math.isnan(combined(UNKNOWN, Error(1.0, 7.0)).stderr)
    assert math.isnan(UNKNOWN.limit())
    assert quantile(math.inf) == pytest.approx(1.96, abs=0.001)
    assert quantile(3) == pytest.approx(3.182, abs=0.001)


def test_floors_and_resolution_leave_out_what_training_causes():
    """The members' spread widens the error bar, but a perfect model does not score more for it."""
    f, reference = Quantity("f", Group.BASINS), Estimate(1.0, Error(0.04, 3))
    alike, spread = (
        by_name(compared(f, Estimate(1.1, Error(0.03, 19), training), reference))["f_error"]
        for training in (Error(0.0, 3), Error(0.5, 3))
    )
    assert alike.noise_floor == spread.noise_floor
    assert alike.resolution == spread.resolution
    assert alike.stderr == pytest.approx(0.05)
    assert spread.stderr == pytest.approx(math.hypot(0.5, 0.05))
    assert spread.data_limit > 3 * 0.5
    # A CG run without an end has the floor of the reference.
    endless = by_name(compared(f, Estimate(1.1, NONE, UNKNOWN), reference))["f_error"]
    assert endless.noise_floor == alike.noise_floor_reference < alike.noise_floor
    assert math.isnan(endless.stderr)


def test_infinite_draws_count():
    draws = np.array([0.0, 1.0] * 50)
    assert scatter(draws) == pytest.approx(0.5, abs=0.01)
    # One in ten lies beyond the percentiles, one in four does not.
    few, many = draws.copy(), draws.copy()
    few[:10], many[:25] = math.inf, math.inf
    assert scatter(few) == pytest.approx(0.5, abs=0.01)
    assert scatter(many) == math.inf
    assert math.isnan(scatter(np.array([1.0, math.nan])))


def test_a_basin_that_most_units_never_saw_has_no_small_error_bar():
    """Two of twenty blocks visit x > 2: 12 % of the bootstrap draws have none."""
    rng = np.random.default_rng(1)
    x = np.clip(rng.standard_normal(20000), -3.9, 1.9)
    x[[100, 19900]] = 3.0
    boxes = {"low": [{"x": (-4.0, 2.0)}], "high": [{"x": (2.0, 4.0)}]}
    settings = {"basins": boxes, "differences": {"high": ("high", "low")}}
    reference = along_x(rng.choice([1.0, 3.0], size=20000, p=[0.9999, 0.0001]), blocks=20)
    rows = by_name(basins.rows(compare(along_x(x), reference, **settings)))
    kT = 0.0083144626 * 300 / 4.184
    # The percentiles are draws with one and with three visits: ½ ln 3 kT.
    assert rows["delta_f_high"].stderr_noise > 0.5 * kT
    one = x.copy()
    one[100] = 0.0
    rows = by_name(basins.rows(compare(along_x(one), reference, **settings)))
    # With one, a third of the draws have none: no bar can be given.
    assert rows["delta_f_high"].stderr_noise == math.inf


def test_trace_of_the_squared_covariance_is_unbiased():
    """From 4 and 20 units in 300 directions, where the plain estimate is many times too large."""
    rng = np.random.default_rng(3)
    scale = np.sqrt(np.linspace(0.1, 2.0, 300))
    exact = (scale**4).sum()
    for units in (4, 20):
        found, plain = [], []
        for _ in range(200):
            x = rng.standard_normal((units, 300)) * scale
            centred = (x - x.mean(axis=0)) / math.sqrt(units - 1)
            found.append(trace_of_square(centred, units - 1))
            plain.append(((centred @ centred.T) ** 2).sum())
        assert np.mean(found) == pytest.approx(exact, abs=5 * np.std(found) / math.sqrt(200))
        assert np.mean(plain) > 3 * exact
