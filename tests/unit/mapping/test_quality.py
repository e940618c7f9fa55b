"""Checks of datasets, on processes and potentials with known answers.

Allowances of 4 standard errors are passed by right code with probability 1 − 6·10⁻⁵ each where
errors are Gaussian, and 1 − 8·10⁻⁴ where they come from 20 blocks; seeds are fixed.
"""

import json

import numpy as np
import pytest
from scipy.signal import lfilter

from meanforce.core.invariants import in_own_frames
from meanforce.data.h5md import FrameBlock, H5mdReader, H5mdWriter
from meanforce.errors import InputError
from meanforce.mapping.irreducible import irreducible_variance
from meanforce.mapping.quality import check_dataset
from meanforce.statistics.autocorrelation import correlation
from meanforce.systems.muller_brown_surface import energy
from meanforce.units import kt

THERMAL = kt(300.0)
X = np.linspace(8, 58, 1001)[:, None]
Y = np.linspace(-20, 60, 801)
ENERGY = energy(X, Y) / THERMAL
SLOPE = (energy(X + 1e-4, Y) - energy(X - 1e-4, Y)) / 2e-4
BIASES = {"unbiased": 0.0, "biased": -4.0 * np.exp(-((X - 32) ** 2) / (2 * 5**2))}
EXACT = {"unbiased": 0.420, "biased": 0.408}
"""Irreducible variance of the published cases, kT²/nm²."""


def autoregressive(n: int, memory: float, seed: int) -> np.ndarray:
    """x(t + 1) = a x(t) + noise, stationary: ρ(t) = a^t, so that g = (1 + a)/(1 − a)."""
    noise = np.random.default_rng(seed).normal(size=n)
    noise[0] /= np.sqrt(1 - memory**2)
    return lfilter([1.0], [1.0, -memory], noise)


@pytest.mark.parametrize("memory", [0.5, 0.9, 0.98])
def test_autocorrelation_of_an_autoregressive_process(memory):
    exact = (1 + memory) / (1 - memory)
    found = correlation([autoregressive(200000, memory, 1)])
    # The window cuts a tail of e⁻⁵ or so, which stays within the error.
    assert found.inefficiency == pytest.approx(exact, abs=4 * found.error)
    assert found.error < 0.1 * exact
    assert found.resolved


def test_the_error_of_the_autocorrelation_is_its_spread():
    found = [correlation([autoregressive(20000, 0.9, seed)]) for seed in range(100)]
    spread = np.std([item.inefficiency for item in found], ddof=1)
    # A standard deviation from 100 draws is known to 7 %.
    assert np.mean([item.error for item in found]) == pytest.approx(spread, rel=0.28)


def test_white_and_constant_series_and_several_components():
    white = np.random.default_rng(2).normal(size=(100000, 4))
    assert correlation([white]).inefficiency == pytest.approx(1.0, abs=0.02)
    assert correlation([np.ones(50)]).inefficiency == 1.0
    slow = np.stack([autoregressive(100000, 0.9, seed) for seed in (3, 4, 5)], axis=1)
    found = correlation(list(np.array_split(slow, 5)))
    assert found.inefficiency == pytest.approx(19.0, abs=4 * found.error)


def test_anticorrelated_samples_count_as_independent():
    assert correlation([autoregressive(10000, -0.6, 6)]).inefficiency == 1.0


def test_series_stuck_in_different_places_are_not_independent():
    noise = np.random.default_rng(7).normal(size=(4, 1000))
    stuck = noise + np.array([-5.0, -5.0, 5.0, 5.0])[:, None]
    assert correlation(list(noise)).inefficiency < 1.5
    assert correlation(list(stuck)).inefficiency > 100


def muller_brown(kind: str, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Independent frames of the Boltzmann density, and forces without the bias."""
    rng = np.random.default_rng(seed)
    values = -(ENERGY + BIASES[kind])
    density = np.exp(values - values.max())
    drawn = rng.choice(density.size, size=n, p=density.ravel() / density.sum())
    positions, forces = np.zeros((2, n, 1, 3))
    # Within the cell of the grid, so that no two frames are at the same place.
    positions[:, 0, 0] = X[drawn // len(Y), 0] + rng.uniform(-0.025, 0.025, n)
    forces[:, 0, 0] = -SLOPE.ravel()[drawn]
    return positions, forces


@pytest.mark.parametrize("kind", BIASES)
def test_irreducible_variance_of_muller_brown(kind):
    found = [
        irreducible_variance(*muller_brown(kind, 20000, seed), np.arange(20000) * 20 // 20000)
        for seed in range(10)
    ]
    values = np.array([item.variance for item in found]) / THERMAL**2
    errors = np.array([item.error for item in found]) / THERMAL**2
    assert values[0] == pytest.approx(EXACT[kind], abs=4 * errors[0])
    # The standard error of the mean of ten is 0.3 %.
    assert values.mean() == pytest.approx(EXACT[kind], rel=0.03)
    assert errors.mean() == pytest.approx(values.std(ddof=1), rel=0.8)


def rouse(n: int, beads: int, seed: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Gaussian chain with every other atom as a bead; exact irreducible variance.

    The forces on beads that hidden atoms exert have, at fixed beads, the covariance
    kT K_bh K_hh⁻¹ K_hb.
    """
    atoms, stiffness = 2 * beads - 1, 1000.0
    step = np.diff(np.eye(atoms), axis=0)
    matrix = stiffness * step.T @ step
    steps = np.random.default_rng(seed).normal(0, np.sqrt(THERMAL / stiffness), (n, atoms - 1, 3))
    chain = np.concatenate([np.zeros((n, 1, 3)), np.cumsum(steps, axis=1)], axis=1)
    forces = -np.einsum("ij,njd->nid", matrix, chain)
    bead, hidden = np.arange(0, atoms, 2), np.arange(1, atoms, 2)
    across = matrix[np.ix_(bead, hidden)]
    covariance = THERMAL * across @ np.linalg.inv(matrix[np.ix_(hidden, hidden)]) @ across.T
    return chain[:, bead], forces[:, bead], float(np.diag(covariance).mean())


@pytest.mark.slow
@pytest.mark.parametrize("beads", [2, 4, 7])
def test_irreducible_variance_of_a_gaussian_chain(beads):
    """It is half of the forces' variance, in up to 15 dimensions."""
    n = 20000
    positions, forces, exact = rouse(n, beads, seed=1)
    found = irreducible_variance(positions, forces, np.arange(n) * 20 // n)
    assert found.total == pytest.approx(2 * exact, rel=0.03)
    # Within errors where beads are few; an upper bound, 3 % at most, where they are many.
    assert found.variance == pytest.approx(exact, abs=4 * found.error + 0.02 * exact)
    assert found.variance > exact - 4 * found.error


def test_irreducible_variance_does_not_see_tumbling():
    n = 3000
    positions, forces, _ = rouse(n, 4, seed=2)
    axes, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(n, 3, 3)))
    axes *= np.sign(np.linalg.det(axes))[:, None, None]
    turned = in_own_frames(positions @ axes, forces @ axes)
    np.testing.assert_allclose(turned, in_own_frames(positions, forces), rtol=1e-6, atol=1e-6)
    norms = np.linalg.norm(forces, axis=2)
    np.testing.assert_allclose(np.linalg.norm(turned, axis=2), norms, rtol=1e-9)


def test_forces_without_noise_have_no_irreducible_variance():
    n = 3000
    positions, forces = muller_brown("unbiased", n, seed=4)
    forces[:, 0, 0] = -0.1 * (positions[:, 0, 0] - 30.0)
    found = irreducible_variance(positions, forces, np.arange(n) * 20 // n)
    assert found.variance < 1e-6 * found.total


def test_neighbours_in_time_are_left_out():
    """Frames so close in time that nearest neighbours share their noise."""
    n = 30000
    # The bead moves as slowly as its noise changes.
    x = autoregressive(n, 0.98, 5) * np.sqrt(1 - 0.98**2)
    noise = autoregressive(n, 0.98, 6) * np.sqrt(1 - 0.98**2)
    positions, forces = np.zeros((2, n, 1, 3))
    positions[:, 0, 0], forces[:, 0, 0] = x, -10 * x + noise
    found = irreducible_variance(positions, forces, np.arange(n) * 20 // n)
    # The noise's own variance, known to √(2 · 50/n) or so.
    assert found.variance == pytest.approx(noise.var(), abs=4 * found.error)
    assert found.error < 0.1


def write(path, positions, forces, times=None, walkers=None):
    n = len(positions)
    parameters = {"bead_names": [f"B{i}" for i in range(positions.shape[1])], "bonds": []}
    times = 0.1 * np.arange(n) if times is None else times
    walkers = np.zeros(n, int) if walkers is None else walkers
    with H5mdWriter(path, np.ones(positions.shape[1]), parameters, with_forces=True) as writer:
        writer.append(FrameBlock(positions, times, np.zeros(n), np.zeros(n), walkers, forces))
    return path


def checks(path) -> dict:
    with H5mdReader(path) as reader:
        found = check_dataset(reader)
    # It must be JSON without NaN.
    return json.loads(json.dumps(found, allow_nan=False))


def test_checks_of_a_good_dataset(tmp_path):
    n = 12000
    memory = 0.9
    # Two walkers that take turns, with independent noise.
    walkers = np.arange(n) % 2
    x, noise = np.zeros((2, n))
    for walker in (0, 1):
        x[walkers == walker] = autoregressive(n // 2, memory, 8 + walker)
        noise[walkers == walker] = np.random.default_rng(walker).normal(size=n // 2)
    positions, forces = np.zeros((2, n, 1, 3))
    positions[:, 0, 0], forces[:, 0, 0] = x, -x + noise
    found = checks(write(tmp_path / "a.h5", positions, forces, 0.1 * (np.arange(n) // 2), walkers))
    assert (found["frames"], found["walkers"], found["duplicates"]) == (n, 2, 0)
    assert found["time"] == {
        "first": 0.0, "last": pytest.approx(599.9), "stride": pytest.approx(0.1), "constant": True,
    }  # fmt: skip
    # g = 19 of the positions, so τ = 0.95 ps; the forces' noise is white.
    shapes = found["conformations"]
    assert shapes["autocorrelation_time"] == pytest.approx(0.95, abs=4 * shapes["stderr"])
    assert shapes["effective_frames"] == pytest.approx(n / 19, rel=0.3)
    assert found["forces"]["autocorrelation_time"] == pytest.approx(0.05, rel=0.1)
    assert found["forces"]["effective_frames"] > 0.9 * n
    floor = found["irreducible_variance"]
    assert floor["variance"] == pytest.approx(1.0, abs=4 * floor["error"])
    norm = np.abs(forces[:, 0, 0].astype("f4")).mean()
    assert found["mean_force_norm"]["B0"] == pytest.approx(norm, rel=1e-5)


def test_uneven_times_and_duplicates_are_told(tmp_path):
    rng = np.random.default_rng(9)
    positions, forces = rng.normal(size=(2, 200, 3, 3))
    positions[[50, 51, 120]] = positions[[49, 49, 119]]
    times = np.arange(200.0)
    times[100:] += 0.5
    found = checks(write(tmp_path / "a.h5", positions, forces, times))
    assert found["duplicates"] == 3
    assert found["time"]["constant"] is False


def test_few_frames_have_no_statistics(tmp_path):
    for n in (1, 30):
        found = checks(
            write(tmp_path / f"{n}.h5", *np.random.default_rng(1).normal(size=(2, n, 2, 3)))
        )
        assert found["frames"] == n
        assert "irreducible_variance" not in found


@pytest.mark.parametrize("n_beads", [2, 3, 4])
def test_any_number_of_beads(tmp_path, n_beads):
    given = np.random.default_rng(1).normal(size=(2, 150, n_beads, 3))
    assert checks(write(tmp_path / "a.h5", *given))["irreducible_variance"]["frames"] == 150


def test_bad_numbers_and_times_are_refused(tmp_path):
    positions, forces = np.zeros((2, 10, 1, 3))
    forces[7, 0, 1] = np.nan
    with pytest.raises(InputError, match="frame 7 of the dataset has forces that are not finite"):
        checks(write(tmp_path / "a.h5", positions, forces))
    times = np.arange(10.0)
    times[4] = 3.0
    with pytest.raises(InputError, match="frame 4 of the dataset is not later than the frame"):
        checks(write(tmp_path / "b.h5", positions, 0 * positions, times))
