"""Noise floors of the divergence, and what it sees and does not, on the density of a peptide.

The density is that of (φ, ψ) of capped alanine in implicit solvent at 300 K, 60×60 bins, from four
metadynamics runs of 6 ns, reweighted; it stands for the truth.
"""

import numpy as np
import pytest

from meanforce.statistics.jensen_shannon import JensenShannon

THERMAL = 0.0083144626 * 300 / 4.184
"""kT in kcal/mol."""

JS = JensenShannon((True, True))
jensen_shannon = JS.value


@pytest.fixture(scope="module")
def density(root) -> np.ndarray:
    values = np.load(root / "tests" / "data" / "capped_alanine_density.npy").astype(float)
    return values / values.sum()


def units(density: np.ndarray, frames: int, number: int, rng: np.random.Generator) -> np.ndarray:
    """Histograms of independent frames in so many units."""
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
