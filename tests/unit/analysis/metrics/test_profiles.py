"""One-dimensional free energies, populations and extents against analytic answers.

Seeds are fixed; allowances are 5 standard errors (two-sided 6e-7 each) and more.
"""

import math

import numpy as np
import pytest
from comparisons import X, along_x, by_name, compare, sample_of

from meanforce.analysis.curves import COLUMNS, table
from meanforce.analysis.metrics import chain_dimensions, populations, profiles
from meanforce.analysis.surface_table import surface_table
from meanforce.analysis.variables import judged_variables
from meanforce.core.graph import ends, molecules
from meanforce.core.topology import Topology
from meanforce.errors import InputError
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.job import validated
from meanforce.settings.validation import ValidationSettings

THERMAL = 0.0083144626 * 300 / 4.184
"""kT in kcal/mol."""


def normal(n: int, width: float, seed: int, **fields):
    return along_x(width * np.random.default_rng(seed).standard_normal(n), **fields)


def test_profile_of_a_harmonic_well_is_a_parabola():
    """F = kT x²/2σ², within its own errors; model and reference have their own widths."""
    n = 200000
    found = profiles.curves(compare(normal(n, 1.0, 1), normal(n, 0.8, 2)))
    assert [(c.quantity, c.kind, c.unit) for c in found] == [("x", "coordinate", "nm")]
    for values, errors, width in (
        (found[0].model, found[0].model_stderr, 1.0),
        (found[0].reference, found[0].reference_stderr, 0.8),
    ):
        exact = 0.5 * THERMAL * (found[0].x / width) ** 2
        some = exact < 4 * THERMAL
        difference = (values - exact)[some]
        # The minimum at 0 is a constant; the finite width of a bin is 0.002 kT.
        difference -= difference[len(difference) // 2]
        assert np.all(np.abs(difference) < 5 * np.hypot(errors[some], errors[some].min()) + 0.01)
        # −kT ln p of a count n has the error kT/√n.
        count = n * 0.2 / width / math.sqrt(2 * math.pi) * np.exp(-exact[some] / THERMAL)
        # 19 degrees of freedom: the error of an error is 16 %.
        assert np.median(errors[some] / (THERMAL / np.sqrt(count))) == pytest.approx(1, abs=0.25)


def test_empty_bins_have_no_free_energy():
    curve = profiles.curves(compare(normal(5000, 0.5, 1), normal(5000, 0.5, 2)))[0]
    assert np.isnan(curve.model[[0, -1]]).all()
    assert np.isnan(curve.reference_stderr[[0, -1]]).all()
    assert np.nanmin(curve.model) == np.nanmin(curve.reference) == 0


def test_a_perfect_model_scores_the_floor_of_a_profile_and_a_wrong_one_more():
    n, scores, floors = 20000, [], []
    for seed in range(12):
        sides = normal(n, 1, 2 * seed), normal(n, 1, 2 * seed + 1)
        same = by_name(profiles.rows(compare(*sides)))
        scores.append(same["fes_rmse_x"].value)
        floors.append(same["fes_rmse_x"].noise_floor)
    assert np.mean(scores) == pytest.approx(np.mean(floors), rel=0.15)
    sides = normal(n, 1.1, 40), normal(n, 1.0, 41)
    wrong = by_name(profiles.rows(compare(*sides, cutoff=8.0)))["fes_rmse_x"]
    assert wrong.value > wrong.noise_floor + 5 * wrong.stderr_noise


def test_an_exact_reference_has_no_error_and_weights_count():
    """A model sampled uniformly and reweighted to the exact distribution scores its floor."""
    edges = np.linspace(-4, 4, 41)
    centers = 0.5 * (edges[1:] + edges[:-1])
    exact = np.exp(-0.5 * centers**2)
    exact /= exact.sum()
    x = np.random.default_rng(3).uniform(-4, 4, 100000)
    comparison = compare(along_x(x, weights=np.exp(-0.5 * x**2)), None, exact=exact)
    curve = profiles.curves(comparison)[0]
    assert (curve.reference_stderr < 1e-12).all()
    row = by_name(profiles.rows(comparison))["fes_rmse_x"]
    assert row.value < row.noise_floor + 5 * row.stderr_noise
    found = surface_table(comparison)
    assert list(found) == [
        "x", "reference", "reference_stderr", "model", "model_stderr", "difference",
        "difference_stderr",
    ]  # fmt: skip
    assert np.allclose(found["x"], centers)
    assert np.allclose(found["reference"], curve.reference)
    assert np.allclose(found["difference_stderr"], found["model_stderr"], equal_nan=True)


def test_populations_of_a_normal_distribution():
    basins = {"basins": {"left": [{"x": (-4.0, -1.0)}], "right": [{"x": (-1.0, 4.0)}]}}
    edges = np.linspace(-4, 4, 41)
    cumulative = np.array([0.5 * math.erfc(-e / math.sqrt(2)) for e in edges])
    exact = np.diff(cumulative) / (cumulative[-1] - cumulative[0])
    rows = by_name(populations.rows(compare(normal(50000, 1.0, 5), None, exact=exact, **basins)))
    reference = rows["population_left_reference"]
    assert reference.value == pytest.approx(0.15866, abs=1e-4)
    assert reference.stderr < 1e-12
    error = rows["population_left_error"]
    assert abs(error.value) < 5 * error.stderr_noise
    # A fraction p of n frames has the error √(p(1 − p)/n); 19 degrees of freedom.
    assert error.stderr_noise == pytest.approx(math.sqrt(0.1587 * 0.8413 / 50000), rel=0.6)
    floor = math.sqrt(2 / math.pi) * error.stderr_noise * (1 + 1 / (4 * 19))
    assert error.noise_floor == pytest.approx(floor)
    assert error.noise_floor_reference == 0
    # Some few frames are beyond 4.
    left, right = (rows[f"population_{side}"].value for side in ("left", "right"))
    assert left + right == pytest.approx(1, abs=0.001)


CHAIN = Topology.of_beads(tuple("ABCD"), tuple("ABCD"), ((0, 1), (1, 2), (2, 3)))


def walks(n: int, step: float, seed: int):
    """Ideal chains of four beads with normal steps of a width along each axis."""
    steps = step * np.random.default_rng(seed).standard_normal((n, 4, 3))
    return sample_of(np.cumsum(steps, axis=1), CHAIN)


def test_extents_of_ideal_chains():
    """⟨R_e²⟩ = 3(N − 1)b²; ⟨R_g²⟩ = 3(N² − 1)b²/(6N); mean R_e of a Maxwell distribution."""
    sample = walks(100000, 1.0, 1)
    found = chain_dimensions.extents(sample)
    assert np.mean(found["end_to_end"] ** 2) == pytest.approx(9.0, rel=0.02)
    assert np.mean(found["radius_of_gyration"] ** 2) == pytest.approx(3 * 15 / 24, rel=0.02)
    rows = by_name(chain_dimensions.rows(compare(sample, walks(100000, 1.1, 2))))
    maxwell = 2 * math.sqrt(2 / math.pi) * math.sqrt(3.0)
    row = rows["end_to_end"]
    assert abs(row.value - maxwell) < 5 * row.stderr_noise
    error = rows["end_to_end_error"]
    assert abs(error.value + 0.1 * maxwell) < 5 * error.stderr_noise
    # Distributions that differ by a factor differ by the difference of their means.
    wasserstein = rows["wasserstein_end_to_end"]
    assert abs(wasserstein.value - 0.1 * maxwell) < 5 * wasserstein.stderr_noise + 0.01
    assert wasserstein.noise_floor < 0.02


def test_extents_weigh_masses_and_molecules_have_their_own():
    """A heavy bead is the centre; a dimer has no extent; one column for each molecule."""
    molecule = Topology.of_beads(tuple("ABCDEFGH"), tuple("ABCDEFGH"),
                        ((0, 1), (1, 2), (3, 4), (5, 6), (6, 7)))  # fmt: skip
    positions = np.zeros((1, 8, 3))
    positions[0, :, 0] = [0, 1, 2, 50, 51, 100, 103, 106]
    masses = np.array([1, 1e9, 1, 1, 1, 1, 1, 1])
    found = chain_dimensions.extents(sample_of(positions, molecule, 1, masses=masses))
    assert [part.tolist() for part in molecules(molecule)] == [[0, 1, 2], [3, 4], [5, 6, 7]]
    assert found["end_to_end"].tolist() == [[2.0, 6.0]]
    assert found["radius_of_gyration"][0] == pytest.approx([math.sqrt(2e-9), math.sqrt(6)])


def test_ends_are_the_beads_with_most_bonds_between_them():
    branched = Topology.of_beads(
        tuple("ABCDEF"), tuple("ABCDEF"), ((0, 1), (1, 2), (2, 3), (1, 4), (4, 5))
    )
    assert ends(branched, np.arange(6)) == (3, 5)


def test_which_variables_have_profiles_and_their_table():
    surface = {"surface": ["x"], "lower": [-4.0], "upper": [4.0]}
    validation = validated(
        ValidationSettings, surface | {"distances": [("A", "C"), ("A", "missing")]}, "validation"
    )
    d = CollectiveVariableSettings(kind="distance", mapping="m", beads=["A", "B"])
    first = CollectiveVariableSettings(kind="coordinate", mapping="m", beads=["A"], axis="x")
    found = judged_variables(validation, {"d": d, "x": first}, CHAIN.names, "m")
    assert list(found) == ["x", "d", "distance_A_C"]
    sample = walks(2000, 1.0, 3)
    columns = [sample.positions[:, 0, 0]] + [
        np.linalg.norm(sample.positions[:, k] - sample.positions[:, 0], axis=1) for k in (1, 2)
    ]
    fields = {"variables": np.stack(columns, axis=1)}
    both = (sample_of(sample.positions, CHAIN, **fields) for _ in range(2))
    rows = table(profiles.curves(compare(*both, variables=found)))
    assert tuple(rows.columns) == COLUMNS
    assert rows["quantity"].unique().tolist() == [
        "x", "d", "distance_A_C", "radius_of_gyration", "end_to_end"
    ]  # fmt: skip
    assert rows["kind"].unique().tolist() == [
        "coordinate", "distance", "radius_of_gyration", "end_to_end"
    ]  # fmt: skip
    assert (rows.groupby("quantity").size() == 40).all()
    assert X["x"].unit == rows["unit"].unique().item() == "nm"


def test_members_are_compared_within_the_surface():
    """Frames beyond the ends, whatever their weight for a member, are not part of its surface."""
    comparison = compare(normal(1000, 1.0, 1), normal(1000, 1.0, 2), lower=[0.0])
    frames, weights = np.arange(1000), np.ones(1000)
    weights[comparison.model.variables[:, 0] < 0] = 1e6
    comparison.member_weights = [(frames, weights / weights.sum())] * 2
    (surface, _), (member, _) = (
        comparison.member_surfaces(),
        profiles.profiles(comparison)[0].members,
    )
    assert surface == pytest.approx(comparison.surface.model.sum(axis=0))
    assert member == pytest.approx(surface)


def test_frames_that_have_all_left_the_surface_are_a_clear_error():
    with pytest.raises(InputError, match="no frame of the model lies on the surface"):
        compare(along_x(np.full(400, 9.0)), along_x(np.zeros(400)))
