"""Priors: known energies are found again, bad ones refused, and chains are held."""

import dataclasses

import numpy as np
import pytest
import torch

from meanforce.core.configuration import Configuration
from meanforce.core.coordinates import CoordinateList
from meanforce.core.topology import Topology
from meanforce.dynamics.langevin import Langevin, step
from meanforce.errors import InputError
from meanforce.fitting import prior_terms
from meanforce.fitting.frames import Frames
from meanforce.fitting.gradient import fit_gradient
from meanforce.fitting.prior import fit_prior, pairs_apart
from meanforce.fitting.prior_terms import NoSingleWell, Sample, harmonic
from meanforce.fitting.registry import fit
from meanforce.potentials.files import load, save
from meanforce.potentials.geometry import InternalCoordinates
from meanforce.potentials.interface import EnsembleMean
from meanforce.potentials.prior import STRAIGHT_BELOW, fourier, mixture
from meanforce.settings.job import validated
from meanforce.settings.potentials.priors import PriorSettings
from meanforce.settings.potentials.registry import Potential
from meanforce.units import kt

CHAIN = Topology.of_beads(
    tuple("ABCDE"), ("X", "X", "Y", "X", "X"), ((0, 1), (1, 2), (2, 3), (3, 4))
)
BOND, ANGLE = (0.15, 60000.0), (1.9, 350.0)
COSINE, SINE = [1.5, -2.0, 0.5], [0.8, 0.0, -0.6]
ALL = {
    "bonds": "harmonic", "angles": "harmonic", "dihedrals": "fourier",
    "excluded_volume": {"apart": 4, "percentile": 0.5},
}  # fmt: skip


def prior_settings(**values) -> PriorSettings:
    return validated(PriorSettings, values, "prior")


def draw(rng, low: float, high: float, log_density, n: int) -> np.ndarray:
    """Independent draws from a density on an interval, by its inverse distribution function."""
    grid = np.linspace(low, high, 20001)
    density = np.exp(log_density(grid))
    cumulative = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2)])
    return np.interp(rng.uniform(0, cumulative[-1], n), cumulative, grid)


def torsion(phi: np.ndarray) -> np.ndarray:
    value, _ = fourier(torch.from_numpy(phi)[:, None], torch.tensor([COSINE]), torch.tensor([SINE]))
    return value[:, 0].numpy()


def chain_positions(n: int, seed: int, temperature: float = 300.0) -> torch.Tensor:
    """Chains of five beads from the exact Boltzmann distribution of known bonded terms."""
    rng, beta = np.random.default_rng(seed), 1 / kt(temperature)
    (r0, kr), (t0, kq) = BOND, ANGLE
    r = draw(rng, 0.1, 0.2, lambda q: 2 * np.log(q) - beta * kr * (q - r0) ** 2 / 2, (n, 4))
    theta = draw(rng, 1.0, 3.1, lambda q: np.log(np.sin(q)) - beta * kq * (q - t0) ** 2 / 2, (n, 3))
    phi = draw(rng, -np.pi, np.pi, lambda q: -beta * torsion(q), (n, 2))
    beads = np.zeros((n, 5, 3))
    beads[:, 1, 2] = r[:, 0]
    beads[:, 2, 0] = r[:, 1] * np.sin(theta[:, 0])
    beads[:, 2, 2] = r[:, 0] - r[:, 1] * np.cos(theta[:, 0])
    for new in (3, 4):
        a, b, c = (beads[:, new - k] for k in (3, 2, 1))
        along = (c - b) / np.linalg.norm(c - b, axis=1, keepdims=True)
        normal = np.cross(b - a, along)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        angle, turn = theta[:, new - 2, None], phi[:, new - 3, None]
        beads[:, new] = c + r[:, new - 1, None] * (
            -np.cos(angle) * along
            + np.sin(angle) * (np.cos(turn) * np.cross(normal, along) + np.sin(turn) * normal)
        )
    return torch.from_numpy(beads).float()


def frames_of(positions: torch.Tensor, temperatures, weights=None) -> Frames:
    """Frames whose forces are those of the bonded terms."""
    n = len(positions)
    internal = InternalCoordinates(
        CoordinateList((), CHAIN.bonds, CHAIN.angles, CHAIN.dihedrals),
        5,
        torch.float64,
    )
    q, vectors = internal.evaluate(positions.double())
    _, slope = fourier(q[:, 7:], torch.tensor([COSINE] * 2), torch.tensor([SINE] * 2))
    gradient = torch.cat(
        [BOND[1] * (q[:, :4] - BOND[0]), ANGLE[1] * (q[:, 4:7] - ANGLE[0]), slope], dim=1
    )
    block = torch.arange(n) * 20 // n
    forces = -internal.pull_back(gradient, vectors).float()
    return Frames(
        positions, forces, torch.as_tensor(temperatures).expand(n).float(), block % 5, block,
        CHAIN, weights,
    )  # fmt: skip


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


def network(prior: dict | None, epochs: int = 3, **changes):
    values = {
        "kind": "cgnet", "hidden": [24], "temperature": "none", "prior": prior,
        "training": {
            "weight_decay": 0.0, "epochs": epochs, "batch_size": 64, "learning_rate": 0.003
        },
    }  # fmt: skip
    return validated(Potential, values | changes, "potential")


@pytest.fixture(scope="module")
def trained():
    """Training frames; and what was trained above a prior, one member for each of two folds."""
    frames = frames_of(chain_positions(3000, seed=8), 300.0)
    return frames, [fit(network(ALL), frames, {}, m, m, lambda line: None) for m in (0, 1)]


def test_the_residual_is_small_and_learned(trained):
    _, (result, _) = trained
    about = result.about["prior"]
    assert about["mean_square_residual"] < 0.1 * about["mean_square_force"]
    assert about["frames"] == 2400
    assert result.about["validation_loss"] < about["mean_square_residual"]


def test_without_a_prior_nothing_changes(trained):
    frames, _ = trained
    ours = fit(network(None), frames, {}, 0, 3, lambda line: None)
    plain = fit_gradient(network(None), frames, {}, 0, 3, lambda line: None)
    assert "prior" not in ours.about
    for name, tensor in plain.potential.state()[0].items():
        assert torch.equal(tensor, ours.potential.state()[0][name])


def test_file_holds_prior_and_residual(trained, tmp_path):
    frames, (result, _) = trained
    save(result.potential, tmp_path / "model.safetensors", result.about)
    again, about = load(tmp_path / "model.safetensors")
    assert again.kind == "cgnet"
    assert about["prior"]["terms"][0]["term"] == "bond A–B"
    for ours, theirs in zip(
        result.potential.energy_and_forces(Configuration(frames.positions[:50], 300.0)),
        again.energy_and_forces(Configuration(frames.positions[:50], 300.0)),
        strict=True,
    ):
        assert torch.equal(ours, theirs)


def test_ensemble_is_the_mean_of_its_members(trained):
    frames, results = trained
    members = [result.potential for result in results]
    some = frames.positions[:50]
    mean = EnsembleMean(members).energy_and_forces(Configuration(some, 300.0))
    for number, ours in enumerate(mean):
        each = [member.energy_and_forces(Configuration(some, 300.0))[number] for member in members]
        torch.testing.assert_close(ours, (each[0] + each[1]) / 2, rtol=1e-5, atol=1e-3)


def worst_bond(potential, starts: torch.Tensor) -> float:
    """The longest bond at any time of dynamics after 0.3 ps, nm (10¹⁰ where beads fly off)."""
    masses = torch.full((5,), 14.0)
    langevin = Langevin(masses, 300.0, friction=30.0, time_step=0.001)
    generator = torch.Generator().manual_seed(3)

    def forces(positions):
        return potential.energy_and_forces(Configuration(positions, 300.0))[1]

    longest, advance = 0.0, langevin.advance(forces)
    with torch.no_grad():
        state = langevin.start(starts, forces, generator)
        for number in range(600):
            state = step(state, advance, generator)
            if number >= 300:
                bonds = (state.positions[:, 1:] - state.positions[:, :-1]).norm(dim=-1)
                longest = max(longest, bonds.nan_to_num(1e10).max().item())
    return longest


def test_prior_brings_back_chains_from_outside_the_data(trained):
    """Stretched by half, and folded until the ends overlap; the network alone leaves them there."""
    frames, (result, _) = trained
    stretched = frames.positions[:20] * 1.5
    folded = frames.positions[20:40].clone()
    folded[:, 4] = folded[:, 0] + 0.01
    starts = torch.cat([stretched, folded])
    # Seven standard deviations of a bond; there are 40 × 4 × 300 lengths.
    limit = BOND[0] + 7 * np.sqrt(kt(300.0) / BOND[1])
    assert worst_bond(result.potential, starts) < limit
    alone = fit(network(None), frames, {}, 0, 0, lambda line: None)
    assert worst_bond(alone.potential, starts) > limit


def test_an_angle_with_two_wells_is_left_out_with_a_warning():
    """Half the frames have one angle at 2 rad and half at 1.2 rad, as of CA beads; others stay."""
    frames = frames_of(chain_positions(4000, seed=11), 300.0)
    bent = frames.positions.clone()
    middle = bent[:, 1]
    along, out = bent[:, 2] - middle, bent[:, 0] - middle
    along = along / along.norm(dim=1, keepdim=True)
    across = out - (out * along).sum(1, keepdim=True) * along
    across = across / across.norm(dim=1, keepdim=True)
    angle = torch.where(torch.arange(len(bent)) % 2 == 0, 1.2, 2.0).to(bent)
    angle = (angle + 0.05 * torch.randn(len(bent), generator=torch.Generator().manual_seed(2)))[
        :, None
    ].to(bent)
    bent[:, 0] = middle + out.norm(dim=1, keepdim=True) * (
        torch.cos(angle) * along + torch.sin(angle) * across
    )
    lines = []
    settings = prior_settings(angles="harmonic", parameters="by_coordinate")
    prior, about = fit_prior(settings, dataclasses.replace(frames, positions=bent), lines.append)
    assert about["left_out"] == ["angle A–B–C"]
    warned = [line for line in lines if line.startswith("warning")]
    assert len(warned) == 1
    assert "angle A–B–C has no single well" in warned[0]
    assert "trained without it" in warned[0]
    whole, about = fit_prior(settings, frames, lines.append)
    assert "left_out" not in about
    # Members of an ensemble may differ in which have one well: their terms must be the same.
    assert whole.values == prior.values
    assert (prior.tensors["angle_stiffness"] == 0).tolist() == [
        tuple(beads) == (0, 1, 2) for beads in prior.values["angles"]
    ]
    starts = Configuration(frames.positions[:5].to(whole.dtype), 300.0)
    energies = [type(whole).mean_energy_and_forces(some, starts)[0]
                for some in ([whole], [prior], [whole, prior])]  # fmt: skip
    torch.testing.assert_close(energies[2], (energies[0] + energies[1]) / 2)
    # What remains is still a prior.
    energy, forces = prior.energy_and_forces(Configuration(bent[:4].double(), 300.0))
    assert torch.isfinite(energy).all()
    assert torch.isfinite(forces).all()
    only = prior_settings(bonds="none", angles="harmonic", parameters="by_coordinate")
    three = Topology.of_beads(tuple("ABC"), tuple("ABC"), ((0, 1), (1, 2)))
    alone = dataclasses.replace(frames, positions=bent[:, :3], molecule=three)
    with pytest.raises(InputError, match=r"none of its terms can be fitted \(angle A–B–C\)"):
        fit_prior(only, alone, lines.append)
