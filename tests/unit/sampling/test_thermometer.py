"""Each stretch of a run checks its temperature: no false alarms, wrong thermostats are caught."""

import numpy as np
import pytest

from meanforce.errors import InputError
from meanforce.sampling.thermometer import Thermometer

# Thermometer

SEGMENTS = 1500
SAMPLES = 60


def kinetic_ratios(rng, degrees: int, friction: float, frequency: float, interval: float):
    """Exact kinetic energies of Langevin oscillators (frequency 0: free), relative to kT/2.

    Returns:
        shape (SEGMENTS, SAMPLES), in equilibrium.
    """
    from scipy.linalg import expm

    drift = np.array([[0.0, 1.0], [-(frequency**2), -friction]])
    if frequency == 0.0:
        drift = drift[1:, 1:]
        covariance = np.eye(1)
    else:
        covariance = np.diag([1.0 / frequency**2, 1.0])
    propagator = expm(drift * interval)
    noise = np.linalg.cholesky(covariance - propagator @ covariance @ propagator.T)
    n = len(covariance)
    state = np.linalg.cholesky(covariance) @ rng.standard_normal((SEGMENTS, degrees, n, 1))
    ratios = np.empty((SEGMENTS, SAMPLES))
    for number in range(SAMPLES):
        kicks = rng.standard_normal((SEGMENTS, degrees, n, 1))
        state = propagator @ state + noise @ kicks
        ratios[:, number] = (state[:, :, -1, 0] ** 2).mean(axis=1)
    return ratios


@pytest.mark.parametrize("degrees", [1, 3, 6, 51])
@pytest.mark.parametrize(
    ("frequency", "interval"), [(0.0, 0.05), (0.0, 0.25), (0.0, 2.0), (0.3, 0.25), (20.0, 0.25)]
)
def test_thermometer_raises_no_false_alarm(degrees, frequency, interval):
    """Checked after every sample of every segment: at most 2e-4 alarms are expected in a case."""
    rng = np.random.default_rng([degrees, int(frequency * 10), int(interval * 100)])
    ratios = kinetic_ratios(rng, degrees, 1.0, frequency, interval)
    means = ratios.cumsum(axis=1) / np.arange(1, SAMPLES + 1)
    for count in range(1, SAMPLES + 1):
        thermometer = Thermometer(degrees, 1, interval, 1.0, count=count)
        low, high = thermometer.bounds()
        assert low < means[:, count - 1].min() and means[:, count - 1].max() < high
    # No sample looks like an explosion either.
    for row in ratios:
        thermometer.look(row)


def test_thermometer_bounds_narrow_to_the_allowance():
    bounds = [Thermometer(51, 1, 0.25, 1.0, count=n).bounds() for n in (1, 100, 10**4, 10**7)]
    assert np.all(np.diff([high for _, high in bounds]) < 0)
    assert np.all(np.diff([low for low, _ in bounds]) > 0)
    assert bounds[-1] == pytest.approx((0.95, 1.05), abs=0.003)


def test_wrong_thermostat_is_caught():
    """350 K for 300 K: a capped alanine (51 degrees of freedom, 1/ps) shows it in 0.5 ns."""
    rng = np.random.default_rng(5)
    for ratio, caught in ((350 / 300, True), (1.25**2, True), (1 / 1.2, True), (1.0, False)):
        thermometer = Thermometer(51, 1, 0.25, 1.0)
        velocities = rng.standard_normal(51)
        decay = np.exp(-0.25)
        for _ in range(2000):
            kicks = rng.standard_normal(51)
            velocities = decay * velocities + np.sqrt(1.0 - decay**2) * kicks
            thermometer.add(ratio * np.array([(velocities**2).mean()]))
        if caught:
            with pytest.raises(InputError, match=r"K, but the thermostat's is 300 K .*is wrong"):
                thermometer.check(300.0)
        else:
            thermometer.check(300.0)
