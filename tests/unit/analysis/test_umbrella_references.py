"""References by umbrella sampling, solved replica by replica: populations and their errors."""

import math

import numpy as np
import pytest
from comparisons import X
from double_well_windows import (
    KT,
    PROTOCOL,
    RIGHT,
    TEMPERATURE,
    WINDOWS,
    draws,
    right_side,
    write_replicas,
)
from pymbar import MBAR
from reference_files import write
from scipy.optimize import root

from meanforce.analysis.protocol import Protocol
from meanforce.analysis.samples import reference_sample
from meanforce.analysis.surfaces import Axes, block_histograms
from meanforce.sampling.mbar import Windows, solve
from meanforce.statistics.errors import scatter
from meanforce.statistics.free_energies import free_energy
from meanforce.statistics.resampling import resampled


def pymbar_of(x: np.ndarray) -> tuple[float, float]:
    """Population of x > 0 and its standard error from one replica, of shape (n_windows, n)."""
    mbar = MBAR(WINDOWS.reduced(x.reshape(-1, 1), TEMPERATURE).T, np.full(len(x), x.shape[1]))
    # pymbar takes the logarithm of the observable.
    result = mbar.compute_expectations(1.0 + (x.ravel() > 0), u_kn=np.zeros(x.size))
    return result["mu"].item() - 1.0, result["sigma"].item()


@pytest.mark.parametrize(("replicas", "repeats"), [(1, 15), (2, 8)])
def test_populations_and_errors_are_those_of_independent_replicas(tmp_path, replicas, repeats):
    """Means and errors as pymbar's of each replica; most of the error is in the windows'
    weights."""
    rng, found, errors, theirs = np.random.default_rng(5), [], [], []
    for repeat in range(repeats):
        parts = [draws(300, rng) for _ in range(replicas)]
        paths = write_replicas(tmp_path / str(repeat), parts)
        sample = reference_sample(paths, [X["x"]], 10, PROTOCOL)
        assert sample.n_units == 10 * replicas
        mean, error = right_side(sample, rng)
        means, sigmas = np.transpose([pymbar_of(x) for x in parts])
        assert mean == pytest.approx(means.mean(), abs=1e-4)
        found.append(mean)
        errors.append(error)
        theirs.append(math.sqrt((sigmas**2).mean() / replicas))
    typical = math.sqrt(np.mean(np.square(errors)))
    assert abs(np.mean(found) - RIGHT) < 5 * typical / math.sqrt(repeats)
    # Errors of 9 · 15 and 19 · 8 degrees of freedom are known to 6 %.
    assert typical == pytest.approx(math.sqrt(np.mean(np.square(theirs))), rel=0.3)


def test_response_is_the_derivative_of_the_reweighted_means(tmp_path):
    """∂/∂m_u of Σ_n m_n w_n x_n², where unit u counts m_u times, by finite differences.

    MBAR is solved anew for each m, replica by replica, and each replica counts by Σ m_n. Replicas
    have different numbers of frames, and sides of the well that they favour.
    """
    rng, windows = np.random.default_rng(6), Windows(np.array([[-0.7], [0], [0.9]]), [8 * KT], [0])
    own = Protocol(1, held=True, windows=windows, window_variables=(X["x"],), temperature=300.0)
    parts, paths = [], []
    for replica, frames in enumerate((60, 90)):
        owner = np.tile(np.arange(3), frames // 3)
        x = windows.centers[owner, 0] + rng.normal(0.1 * replica, 0.4, frames)
        x = x.astype(np.float32).astype(float)
        logs = solve(windows, x[:, None], owner, TEMPERATURE).log_weights
        assert np.exp(logs).mean() == pytest.approx(1.0)
        paths.append(write(tmp_path / f"{replica}.h5", x, logs, chain=owner))
        parts.append((x, owner, np.exp(-windows.reduced(x[:, None], TEMPERATURE))))

    def moments(counts: np.ndarray) -> np.ndarray:
        """Σ m_n w_n x_n^k, k = 0, 1, 2, over both replicas' frames; counts of units, (2, 5)."""
        total = np.zeros(3)
        for (x, owner, boltzmann), own in zip(parts, counts, strict=True):
            m = np.repeat(own, len(x) // 5)

            def weights(shifts, factors=boltzmann):
                return 1.0 / (factors @ np.exp([0.0, *shifts]))

            def excess(shifts, m=m, owner=owner, boltzmann=boltzmann, weights=weights):
                shares = boltzmann * np.exp([0.0, *shifts]) * weights(shifts)[:, None]
                return (m @ shares - np.bincount(owner, weights=m))[1:]

            w = weights(root(excess, np.zeros(2), tol=1e-12).x)
            total += (m * w) @ (x[:, None] ** np.arange(3)) * m.sum() / (m @ w)
        return total / 150

    sample = reference_sample(paths, [X["x"]], 5, own)
    assert sample.response.shape == (150, 10)
    assert np.abs(sample.response.sum(axis=1)).max() < 1e-5
    # Units of the other replica do nothing.
    assert not sample.response[:60, 5:].any() and not sample.response[60:, :5].any()
    x = sample.variables[:, 0].astype(float)
    found = np.array([sample.sums(x**k) for k in range(3)]).T
    np.testing.assert_allclose(found.sum(0), moments(np.ones((2, 5))), rtol=1e-5)
    for unit in range(10):
        step = 1e-3 * (np.arange(10) == unit).reshape(2, 5)
        slope = (moments(1 + step) - moments(1 - step)) / 2e-3
        np.testing.assert_allclose(found[unit], slope, rtol=1e-4, atol=1e-6)
    # A replica counts by its frames.
    assert sample.weights[:60].sum() == pytest.approx(0.4)


def test_no_draw_has_a_negative_population(tmp_path):
    """A window far out weighs so little, and so uncertainly, that the linear response exceeds it.

    Its free energy has a finite error, or an infinite one, but not none.
    """
    sample = reference_sample(
        write_replicas(tmp_path, [draws(40, np.random.default_rng(9))]), [X["x"]], 10, PROTOCOL
    )
    bins = Axes(("x",), (np.linspace(-2.0, 2.0, 9),), (False,))
    units = block_histograms(sample, bins)
    times = np.random.default_rng(10).multinomial(9, np.full(10, 0.1), size=200)
    assert (times @ units < 0).any()
    drawn = resampled(units, 200, np.random.default_rng(10))
    assert (drawn >= 0).all()
    np.testing.assert_allclose(drawn.sum(axis=1), 1.0)
    assert not np.isnan(scatter(free_energy(drawn[:, 0], KT)))


def test_replicas_are_units_without_a_response(tmp_path):
    """Each is solved by itself, so that counting one twice changes the weights of none."""
    rng = np.random.default_rng(8)
    paths = write_replicas(tmp_path, [draws(100, rng) for _ in range(4)])
    sample = reference_sample(paths, [X["x"]], 10, PROTOCOL)
    assert sample.response is None and sample.n_units == 4 and sample.held
    np.testing.assert_allclose(sample.sums(np.ones(3600)), 0.25, rtol=1e-6)
