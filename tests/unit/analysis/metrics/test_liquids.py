"""Radial distribution and diffusion of several molecules, against known answers; fixed seeds."""

import dataclasses
import math

import numpy as np
import pytest
from comparisons import along_x, by_name, compare, sample_of

from meanforce.analysis.metrics import displacement, rdf
from meanforce.core.cell import smallest_width
from meanforce.core.topology import Topology

BOX = np.diag([3.0, 3.5, 4.0])
TRICLINIC = np.array([[3.0, 0, 0], [1.0, 3.2, 0], [-1.2, 1.1, 3.4]])


def beads(n: int, kinds: str = "A") -> Topology:
    """`n` molecules of one bead each, of these types in turn."""
    return Topology.of_beads(
        tuple(f"B{i}" for i in range(n)), tuple(kinds[i % len(kinds)] for i in range(n)), ()
    )


def gas(n_frames: int, seed: int, box=BOX, molecule=None, **fields):
    molecule = molecule or beads(12)
    rng = np.random.default_rng(seed)
    positions = rng.uniform(size=(n_frames, molecule.size, 3)) @ box
    return sample_of(positions, molecule, box=box, **fields)


@pytest.mark.parametrize("box", [BOX, TRICLINIC])
def test_ideal_gas_has_a_radial_distribution_of_one(box):
    molecule = beads(12, "AB")
    comparison = compare(gas(2000, 1, box, molecule), gas(2000, 2, box, molecule), bins=20)
    curves = rdf.curves(comparison)
    assert [c.quantity for c in curves] == ["rdf_A_A", "rdf_A_B", "rdf_B_B"]
    for curve, pairs in zip(curves, (15, 36, 15), strict=True):
        assert curve.kind == "rdf"
        width = curve.x[1] - curve.x[0]
        assert curve.x[-1] + width / 2 == pytest.approx(0.5 * smallest_width(box))
        shells = (
            4 / 3 * np.pi * np.diff(np.append(curve.x - width / 2, curve.x[-1] + width / 2) ** 3)
        )
        exact = np.sqrt(np.linalg.det(box) / (2000 * pairs * shells))
        # Bins near r = 0 hold few pairs; with 30 and more, counts are normal.
        many = 1 / exact**2 > 30
        for values, errors in ((curve.model, curve.model_stderr),
                               (curve.reference, curve.reference_stderr)):  # fmt: skip
            assert np.all(np.abs(values - 1)[many] < 5 * exact[many])
            assert np.median((errors / exact)[many]) == pytest.approx(1, abs=0.3)
    row = by_name(rdf.rows(comparison))["rdf_rmse_A_B"]
    assert row.value < row.noise_floor + 5 * row.stderr_noise


def test_simple_cubic_lattice():
    """Peaks at a, √2 a and √3 a with 6, 12 and 8 neighbours; nothing between."""
    a, n = 0.5, 6
    lattice = a * np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), -1).reshape(1, -1, 3)
    box = np.eye(3) * a * n
    # Wherever the crystal stands, and however molecules are wrapped.
    shifted = lattice + np.random.default_rng(1).uniform(0, 5, (4, 1, 3))
    shifted[1] %= a * n
    sample = sample_of(shifted, beads(n**3), 4, box=box)
    edges = np.linspace(0, 1.5, 301)
    ((name, sums),) = rdf.unit_sums(sample, 1.5, 300).items()
    assert name == "A_A"
    g = sums[:, :-1].sum(0) / sums[:, -1].sum()
    density = 1 / a**3 * (n**3 - 1) / n**3
    neighbours = g * 4 / 3 * math.pi * np.diff(edges**3) * density
    found = {
        r: neighbours[(edges[:-1] > r - 0.02) & (edges[1:] < r + 0.02)].sum()
        for r in (a, math.sqrt(2) * a, math.sqrt(3) * a)
    }
    assert list(found.values()) == pytest.approx([6, 12, 8], abs=1e-9)
    assert neighbours[edges[1:] < math.sqrt(3) * a + 0.02].sum() == pytest.approx(26)


def test_weights_and_bonds_count_in_radial_distributions():
    """Frames without weight are not counted, nor are pairs within one molecule."""
    molecule = Topology.of_beads(tuple("ABCD"), tuple("PPPP"), ((0, 1), (2, 3)))
    positions = np.zeros((2, 4, 3))
    positions[:, 1, 0], positions[:, 2:, 1] = 0.1, 1.0
    positions[:, 3, 0] = 0.1
    positions[1, 2:, 1] = 0.7
    sample = sample_of(positions, molecule, 2, box=BOX, weights=np.array([1.0, 0.0]))
    ((_, sums),) = rdf.unit_sums(sample, 1.5, 15).items()
    g = sums[:, :-1].sum(0)
    assert np.flatnonzero(g).tolist() == [10]
    # All four pairs of different molecules are in that shell: 2 at 1.0 nm, 2 at √1.01 nm.
    assert g[10] == pytest.approx(np.linalg.det(BOX) / (4 / 3 * math.pi * (1.1**3 - 1)))


def test_one_molecule_or_no_box_has_none():
    single = along_x(np.random.default_rng(1).standard_normal(200), dynamical=True, box=BOX)
    assert rdf.rows(compare(single, single)) == displacement.rows(compare(single, single)) == []
    free = gas(200, 1, dynamical=True)
    free = sample_of(free.positions, free.molecule)
    assert rdf.rows(compare(free, free)) == []


def brownian(diffusion: float, seed: int, spacing: float = 1.0, arm: float = 0.2, **fields):
    """Four dimers in a box, 600 frames of 20 chains; nm²/ps."""
    rng, molecule = np.random.default_rng(seed), Topology.of_beads(
        tuple("ABCDEFGH"), ("A",) * 8, ((0, 1), (2, 3), (4, 5), (6, 7))
    )  # fmt: skip
    frames, chains = 600, 20
    steps = math.sqrt(2 * diffusion * spacing) * rng.standard_normal((frames, chains, 4, 1, 3))
    centers = np.cumsum(steps, axis=0) % np.diagonal(BOX)
    arms = rng.normal(0, arm, (frames, chains, 4, 1, 3))
    positions = np.concatenate([centers + arms, centers - arms], axis=3)
    chain = np.tile(np.arange(chains), frames)
    times = spacing * np.repeat(np.arange(frames), chains)
    values = {"box": BOX, "chains": chain, "times": times, "dynamical": True}
    sample = sample_of(positions.reshape(-1, 8, 3), molecule, chains, **values | fields)
    return dataclasses.replace(sample, blocks=chain)


def test_diffusion_of_brownian_dimers_that_are_wrapped_into_the_box():
    model, reference = brownian(2e-3, 1), brownian(5e-4, 2, spacing=2.0)
    comparison = compare(model, reference)
    rows = by_name(displacement.rows(comparison))
    for name, exact in (("diffusion", 2.0), ("diffusion_reference", 0.5)):
        # nm²/ns; 80 molecules over four stretches that are independent: about 7 %.
        assert rows[name].stderr < 0.2 * exact
        assert abs(rows[name].value - exact) < 5 * rows[name].stderr
    speed_up = rows["speed_up_diffusion"]
    assert abs(speed_up.value - 4.0) < 5 * speed_up.stderr
    (curve,) = displacement.curves(comparison)
    assert (curve.kind, curve.unit) == ("msd", "ps")
    assert np.all(np.abs(curve.model - 6 * 2e-3 * curve.x) < 5 * curve.model_stderr + 1e-9)
    assert np.all(np.abs(curve.reference - 6 * 5e-4 * curve.x) < 5 * curve.reference_stderr + 1e-9)


def test_a_box_that_drifts_as_a_whole_has_the_diffusion_of_its_molecules():
    """As under a Langevin thermostat, against a side whose centre of mass is at rest."""
    still = brownian(1e-3, 3, arm=0.05)
    # 0.5 nm²/ns of the box beside 1 nm²/ns of the molecules.
    drift = np.random.default_rng(4).normal(0, 1e-3**0.5, (600, 20, 1, 3)).cumsum(axis=0)
    moving = dataclasses.replace(still, positions=still.positions + drift.reshape(-1, 1, 3))
    rows = by_name(displacement.rows(compare(moving, still)))
    assert rows["speed_up_diffusion"].value == pytest.approx(1.0, abs=1e-9)
    assert rows["diffusion"].value == pytest.approx(1.0, abs=5 * rows["diffusion"].stderr)


def test_molecules_of_different_masses_have_the_diffusion_of_independent_ones():
    """One dimer has most of the mass, so that displacements are nearly relative to it."""
    sample = brownian(1e-3, 5)
    heavy = dataclasses.replace(sample, masses=np.repeat([30.0, 1.0, 2.0, 3.0], 2))
    rows = by_name(displacement.rows(compare(heavy, sample)))
    # About 7 % each, of four molecules at most.
    assert rows["diffusion"].value == pytest.approx(1.0, abs=5 * rows["diffusion"].stderr)
    assert rows["diffusion"].stderr < 0.2


def subdiffusive(n_frames: int, spacing: float, seed: int):
    """Free molecules whose steps turn back: slopes of the MSD fall with the lag."""
    rng, molecule = np.random.default_rng(seed), beads(200)
    free = np.cumsum(rng.normal(0, 0.02, (n_frames, 200, 3)) * math.sqrt(spacing), axis=0)
    # An Ornstein-Uhlenbeck process of 40 ps, exact at any spacing.
    decay, held = math.exp(-spacing / 40.0), rng.normal(0, 0.3, (1, 200, 3))
    noise = 0.3 * math.sqrt(1 - decay**2) * rng.normal(size=(n_frames, 200, 3))
    path = [held[0]]
    for one in noise[1:]:
        path.append(decay * path[-1] + one)
    times = spacing * np.arange(n_frames)
    positions, box = free + np.array(path), 40 * np.eye(3)
    return sample_of(positions, molecule, 6, box=box, times=times, dynamical=True)


def test_slopes_of_both_sides_are_over_the_same_times():
    """The model's run is eight times as long as the reference's; a fit over its own lags would give
    another slope."""
    model, reference = subdiffusive(7200, 1.0, 6), subdiffusive(900, 1.0, 7)
    speed_up = by_name(displacement.rows(compare(model, reference)))["speed_up_diffusion"]
    assert abs(speed_up.value - 1.0) < 5 * speed_up.stderr
    assert speed_up.stderr < 0.1  # over its own lags it is below 0.5
    # Frames of the model every 40 ps have one lag within the 75 ps of the reference's.
    rare = subdiffusive(600, 40.0, 8)
    assert displacement.rows(compare(rare, reference)) == []


def test_biased_runs_have_no_diffusion():
    assert displacement.rows(compare(brownian(1e-3, 1, dynamical=False), brownian(1e-3, 2))) == []
