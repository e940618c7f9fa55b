"""What distances on φ and ψ do not detect: peptide bonds, impropers, slow motions. Fixed seeds."""

import dataclasses

import numpy as np
import pytest
from comparisons import by_name, sample_of, with_scheme
from peptides import NAMES, PEPTIDE, judged, peptide, peptide_sample

from meanforce.analysis.members import Scheme
from meanforce.analysis.metrics import divergence, impropers, slow_modes, torsions
from meanforce.analysis.metrics.registry import all_curves, all_rows
from meanforce.core.topology import Topology

REFERENCE = peptide_sample(1)

WRONG = {
    "cis": (
        {"cis": 0.1}, {"wasserstein_omega", "js_omega_ACE1_ALA2", "population_cis_ACE1_ALA2_error"},
    ),
    "limp peptide bonds": (
        {"omega_width": 0.25},
        {"wasserstein_omega", "js_omega_ACE1_ALA2", "js_omega_ALA2_NME3"},
    ),
    "limp impropers": ({"improper_width": 0.2}, {"wasserstein_improper"}),
    "mirror image": ({"mirror": 0.1}, {"wasserstein_improper"}),
}  # fmt: skip


def seen(row, errors: float) -> bool:
    """Whether an error is at least `errors` standard errors above that of a perfect model."""
    floor = 0.0 if row.metric.endswith("_error") else row.noise_floor
    return abs(row.value) > floor + errors * row.stderr_noise


def test_perfect_model_has_no_error_off_the_surface():
    """Each of the seven distances exceeds 5 standard errors by chance in under 1e-6 of cases."""
    rows = by_name(all_rows(judged(peptide_sample(2), REFERENCE)))
    found = {
        name for name in rows if name.startswith(("js_", "wasserstein_", "population_cis"))
        and not name.endswith("_reference")
    }  # fmt: skip
    assert found > {"js_phi_psi", "js_omega_ACE1_ALA2", "wasserstein_improper", "js_tica_1"}
    assert not {name for name in found if seen(rows[name], 5)}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_off_the_surface_is_seen_there_only(kind):
    """With the right φ and ψ; 10 standard errors do not occur by chance."""
    changes, expected = WRONG[kind]
    comparison = judged(peptide_sample(3, **changes), REFERENCE)
    assert not seen(by_name(divergence.rows(comparison))["js_phi_psi"], 2)
    rows = [*torsions.rows(comparison), *impropers.rows(comparison)]
    wrong = {row.metric for row in rows if row.stderr_noise > 0 and seen(row, 10)}
    assert wrong - {"population_cis_ACE1_ALA2"} == expected
    distance = by_name(rows)["wasserstein_omega"].value
    if kind == "cis":
        # A tenth of one bond of two is half a turn away.
        assert distance == pytest.approx(0.05 * np.pi, abs=0.01)
    elif kind == "limp peptide bonds":
        # Two normal distributions: √(2/π) times the difference of their widths.
        assert distance == pytest.approx(np.sqrt(2 / np.pi) * (0.25 - 0.12), abs=0.01)
    else:
        assert distance < 0.01


def test_wrong_slow_mode_is_seen_where_the_surface_does_not_have_it():
    """The surface is along φ, as is its bias; ψ, which is slow, has wrong populations."""
    reference = peptide_sample(4, rate=0.1)
    for share, wrong in ((0.3, False), (0.6, True)):
        comparison = judged(peptide_sample(5, rate=0.1, psi_share=share), reference, ["phi"])
        assert not seen(by_name(divergence.rows(comparison))["js_phi"], 2)
        rows = by_name(slow_modes.rows(comparison))
        assert seen(rows["js_tica_1"], 5) is wrong
        # ψ is not a function of φ.
        assert rows["surface_share_tica_1"].value < 0.02
    both = by_name(slow_modes.rows(judged(reference, reference)))
    assert both["surface_share_tica_1"].value > 0.98
    assert both["js_tica_1"].value == 0


def test_slowest_mode_is_what_switches():
    sample = peptide_sample(6, rate=0.02, times=0.5 * np.arange(20000))
    modes = slow_modes.slow_modes(sample)
    values = modes.values(sample)
    # Only ψ has a memory; φ has none.
    assert modes.numbers == (1,)
    state = np.cos(sample.variables[:, 1] + 0.5)
    assert abs(np.corrcoef(values[:, 0], state)[0, 1]) > 0.97
    assert values.std(axis=0) == pytest.approx(1, abs=0.02)
    # Other features have no memory. That of the switch is 1/rate = 50 frames; from 400 times as
    # many frames it has an error of 10 %, and noise within basins reduces it by a few per cent.
    assert modes.lag == 0.5
    assert modes.times[0] == pytest.approx(25.0, rel=0.45)


def test_second_mode_is_the_next_slow_one():
    sample = peptide_sample(14, rate=0.02, phi_rate=0.2)
    modes = slow_modes.slow_modes(sample)
    assert modes.numbers == (1, 2)
    assert modes.times[0] > 4 * modes.times[1]
    phi = np.cos(sample.variables[:, 0] - 1.0)
    assert abs(np.corrcoef(modes.values(sample)[:, 1], phi)[0, 1]) > 0.9


def test_vibrations_are_not_slow():
    """A peptide bond that swings with a period of two frames and keeps its phase for long."""
    n = 20000
    rng = np.random.default_rng(15)
    phase = np.cumsum(np.pi + 0.05 * rng.standard_normal(n))
    omega = np.pi + 0.3 * np.sqrt(2) * np.stack([np.cos(phase), np.sin(phase)], axis=1)
    phi, psi = rng.standard_normal((2, n)).repeat(2, axis=1)[:, :n]
    positions = peptide(phi, psi, omega, 0.1 * rng.standard_normal((n, 3)))
    sample = sample_of(positions, PEPTIDE, variables=np.zeros((n, 2)))
    assert slow_modes.slow_modes(sample) is None


def test_copies_side_by_side_are_trajectories_of_their_own():
    copies = [peptide_sample(seed, n=6000, rate=0.01) for seed in (7, 8)]
    apart = _joined(copies, chains=np.repeat([0, 1], 6000))
    # As a job stores them: frame by frame, the copies in turn.
    order = np.arange(12000).reshape(2, 6000).T.ravel()
    turns = _joined(copies, order, chains=np.tile([0, 1], 6000))
    one, two = slow_modes.slow_modes(apart), slow_modes.slow_modes(turns)
    assert one.lag == two.lag == 1.0
    np.testing.assert_allclose(one.times, two.times, rtol=1e-6)
    np.testing.assert_allclose(one.values(apart)[order], two.values(turns), atol=1e-4)


def _joined(copies, order=slice(None), **fields):
    positions, variables, times = (
        np.concatenate([getattr(copy, name) for copy in copies])[order]
        for name in ("positions", "variables", "times")
    )
    return sample_of(positions, PEPTIDE, variables=variables, times=times, **fields)


def test_windows_that_are_held_apart_have_the_modes_within_them():
    """Umbrella windows on ψ: their difference lasts for ever; what is slow within them is φ."""
    windows = [peptide_sample(16 + k, n=6000, psi_share=k, phi_rate=0.2) for k in (0, 1)]
    sample = _joined(windows, chains=np.repeat([0, 1], 6000))
    sample = dataclasses.replace(sample, held=True)
    modes = slow_modes.slow_modes(sample)
    # Without this the first would be ψ, which never moves on.
    assert modes.numbers[0] == 1
    assert modes.times[0] < 10
    phi = np.cos(sample.variables[:6000, 0] - 1.0)
    assert abs(np.corrcoef(modes.values(sample)[:6000, 0], phi)[0, 1]) > 0.9


def test_lag_follows_the_memory_of_the_features():
    """Frames eight times as dense, in which all features have a memory of eight frames."""
    sample = peptide_sample(9, n=4000, rate=0.2)
    dense = sample_of(
        np.repeat(sample.positions, 8, axis=0),
        PEPTIDE,
        variables=np.repeat(sample.variables, 8, axis=0),
    )
    # Mean autocorrelation at t < 8 frames is 1 − t/8: 0.5 at four, 0 at eight.
    assert slow_modes.slow_modes(dense).lag == 8.0


def test_no_modes_where_the_reference_does_not_hold_them():
    """Too few frames; a mode that switched a few times only; molecules that drift apart."""
    assert slow_modes.slow_modes(peptide_sample(10, n=150)) is None
    # Without the slow one, which has four values or so, the other is still the second.
    rare = peptide_sample(11, rate=0.0003, phi_rate=0.2)
    assert slow_modes.slow_modes(rare).numbers == (2,)
    assert slow_modes.slow_modes(peptide_sample(11, rate=0.0003)) is None
    two = Topology.of_beads(NAMES, NAMES, PEPTIDE.bonds[1:])
    assert slow_modes.slow_modes(dataclasses.replace(REFERENCE, molecule=two)) is None


def test_spread_of_the_ensemble_counts():
    comparison = judged(peptide_sample(12, cis=0.05), REFERENCE)
    before = by_name([*torsions.rows(comparison), *slow_modes.rows(comparison)])
    frames = np.arange(20000)
    cis = torsions._values(comparison.model)["omega_ACE1_ALA2"][:, 0] < np.pi / 2
    members = [np.where(cis, share / cis.sum(), (1 - share) / (~cis).sum()) for share in (0, 0.1)]
    comparison.member_weights = [(frames, weights) for weights in members]
    with_scheme(comparison, Scheme.paired(2, 8))
    after = by_name([*torsions.rows(comparison), *slow_modes.rows(comparison)])
    # Members at 0 and 0.1: the standard error of their mean is 0.05.
    assert after["population_cis_ACE1_ALA2"].stderr == pytest.approx(0.05, rel=0.01)
    for name in ("js_omega_ACE1_ALA2", "js_tica_1"):
        assert after[name].stderr > 2 * before[name].stderr_noise


def test_omega_is_measured_between_alpha_carbons():
    assert torsions.omegas(PEPTIDE) == {
        "omega_ACE1_ALA2": (0, 1, 3, 4), "omega_ALA2_NME3": (4, 6, 8, 9)
    }  # fmt: skip
    # Proline's N has two carbons of its own residue; a chain in front, and bonds the other way.
    names = ("A-PRO3-CD", "A-PRO3-CA", "A-PRO3-N", "A-VAL2-C", "A-VAL2-O", "A-VAL2-CA")
    proline = Topology.of_beads(names, names, ((0, 2), (1, 2), (2, 3), (3, 4), (3, 5)))
    assert torsions.omegas(proline) == {"omega_A-VAL2_A-PRO3": (5, 3, 2, 1)}


@pytest.mark.parametrize(
    ("names", "bonds"),
    [
        # Caps of core_beta have no bead beyond C and N; other C–N bonds join no residues.
        (("ACE1-C", "ALA2-N", "ALA2-CA", "ALA2-C", "NME3-N"), ((0, 1), (1, 2), (2, 3), (3, 4))),
        (("ALA2-CA", "ALA2-C", "ALA2-N", "ALA2-CB"), ((0, 1), (1, 2), (2, 3))),
        (("left", "C", "N", "right"), ((0, 1), (1, 2), (2, 3))),
        (("X",), ()),
    ],
)
def test_no_rows_without_the_beads(names, bonds):
    molecule = Topology.of_beads(names, names, bonds)
    assert torsions.omegas(molecule) == {}
    positions = np.random.default_rng(1).standard_normal((200, len(names), 3)).astype(np.float32)
    sample = sample_of(positions, molecule, variables=np.zeros((200, 2)))
    comparison = judged(sample, sample)
    assert torsions.rows(comparison) == torsions.curves(comparison) == []
    assert impropers.rows(comparison) == []


def test_impropers_have_the_sign_and_size_that_are_documented():
    assert impropers.impropers(PEPTIDE) == ((1, 0, 2, 3), (4, 3, 5, 6), (6, 4, 7, 8))
    square = Topology.of_beads(("c", "i", "j", "k"), ("X",) * 4, ((0, 1), (0, 2), (0, 3)))
    (listed,) = impropers.impropers(square)
    turn = 2 * np.pi / 3 * np.arange(3)
    for height, expected in ((0.0, 0.0), (1 / 3, -0.615), (-1 / 3, 0.615)):
        # A centre above three corners, seen from above counterclockwise; 1/3 is a tetrahedron's.
        r = np.sqrt(1 - height**2)
        corners = np.stack([r * np.cos(turn), r * np.sin(turn), np.full(3, -height)], axis=1)
        positions = np.concatenate([np.zeros((1, 3)), corners])[None]
        sample = sample_of(positions, square, variables=np.zeros((1, 2)), blocks=1)
        coordinates = slow_modes.CoordinateList(dihedrals=(listed,))
        found = slow_modes.coordinates_of(coordinates, sample)
        assert found[0, 0] == pytest.approx(expected, abs=1e-3)


def test_curves_of_peptide_bonds_have_trans_in_the_middle():
    curves = {c.quantity: c for c in all_curves(judged(peptide_sample(13), REFERENCE))}
    assert {"omega_ACE1_ALA2", "omega_ALA2_NME3", "tica_1"} < set(curves)
    omega = curves["omega_ACE1_ALA2"]
    assert (omega.kind, omega.unit) == ("dihedral", "rad")
    for values in (omega.model, omega.reference):
        assert omega.x[np.nanargmin(values)] == pytest.approx(np.pi, abs=0.2)


def test_peptides_are_built_as_asked():
    """The molecules of these tests have the torsions that they were given."""
    values = np.array([0.3]), np.array([-1.1]), np.array([[3.0, -3.1]]), np.zeros((1, 3))
    sample = sample_of(peptide(*values), PEPTIDE, variables=np.zeros((1, 2)), blocks=1)
    wanted = ((1, 3, 4, 6), (3, 4, 6, 8), *torsions.omegas(PEPTIDE).values())
    found = slow_modes.coordinates_of(slow_modes.CoordinateList(dihedrals=wanted), sample)
    assert found[0] == pytest.approx([0.3, -1.1, 3.0, -3.1], abs=1e-4)


def test_features_of_a_short_chain():
    """Six beads in a row, as in core_beta without its branch: three dihedrals, six far pairs."""
    names = tuple("ABCDEF")
    chain = Topology.of_beads(names, names, tuple((i, i + 1) for i in range(5)))
    found = slow_modes.feature_coordinates(chain)
    assert found.distances == ((0, 3), (0, 4), (0, 5), (1, 4), (1, 5), (2, 5))
    assert len(found.dihedrals) == 3
