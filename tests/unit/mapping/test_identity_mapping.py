"""A liquid whose beads are its atoms: the dataset holds the atomistic forces themselves."""

import numpy as np
import pytest
from sampled_systems import Run, prepared_in, run_of, testsystem

from meanforce.core.cell import nearest_images

SIGMA, EPSILON, N, DENSITY = 0.34, 0.995792, 216, 0.8
"""Argon of openmmtools (0.238 kcal/mol) at ρσ³ = 0.8, between triple point and boiling point."""

TEMPERATURE = 120.0
"""kT/ε = 1.002."""


@pytest.fixture(scope="module")
def liquid(tmp_path_factory) -> Run:
    settings = testsystem("LennardJonesFluid", nparticles=N, reduced_density=DENSITY)
    folder = prepared_in(settings, tmp_path_factory.mktemp("argon"))
    return run_of(
        folder, {"molecules": {"Ar": {"beads": {"A": ["Ar"]}}}}, TEMPERATURE, length=4.0,
        stride=0.2, time_step=0.01, friction=2.0, equilibration=5.0,
    )  # fmt: skip


def test_it_is_a_liquid(liquid):
    """Density, first peak of g(r), and no order at long range."""
    with liquid.dataset as dataset:
        positions, box = dataset.positions(), dataset.box()
    assert N / np.linalg.det(box) * SIGMA**3 == pytest.approx(DENSITY, rel=1e-6)
    first, second = np.triu_indices(N, 1)
    edges = np.linspace(0.0, 3.0 * SIGMA, 91)
    counts = np.zeros(90)
    for frame in positions.astype(float):
        apart = nearest_images((frame[second] - frame[first])[None], box)[0]
        counts += np.histogram(np.linalg.norm(apart, axis=1), edges)[0]
    shells = 4 / 3 * np.pi * np.diff(edges**3)
    g = counts / len(positions) / (0.5 * N * (N - 1) / np.linalg.det(box) * shells)
    middles = 0.5 * (edges[1:] + edges[:-1]) / SIGMA
    assert middles[np.argmax(g)] == pytest.approx(1.08, abs=0.05)
    assert 2.2 < g.max() < 3.2
    # The minimum between shells is far above a crystal's, and the third shell has faded.
    assert 0.5 < g[(middles > 1.3) & (middles < 1.8)].min() < 0.8
    assert np.abs(g[middles > 2.7] - 1.0).max() < 0.1


def test_its_forces_are_the_atomistic_ones_bit_by_bit(liquid):
    with liquid.dataset as dataset, liquid.forces as forces, liquid.trajectory as frames:
        assert dataset.n_frames == frames.n_frames == forces.n_frames == 20
        np.testing.assert_array_equal(dataset.forces(), forces.forces(slice(None)))
        np.testing.assert_array_equal(dataset.positions(), frames.positions(slice(None)))
        checks = dataset.parameters["checks"]
    assert checks["total_force_of_beads"] == pytest.approx(
        checks["total_force_of_atoms"], rel=1e-12
    )


def test_its_forces_are_those_of_the_pair_potential(liquid):
    """Against Lennard-Jones forces of the beads by hand, switched from 2σ to 3σ as in OpenMM."""
    with liquid.dataset as dataset:
        positions, box = dataset.positions(slice(0, 1))[0].astype(float), dataset.box()
        mapped = dataset.forces(slice(0, 1))[0]
    apart = nearest_images((positions[None] - positions[:, None]).reshape(1, -1, 3), box)
    apart = apart.reshape(N, N, 3)
    r = np.linalg.norm(apart, axis=2) + 10.0 * np.eye(N)
    energy = 4 * EPSILON * ((SIGMA / r) ** 12 - (SIGMA / r) ** 6)
    slope = -24 * EPSILON * (2 * (SIGMA / r) ** 12 - (SIGMA / r) ** 6) / r
    x = np.clip((r - 2 * SIGMA) / SIGMA, 0.0, 1.0)
    switch = 1 - 10 * x**3 + 15 * x**4 - 6 * x**5
    switch_slope = (-30 * x**2 + 60 * x**3 - 30 * x**4) / SIGMA
    total = slope * switch + energy * switch_slope
    by_hand = (total[..., None] * apart / r[..., None]).sum(axis=1)
    size = np.sqrt((by_hand**2).mean())
    assert np.abs(mapped - by_hand).max() < 2e-4 * size
