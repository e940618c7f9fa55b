"""Whether a density is even, by the longest waves that fit a box."""

import numpy as np
import pytest

from meanforce.errors import InputError
from meanforce.systems.equilibration_checks import check_even_density, settled_density

SKEWED = np.array([[3.0, 0, 0], [1.5, 3.1, 0], [-1.5, 1.5, 3.2]])


def waters(places: np.ndarray, box: np.ndarray):
    """Arguments of the check for three atoms at each place, given in fractions of the box."""
    n = len(places)
    positions, masses = np.repeat(places @ box, 3, axis=0), np.tile([16.0, 1.0, 1.0], n)
    return positions, masses, np.repeat(np.arange(n), 3), box


@pytest.mark.parametrize("box", [3.0 * np.eye(3), SKEWED], ids=["cube", "skewed"])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("start", [0.0, 0.2])
def test_a_slab_beside_an_empty_part_is_refused(box, axis, start):
    """Wherever the empty part is, and whatever the shape of the box."""
    places = np.random.default_rng(1).random((200, 3))
    places[:, axis] = (start + 0.6 * places[:, axis]) % 1.0
    with pytest.raises(InputError, match=r"the box is partly empty .* [45]\d% of the mean density"):
        check_even_density(*waters(places, box))


def test_a_round_hole_is_refused():
    places = np.random.default_rng(2).random((2000, 3))
    away = np.linalg.norm((places - 0.3 + 0.5) % 1.0 - 0.5, axis=1)
    # A third of the box.
    with pytest.raises(InputError, match="the box is partly empty"):
        check_even_density(*waters(places[away > 0.44], 3.0 * np.eye(3)))


def test_molecules_at_random_places_pass():
    """The probability of an alarm is 1e-5 in each of 300 boxes of few molecules."""
    rng = np.random.default_rng(3)
    for number in range(300):
        check_even_density(*waters(rng.random((5 + number % 60, 3)), SKEWED))


def test_heavy_molecules_count_as_what_they_are():
    """One that has most of the mass is no sign of an empty box, nor is a single molecule."""
    places = np.random.default_rng(4).random((100, 3))
    positions, masses, owner, box = waters(places, 3.0 * np.eye(3))
    masses[:3] *= 80.0
    check_even_density(positions, masses, owner, box)
    check_even_density(positions, masses, np.zeros_like(owner), box)


@pytest.mark.parametrize("fall", [0.05, 0.15])
def test_a_steady_drift_does_not_hide_in_its_own_scatter(fall):
    with pytest.raises(InputError, match="the density still drifts"):
        settled_density(np.linspace(1.0, 1.0 - fall, 400), 0.01)


def test_a_density_that_falls_is_called_evaporation():
    noise = 0.002 * np.random.default_rng(5).normal(size=400)
    with pytest.raises(InputError, match=r"fell from 0\.9\d+ to 0\.1\d+ g/cm³ in 'npt'"):
        settled_density(0.1 + 0.9 * np.exp(-np.arange(400) / 100) + noise, 0.01)
    with pytest.raises(InputError, match="the density still drifts"):
        settled_density(1.0 - np.arange(400) / 1200 + noise, 0.01)
