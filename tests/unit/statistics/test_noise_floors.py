"""Noise floors of the divergence, and what it detects or not, on the density of a peptide.

The density is that of (φ, ψ) of capped alanine in implicit solvent at 300 K, 60×60 bins, from four
metadynamics runs of 6 ns, reweighted; it stands for the truth.
"""

import numpy as np
import pytest

from meanforce.statistics.distances import quadratic
from meanforce.statistics.jensen_shannon import JensenShannon
from meanforce.statistics.wasserstein import Wasserstein

THERMAL = 0.0083144626 * 300 / 4.184
"""kT in kcal/mol."""

JS = JensenShannon((True, True))
jensen_shannon = JS.value


@pytest.fixture(scope="module")
def density(root) -> np.ndarray:
    values = np.load(root / "tests" / "data" / "capped_alanine_density.npy").astype(float)
    return values / values.sum()


def units(density: np.ndarray, frames: int, number: int, rng: np.random.Generator) -> np.ndarray:
    """Histograms of independent frames in `number` units."""
    counts = rng.multinomial(frames // number, density.ravel(), size=number)
    return counts.reshape(number, *density.shape) / frames


@pytest.mark.parametrize(
    ("frames", "measured"), [(10000, 0.0174), (50000, 0.0041), (100000, 0.0023), (500000, 0.0005)]
)
def test_floors_of_a_perfect_model(density, frames, measured):
    """Floors for independent frames, as measured on another sample of this peptide."""
    rng = np.random.default_rng(1)
    exact = density[None]
    found = [JS.noise(units(density, frames, 20, rng), exact).floor for _ in range(5)]
    # 10 % for the other density, and half of the last digit that is known.
    assert abs(np.mean(found) - measured) < 0.1 * measured + 0.00005
    scores = [jensen_shannon(units(density, frames, 1, rng)[0], density) for _ in range(5)]
    # Over thousands of bins a score scatters by 4 %, their mean by 2 %.
    assert np.mean(found) == pytest.approx(np.mean(scores), rel=0.1)


@pytest.mark.parametrize(("repeats", "weighted"), [(10, False), (1, True)])
def test_floor_knows_what_correlated_and_weighted_frames_are_worth(density, repeats, weighted):
    rng = np.random.default_rng(2)
    n, number, scores, found = 40000, 20, [], []
    for _ in range(5):
        bins = np.repeat(rng.choice(density.size, n // repeats, p=density.ravel()), repeats)
        weights = rng.exponential(1.0, n) if weighted else np.ones(n)
        flat = bins + density.size * (np.arange(n) * number // n)
        blocks = np.bincount(flat, weights / weights.sum(), number * density.size)
        blocks = blocks.reshape(number, *density.shape)
        scores.append(jensen_shannon(blocks.sum(0), density))
        found.append(JS.noise(blocks, density[None]).floor)
    assert np.mean(found) == pytest.approx(np.mean(scores), rel=0.15)


def test_an_exact_distribution_has_no_floor(density):
    assert JS.noise(density[None], density[None]).floor == 0


def test_divergence_sees_the_shape_of_populated_basins(density):
    floor = 0.0023  # of 100,000 independent frames
    assert jensen_shannon(density, np.roll(density, 1, axis=1)) > 5 * floor  # all ψ wrong by 6°
    uncoupled = np.outer(density.sum(axis=1), density.sum(axis=0))
    assert jensen_shannon(density, uncoupled) > 15 * floor


def test_divergence_is_blind_to_a_rare_basin_whose_free_energy_is_not(density):
    """The basin φ > 0 wrong by 1 kcal/mol: a hundredth of what JS can be, and 1 kcal/mol."""
    wrong, positive = density.copy(), np.arange(60) >= 30
    wrong[positive] *= np.exp(-1.0 / THERMAL)
    wrong /= wrong.sum()
    assert 0.002 < jensen_shannon(density, wrong) < 0.005
    # Less than what a good model of this peptide scores, and than the floor of 10,000 frames.

    def difference(p: np.ndarray) -> float:
        return -THERMAL * np.log(p[positive].sum() / p[~positive].sum())

    assert difference(wrong) - difference(density) == pytest.approx(1.0, rel=1e-9)


@pytest.mark.parametrize("sides", [(1, 4), (4, 4), (20, 4), (20, 20)])
def test_few_units_ask_for_more_before_a_perfect_model_is_called_worse(sides):
    """Noise of one direction: χ² alone gives `worse` 8 to 16 % of the time with four units.

    With 5.5 % of 3000 draws, more than 8 % have a probability of 1e-8.
    """
    rng, trials, worse = np.random.default_rng(5), 3000, 0
    for _ in range(trials):
        difference, residuals = 0.0, []
        for n, sign in zip(sides, (1, -1), strict=True):
            values = rng.standard_normal((n, 1)) / np.sqrt(n) * (n > 1)
            difference = difference + sign * values.sum(axis=0)
            parts = values - values.mean(axis=0)
            residuals.append(parts * np.sqrt(n / max(n - 1, 1)))
        worse += float(difference @ difference) > quadratic(difference, *residuals).resolution
    assert 0.03 < worse / trials < 0.08


def test_a_wasserstein_distance_from_four_replicas_is_judged_by_students_t():
    """Two bins with one independent population: |W| is the size of a single normal value.

    Of 3000 perfect models 5 % are called worse, and by χ² alone 18 %; 7.5 % would have a
    probability of 1e-9.
    """
    metric, trials, worse = Wasserstein(np.ones(1), np.array([False])), 3000, 0
    rng = np.random.default_rng(6)
    exact = np.full((1, 1, 2), 0.5)
    for _ in range(trials):
        share = 0.5 + 0.02 * rng.standard_normal(4)
        units = np.stack([share, 1 - share], axis=1)[:, None] / 4
        noise = metric.noise(exact, units)
        worse += metric.value(exact[0], units.sum(axis=0)) > noise.resolution
    assert 0.03 < worse / trials < 0.075
