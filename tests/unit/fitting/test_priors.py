"""Priors: known energies are found again, bad ones refused, and chains are held."""

import dataclasses

import numpy as np
import pytest
import torch
from known_chains import (
    ANGLE,
    BOND,
    CHAIN,
    COSINE,
    SINE,
    chain_positions,
    draw,
    frames_of,
    prior_settings,
)

from meanforce.core.configuration import Configuration
from meanforce.core.topology import Topology
from meanforce.errors import InputError
from meanforce.fitting import prior_terms
from meanforce.fitting.frames import Frames
from meanforce.fitting.prior import fit_prior, pairs_apart
from meanforce.fitting.prior_terms import NoSingleWell, Sample, handedness, harmonic
from meanforce.potentials.prior import STRAIGHT_BELOW, mixture
from meanforce.units import kt

ALL = {
    "bonds": "harmonic", "angles": "harmonic", "dihedrals": "fourier",
    "excluded_volume": {"apart": 4, "percentile": 0.5},
}  # fmt: skip


def found(frames: Frames, **settings):
    prior, about = fit_prior(prior_settings(**settings), frames, lambda line: None)
    return prior, {term["term"]: term for term in about["terms"]}


def test_known_terms_are_found_again():
    n = 20000
    frames = frames_of(chain_positions(n, seed=1), 300.0)
    _, terms = found(frames, **ALL)
    # X–X and X–Y bonds: two of each; angles X–X–Y and X–Y–X; both dihedrals X–X–Y–X.
    assert set(terms) == {
        "bond A–B", "bond B–C", "angle A–B–C", "angle B–C–D", "dihedral A–B–C–D",
        "excluded volume A–E",
    }  # fmt: skip
    for name, (center, stiffness), size in (
        ("bond A–B", BOND, 2 * n),
        ("bond B–C", BOND, 2 * n),
        ("angle A–B–C", ANGLE, 2 * n),
        ("angle B–C–D", ANGLE, n),
    ):
        # Standard errors of a mean and, relative, of a variance of this number of values: five.
        error = np.sqrt(kt(300.0) / stiffness / size)
        assert terms[name]["center"] == pytest.approx(center, abs=5 * error)
        assert terms[name]["stiffness"] == pytest.approx(stiffness, rel=5 * np.sqrt(2 / size))
    dihedral = terms["dihedral A–B–C–D"]
    # The error of a coefficient is kT √(2 Σ 1/counts)/bins, less than 0.03; six of them.
    assert dihedral["cosine"] == pytest.approx(COSINE, abs=0.18)
    assert dihedral["sine"] == pytest.approx(SINE, abs=0.18)
    distance = (frames.positions[:, 0] - frames.positions[:, 4]).norm(dim=1)
    below = (distance < terms["excluded volume A–E"]["radius"]).float().mean()
    assert below == pytest.approx(0.005, abs=1e-4)
    # The forces are those of the bonded terms; what the fitted ones leave of them is little.
    bonded, _ = found(frames, **(ALL | {"excluded_volume": None}))
    _, forces = bonded.energy_and_forces(Configuration(frames.positions.double(), 300.0))
    assert (forces - frames.forces).square().mean() < 1e-3 * frames.forces.square().mean()


def test_frames_at_two_temperatures_share_one_energy():
    positions = torch.cat([chain_positions(20000, 2, 300.0), chain_positions(20000, 3, 400.0)])
    temperatures = torch.tensor([300.0] * 20000 + [400.0] * 20000)
    _, terms = found(frames_of(positions, temperatures), bonds="harmonic")
    # The variance of pooled frames has kurtosis 3.06: relative error √(2.06/n), n = 80,000.
    error = np.sqrt(2.1 / 80000)
    assert terms["bond A–B"]["stiffness"] == pytest.approx(BOND[1], rel=5 * error)


def test_weights_undo_a_bias():
    """Frames that are twice as stiff as they should be, with weights that correct for it."""
    positions = chain_positions(20000, seed=4)
    r = (positions[:, 0] - positions[:, 1]).norm(dim=1).double()
    kept = torch.rand(20000, generator=torch.Generator().manual_seed(1)) < torch.exp(
        -0.5 * BOND[1] / kt(300.0) * (r - BOND[0]) ** 2
    )
    weights = torch.exp(0.5 * BOND[1] / kt(300.0) * (r[kept] - BOND[0]) ** 2).float()
    frames = frames_of(positions[kept], 300.0, weights / weights.mean())
    options = {"bonds": "harmonic", "parameters": "by_coordinate"}
    _, terms = found(frames, **options)
    _, without = found(dataclasses.replace(frames, weights=None), **options)
    # Weights e^{x²/2} of draws from e^{-x²} have infinite variance in the tail: 10 % is wide.
    assert terms["bond A–B"]["stiffness"] == pytest.approx(BOND[1], rel=0.1)
    assert without["bond A–B"]["stiffness"] == pytest.approx(2 * BOND[1], rel=0.1)


def test_what_cannot_be_a_prior_is_refused():
    frames = frames_of(chain_positions(2000, seed=5), 300.0)
    rigid = frames.positions.clone()
    rigid[:, 1] = rigid[:, 0] + torch.tensor([0.0, 0.0, 0.15])
    options = {"bonds": "harmonic", "parameters": "by_coordinate"}
    with pytest.raises(InputError, match=r"prior\.bonds: bond A–B is rigid"):
        found(dataclasses.replace(frames, positions=rigid), **options)
    two = frames.positions.clone()
    two[::2, 0] += 0.1 * (two[::2, 0] - two[::2, 1]) / 0.15
    with pytest.raises(InputError, match=r"bond A–B has no single well .* k ≤ 0"):
        found(dataclasses.replace(frames, positions=two), **options)
    with pytest.raises(InputError, match=r"have no excluded volume to fit"):
        found(frames, excluded_volume={"apart": 5})
    with pytest.raises(InputError, match="has no term"):
        prior_settings(bonds="none")


def test_a_single_well_is_not_refused():
    """Out of 500 samples of 100 draws from a normal distribution (at 4 errors, P < 1e-8 each)."""
    rng = np.random.default_rng(6)
    for _ in range(500):
        values = rng.normal(0.15, 0.005, 100)
        harmonic(Sample("bond", values, np.ones(100), 2.5), "bond")


WELLS = np.array([[1.6, 0.08, 0.7], [2.2, 0.15, 0.3]])
"""Centre and width in rad and share of two wells, like those of CA angles."""


def wells(theta: np.ndarray) -> np.ndarray:
    """Density of an angle in two wells, without the Jacobian."""
    return sum(
        share / width * np.exp(-0.5 * ((theta - center) / width) ** 2)
        for center, width, share in WELLS
    )


def angles_in_wells(n: int, seed: int) -> Sample:
    rng = np.random.default_rng(seed)
    theta = draw(rng, 0.8, 3.0, lambda q: np.log(np.sin(q) * wells(q) + 1e-300), n)
    return Sample("angle A–B–C", theta, np.ones(n), kt(300.0))


def energy_of(fitted: dict, theta: np.ndarray) -> np.ndarray:
    parts = [torch.tensor([fitted[name]]) for name in ("center", "stiffness", "energy", "kt")]
    return mixture(torch.from_numpy(theta)[:, None], *parts)[0][:, 0].numpy()


def test_two_wells_are_found_again():
    n = 40000
    sample = angles_in_wells(n, seed=3)
    fitted = prior_terms.mixture(sample)
    for number, (center, width, share) in enumerate(WELLS):
        # Five standard errors of a mean, a variance and a share; the wells are five widths apart.
        count = share * n
        assert fitted["center"][number] == pytest.approx(center, abs=5 * width / count**0.5)
        stiffness = kt(300.0) / width**2
        assert fitted["stiffness"][number] == pytest.approx(stiffness, rel=5 * (2 / count) ** 0.5)
        error = (share * (1 - share) / n) ** 0.5
        assert fitted["share"][number] == pytest.approx(share, abs=5 * error)
    theta = np.linspace(1.4, 2.5, 50)
    apart = energy_of(fitted, theta) + kt(300.0) * np.log(wells(theta))
    assert np.abs(apart - apart.mean()).max() < 0.2 * kt(300.0)
    with pytest.raises(NoSingleWell):
        harmonic(sample, "angle")


def test_an_angle_in_one_well_has_the_same_energy_either_way():
    rng = np.random.default_rng(4)
    theta = draw(rng, 1.0, 3.1, lambda q: np.log(np.sin(q)) - 70 * (q - 1.9) ** 2, 40000)
    sample = Sample("angle", theta, np.ones(len(theta)), kt(300.0))
    center, stiffness = harmonic(sample, "angle")
    near = np.linspace(center - 0.2, center + 0.2, 20)
    apart = energy_of(prior_terms.mixture(sample), near) - 0.5 * stiffness * (near - center) ** 2
    assert np.abs(apart - apart.mean()).max() < 0.15 * kt(300.0)


def test_a_rigid_angle_is_no_mixture():
    sample = Sample("angle A–B–C", np.full(100, 1.9), np.ones(100), kt(300.0))
    with pytest.raises(InputError, match=r"A–B–C is rigid .*leave 'angles' out of the prior"):
        prior_terms.mixture(sample)


def test_a_mixture_pushes_back_angles_that_never_occurred():
    fitted = prior_terms.mixture(angles_in_wells(5000, seed=5))
    energies = energy_of(fitted, np.array([0.1, 0.8, 1.6, 2.2, 2.9, 3.1])) / kt(300.0)
    assert energies[0] > energies[1] + 10 > energies[2] + 20
    assert energies[5] > energies[4] + 1 > energies[3] + 5


def test_members_of_an_ensemble_have_the_same_mixtures():
    """With harmonic angles, a member may lack a term that another one has."""
    frames = frames_of(chain_positions(3000, seed=8), 300.0)
    settings = {"bonds": "harmonic", "angles": "mixture"}
    first, terms = found(frames.select(torch.arange(1000)), **settings)
    second, _ = found(frames.select(torch.arange(1000, 3000)), **settings)
    assert first.values == second.values
    assert first.values["mixtures"] == list(CHAIN.angles)
    assert {"angle A–B–C", "angle B–C–D"} < set(terms)


def test_models_without_mixtures_have_no_trace_of_them():
    prior, _ = found(frames_of(chain_positions(500, seed=8), 300.0), **ALL)
    assert "mixtures" not in prior.values
    assert not [name for name in prior.tensors if name.startswith("mixture")]


def test_the_strength_of_a_von_mises_distribution_is_found_again():
    n, kappa = 40000, 60.0
    omega = 0.6 + np.random.default_rng(9).vonmises(0.0, kappa, n)
    # Weights that undo a bias of the draws, which the parameters must not see.
    weights = np.exp(0.5 * kappa * (1 - np.cos(omega - 0.6)))
    for w, strength in ((np.ones(n), kappa), (weights / weights.mean(), kappa / 2)):
        center, stiffness = handedness(Sample("chirality", omega, w, kt(300.0)))
        effective = w.sum() ** 2 / (w**2).sum()
        assert center == pytest.approx(0.6, abs=5 / np.sqrt(strength * effective))
        assert stiffness / kt(300.0) == pytest.approx(strength, rel=5 * np.sqrt(4 / effective))


def test_a_rigid_centre_has_no_chirality():
    sample = Sample("chirality O–A–B–C", np.full(100, 0.6), np.ones(100), kt(300.0))
    with pytest.raises(InputError, match=r"O–A–B–C is rigid .*leave 'chirality' out of the prior"):
        handedness(sample)


def centre_frames(n: int, centers) -> Frames:
    """Beads about a centre, each spread by 0.01 nm in each direction."""
    molecule = Topology.of_beads(
        tuple("OABC"), tuple("OABC"), ((0, 1), (0, 2), (0, 3)), stereo=centers
    )
    at = 0.15 * torch.tensor([[0, 0, 0], [1, 0, -0.3], [-0.5, 0.87, -0.3], [-0.5, -0.87, -0.3]])
    noise = torch.randn(n, 4, 3, generator=torch.Generator().manual_seed(10))
    frames = frames_of(chain_positions(n, seed=8), 300.0)
    positions = (at + 0.01 * noise).float()
    return dataclasses.replace(
        frames, positions=positions, forces=torch.zeros_like(positions), molecule=molecule
    )


def test_chirality_keeps_the_centre_as_it_is():
    frames = centre_frames(2000, ((0, 1, 2, 3, -1),))
    prior, terms = found(frames, chirality="cosine")
    assert list(terms) == ["chirality O–A–B–C"]
    right = frames.positions[:500].double()
    mirrored = right * torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64)
    flat = right * torch.tensor([1.0, 1.0, 0.0], dtype=torch.float64)
    energies = [
        prior.energy_and_forces(Configuration(positions, 300.0))[0] / kt(300.0)
        for positions in (right, flat, mirrored)
    ]
    # A degree of freedom of a harmonic well has ½ kT.
    assert energies[0].mean().item() == pytest.approx(0.5, rel=0.2)
    (term,) = terms.values()
    way = term["stiffness"] * (1 - np.cos(term["center"])) / kt(300.0)
    assert energies[1].numpy() == pytest.approx(way)
    assert energies[2].min() > way > 5


def test_centres_of_opposite_handedness_share_nothing():
    frames = centre_frames(500, ((0, 1, 2, 3, -1),))
    both = Topology.of_beads(
        tuple("OABC"), tuple("OXXX"), frames.molecule.bonds,
        stereo=((0, 1, 2, 3, -1), (0, 1, 3, 2, 1)),
    )  # fmt: skip
    prior, terms = found(dataclasses.replace(frames, molecule=both), chirality="cosine")
    assert len(terms) == 2
    one, other = prior.tensors["stereo_center"]
    assert one * other < 0


def test_beads_without_a_stereo_centre_have_no_chirality():
    frames = frames_of(chain_positions(500, seed=8), 300.0)
    prior, _ = found(frames, bonds="harmonic", chirality="cosine")
    assert "stereo" not in prior.values
    assert not [name for name in prior.tensors if name.startswith("stereo")]
    with pytest.raises(InputError, match=r"none of its terms .*the beads make no stereo centre"):
        found(frames, chirality="cosine")


def test_pairs_apart_counts_bonds():
    assert pairs_apart(CHAIN, 4) == ((0, 4),)
    assert pairs_apart(CHAIN, 3) == ((0, 3), (0, 4), (1, 4))
    two = Topology.of_beads(tuple("ABCD"), tuple("ABCD"), ((0, 1), (2, 3)))
    assert pairs_apart(two, 9) == ((0, 2), (0, 3), (1, 2), (1, 3))


def test_beads_on_top_of_each_other_are_pushed_apart():
    frames = frames_of(chain_positions(2000, seed=7), 300.0)
    prior, terms = found(frames, excluded_volume={})
    radius = terms["excluded volume A–E"]["radius"]
    positions = torch.zeros(4, 5, 3, dtype=torch.float64)
    positions[:, :4, 1] = torch.arange(4) * 5.0
    gaps = torch.tensor([0.01, 0.5, STRAIGHT_BELOW, 1.0], dtype=torch.float64) * radius
    positions[:, 4, 0] = gaps
    energy, forces = prior.energy_and_forces(Configuration(positions, 300.0))
    assert energy[3].item() == pytest.approx(kt(300.0))
    assert (energy.diff() < 0).all()
    assert (forces[:, 4, 0] > 0).all()
    # Straight below 0.6 σ: the force stays what it is there.
    assert torch.allclose(forces[0, 4, 0], forces[2, 4, 0])
    torch.testing.assert_close(forces[:, 0], -forces[:, 4])
