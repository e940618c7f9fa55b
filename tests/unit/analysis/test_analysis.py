"""Analysis against known answers. Seeds are fixed; allowances are at least 5 standard errors."""

import math

import numpy as np
import pytest

from meanforce.analysis.metrics.basins import barrier_height
from meanforce.analysis.samples import Sample
from meanforce.analysis.surfaces import Axes, block_histograms
from meanforce.core.topology import Topology
from meanforce.mapping.irreducible import irreducible_variance
from meanforce.statistics.free_energies import FreeEnergyRmse, coverage
from meanforce.statistics.jensen_shannon import JensenShannon
from meanforce.statistics.mixing import r_hat, r_hat_error
from meanforce.statistics.resampling import resampled
from meanforce.statistics.wasserstein import Wasserstein

JS = JensenShannon((False,))
jensen_shannon = JS.value


def sample(variables: np.ndarray, weights: np.ndarray, blocks: np.ndarray) -> Sample:
    n = len(weights)
    return Sample(
        np.zeros((n, 1, 3)), variables, weights / weights.sum(), blocks,
        np.zeros(n, dtype=int), int(blocks.max()) + 1, Topology.of_beads(("X",), ("X",), ()),
    )  # fmt: skip


def test_jensen_shannon_of_known_distributions():
    p, q = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    assert jensen_shannon(p, p) == 0
    assert jensen_shannon(p, q) == pytest.approx(math.log(2))
    half = np.array([0.5, 0.5])
    expected = 0.5 * math.log(4 / 3) + 0.5 * (0.5 * math.log(2) + 0.5 * math.log(2 / 3))
    assert jensen_shannon(p, half) == pytest.approx(expected)


def test_divergence_is_blind_to_a_rare_basin_and_its_free_energy_is_not():
    # A basin of population 2 % whose free energy is wrong by 1 kcal/mol at 300 K.
    kT = 0.5962
    p = np.array([0.98, 0.02])
    odds = 0.02 / 0.98 * math.exp(-1.0 / kT)
    q = np.array([1.0, odds]) / (1 + odds)
    assert jensen_shannon(p, q) < 0.004
    error = -kT * math.log(p[1] / p[0]) + kT * math.log(q[1] / q[0])
    assert error == pytest.approx(-1.0)


def histograms(n: int, repeats: int, weighted: bool, rng: np.random.Generator) -> np.ndarray:
    """100 blocks of a uniform sample over 400 bins; every frame `repeats` times."""
    axes = Axes(("s",), (np.linspace(0, 1, 401),), (False,))
    values = np.repeat(rng.uniform(0, 1, (n // repeats, 1)), repeats, axis=0)
    weights = rng.exponential(1, n) if weighted else np.ones(n)
    return block_histograms(sample(values, weights, np.arange(n) * 100 // n), axes)


@pytest.mark.parametrize(
    ("repeats", "weighted", "independent"), [(1, False, 40000), (10, False, 4000), (1, True, 20000)]
)
def test_floor_follows_theory_for_correlated_and_weighted_frames(repeats, weighted, independent):
    # A sample of N independent frames over K bins has JS ≈ (K − 1)/(8N) from its distribution;
    # exponential weights halve N.
    rng = np.random.default_rng(1)
    blocks = histograms(40000, repeats, weighted, rng)
    exact = np.full((1, 400), 1 / 400)
    noise = JS.noise(blocks, exact)
    assert noise.floor == pytest.approx(399 / 8 / independent, rel=0.1)
    assert noise.floor_reference == 0


def test_floor_of_exact_distributions_is_zero():
    blocks = np.full((1, 10), 0.1)
    noise = JS.noise(blocks, blocks)
    assert (noise.floor, noise.null, noise.stderr, noise.resolution) == (0, 0, 0, 0)


def test_a_perfect_model_scores_its_floor():
    rng = np.random.default_rng(2)
    model, reference = (histograms(n, 1, False, rng) for n in (40000, 10000))
    noise = JS.noise(model, reference)
    score = jensen_shannon(model.sum(0), reference.sum(0))
    # JS of pure noise is χ² with 399 degrees of freedom: relative standard error 7 %.
    assert score == pytest.approx(noise.floor, rel=0.35)
    assert noise.null == pytest.approx(noise.floor * math.sqrt(2 / 399), rel=0.4)


def test_reweighted_histogram_is_the_target_distribution():
    rng = np.random.default_rng(3)
    values = rng.uniform(0, 1, (200000, 1))
    weights = np.exp(-3 * values[:, 0])
    axes = Axes(("s",), (np.linspace(0, 1, 6),), (False,))
    blocks = block_histograms(sample(values, weights, np.arange(200000) * 20 // 200000), axes)
    edges = np.linspace(0, 1, 6)
    exact = (np.exp(-3 * edges[:-1]) - np.exp(-3 * edges[1:])) / (1 - math.exp(-3))
    assert blocks.sum(0) == pytest.approx(exact, abs=0.005)
    drawn = resampled(blocks, 300, rng).std(0)
    assert (drawn < 0.003).all()
    assert (drawn > 0.0002).all()


def test_free_energy_rmse_ignores_a_constant_and_high_bins():
    p = np.array([0.6, 0.3, 0.0999, 0.0001])
    q = np.array([0.6, 0.3, 0.0999, 0.00001])
    q /= q.sum()
    assert FreeEnergyRmse(1.0, 3.0, (False,)).value(p, q) == pytest.approx(0, abs=1e-12)
    assert FreeEnergyRmse(1.0, 30.0, (False,)).value(p, q) > 0.9


def test_bins_that_a_model_never_visits_count_at_the_cutoff():
    """A basin of free energy 2 that is missing is an error of 2 to the cutoff 4, not none."""
    q = np.exp(-np.array([0.0] * 8 + [2.0] * 2))
    q /= q.sum()
    p = np.array([1 / 8] * 8 + [0.0] * 2)
    # Differences 0 (eight times) and 2 (twice).
    assert FreeEnergyRmse(1.0, 4.0, (False,)).value(p, q) == pytest.approx(0.8**0.5)
    assert coverage(p, q, 1.0, 4.0) == pytest.approx(0.8)
    assert coverage(p, q, 1.0, 1.0) == 1.0


def test_barrier_takes_the_lower_way_round_the_circle():
    profile = np.array([5.0, 1.0, 8.0, 0.0, 4.0, 6.0])
    start, end = np.arange(6) == 3, np.arange(6) == 1
    assert barrier_height(profile, start, end, periodic=False) == 8.0
    assert barrier_height(profile, start, end, periodic=True) == 6.0
    # From the other side, heights count from the other minimum.
    assert barrier_height(profile, end, start, periodic=True) == 5.0


def test_wasserstein_of_shifted_histograms():
    p = np.zeros((1, 100))
    p[0, 10] = 1
    on_a_line, on_a_circle = (Wasserstein([0.1], [closed]).value for closed in (False, True))
    assert on_a_line(p, np.roll(p, 7)) == pytest.approx(0.7)
    assert on_a_circle(p, np.roll(p, 95)) == pytest.approx(0.5)


def test_r_hat_tells_mixed_from_stuck_chains():
    rng = np.random.default_rng(4)
    chains = np.tile(np.arange(20), 500)
    mixed = rng.normal(size=10000)
    assert r_hat(mixed, chains) == pytest.approx(1.0, abs=0.01)
    assert r_hat(mixed + 2 * (chains % 2), chains) > 1.3


def test_irreducible_force_is_the_noise_and_not_the_models_error():
    # A smooth model error of variance about 2 on top of noise of variance 0.25.
    rng = np.random.default_rng(6)
    n = 20000
    positions = np.zeros((n, 1, 3))
    positions[:, 0, 0] = rng.uniform(0, 10, n)
    residual = np.zeros((n, 1, 3))
    residual[:, 0, 0] = 2 * np.sin(positions[:, 0, 0]) + 0.5 * rng.normal(size=n)
    found = irreducible_variance(positions, residual, np.arange(n) * 20 // n)
    assert found.variance == pytest.approx(0.25, abs=5 * 0.25 * math.sqrt(6 / n))


@pytest.mark.parametrize("beads", [5, 30])
def test_stiff_bonds_of_many_beads_are_not_noise(beads):
    """Helices with springs between neighbours, whose forces are 30 times as large as the noise.

    Without first-order terms of all features the noise of 30 beads is found 600 times too large.
    Left is the second order of most of them, which few frames cannot fit: 30 % are allowed.
    """
    rng, n, turn = np.random.default_rng(11), 6000, np.arange(beads) * 1.7
    helix = np.stack([0.2 * np.cos(turn), 0.2 * np.sin(turn), 0.1 * turn], axis=1)
    positions = helix + rng.normal(0, 0.003, (n, beads, 3))
    steps = np.diff(positions, axis=1)
    lengths = np.linalg.norm(steps, axis=2, keepdims=True)
    bonds = 1e5 * (lengths - np.linalg.norm(np.diff(helix, axis=0), axis=1)[:, None])
    bonds = bonds * steps / lengths
    forces = rng.normal(0, 10, (n, beads, 3))
    forces[:, :-1] += bonds
    forces[:, 1:] -= bonds
    found = irreducible_variance(positions, forces, np.arange(n) * 20 // n)
    print(f"{beads} beads: noise 100 of {found.total:.0f}, found {found.variance:.1f}")
    assert 100 - 5 * found.error < found.variance < 130


def test_error_of_r_hat_is_its_scatter():
    rng = np.random.default_rng(7)
    chains = np.tile(np.arange(60), 40)
    found, errors = [], []
    for _ in range(60):
        values = rng.normal(size=2400) + np.tile(rng.normal(size=60), 40)
        found.append(r_hat(values, chains))
        errors.append(r_hat_error(values, chains))
    # A standard deviation of 60 draws is known to 9 %.
    assert np.mean(errors) == pytest.approx(np.std(found), rel=0.4)
    assert math.isnan(r_hat_error(np.arange(8.0), np.tile([0, 1], 4)))


def test_a_model_that_is_never_where_the_reference_is_has_the_largest_error():
    """A flat reference minus a constant would make it a perfect model."""
    metric, units = FreeEnergyRmse(0.6, 4.0, (False,)), np.full((10, 1), 0.1)
    reference = units * np.repeat([1 / 30, 0.0], 30)
    errors = []
    for visited in (30, 15, 0):
        model = units * np.r_[np.ones(visited), np.zeros(30 - visited), np.ones(30)]
        model /= model.sum()
        value = metric.value(model.sum(axis=0), reference.sum(axis=0))
        errors.append(value)
        assert (value > metric.noise(model, reference).resolution) == (visited < 30)
    assert errors[0] == pytest.approx(0.0, abs=1e-9)
    assert errors[0] < errors[1] < errors[2]
