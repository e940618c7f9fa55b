"""Relative entropy finds known potentials again, and what no potential of its form can have."""

import dataclasses

import muller_brown_draws
import numpy as np
import pytest
import torch
from inversions import (
    BIAS,
    CUTOFF,
    LENGTH,
    STIFFNESS,
    TEMPERATURE,
    VARIABLES,
    bond,
    coupled,
    diatomics,
    fluid,
    form,
    joined,
    same_bits_when_killed,
    settings,
    silent,
)

from meanforce.core.configuration import Configuration
from meanforce.errors import InputError
from meanforce.fitting import boltzmann_inversion, force_matching
from meanforce.fitting.frames import Frames
from meanforce.fitting.iterative.coordinates import CurveCoordinates
from meanforce.fitting.iterative.loop import CONVERGED
from meanforce.fitting.iterative.moments import BasisSums, Moments
from meanforce.fitting.iterative.newton import Derivatives, Newton
from meanforce.fitting.linear import without_coefficients
from meanforce.fitting.relative_entropy import RelativeEntropy, fit
from meanforce.potentials.interface import Potential
from meanforce.potentials.uncertainty import curve_with_error, difference_with_error
from meanforce.systems import channel_surface
from meanforce.units import kt

BOND = {"bonds": {"functions": 12}}
PAIRS = {"pairs": {"cutoff": CUTOFF, "functions": 20}}


def chosen(terms: dict, temperature: str = "none", **fitting):
    return settings(terms, temperature, kind="relative_entropy", **fitting)


@pytest.mark.parametrize("of", ["molecule", "box", "variable"])
def test_moments_are_derivatives_of_the_energy(of):
    """U(c) − U(0) = c · Φ, beyond the ranges of the curves as well."""
    rng = np.random.default_rng(1)
    if of == "molecule":
        terms = BOND | {"angles": {"functions": 8}, "pairs": {"cutoff": 1.0, "exclude": 2}}
        frames, variables = coupled(500), {}
        blank = without_coefficients(chosen(terms), frames, variables)
    elif of == "box":
        frames = fluid(2, 0.1, 10, 3.2)
        blank = without_coefficients(chosen(PAIRS), frames, {})
    else:
        frames = muller_brown_draws.draw(0.0 * muller_brown_draws.X, 500, 1)
        variables = muller_brown_draws.VARIABLES
        blank = without_coefficients(muller_brown_draws.settings("spline"), frames, variables)
    blank = blank.to(torch.float64)
    positions = 1.1 * frames.positions[:20].double()
    positions += torch.from_numpy(rng.normal(0, 0.03, positions.shape))
    cell = None if frames.cells is None else 1.1 * frames.cells[0].double()
    here = Configuration(positions.numpy(), 300.0, None if cell is None else cell.numpy())
    features = BasisSums(blank)
    values = features.of(CurveCoordinates(blank).of(here), len(here))
    coefficients = torch.from_numpy(rng.normal(0, 1, features.size))
    energies = [
        type(blank)(blank.values, c).compute(Configuration(positions, 300.0, cell))[0].numpy()
        for c in (coefficients, 0 * coefficients)
    ]
    assert values @ coefficients.numpy() == pytest.approx(energies[0] - energies[1], rel=1e-9)


def test_frames_of_correlated_units_count_less():
    """Units whose frames are all alike are worth one frame each; independent frames all count."""
    rng = np.random.default_rng(2)
    values = rng.normal(size=(50, 40, 3))
    alike = np.repeat(values[:, :1], 40, axis=1)
    found = []
    for frames in (values, alike):
        flat = frames.reshape(-1, 3)
        found.append(Moments(frames.sum(1), flat.T @ flat, np.full(50, 40.0)).frames)
    # The variance of 150 normal numbers has an error of 12 %; five of them.
    assert found[0] > 0.5 * 2000
    assert found[1] == pytest.approx(50, rel=0.6)


@pytest.fixture(scope="module", params=["as they are", "biased"])
def from_wrong_forces(request):
    """From half of the forces: a bond of half the stiffness; by runs with and without a bias."""
    run = {"bias": BIAS} if request.param == "biased" else {}
    return fit(chosen(BOND, run=run), diatomics(20000, forces=0.5), VARIABLES, 0, 3, silent)


def test_a_bias_beside_the_data_is_refused_before_the_first_run():
    run = {"bias": BIAS | {"lower": [LENGTH + 1.0], "upper": [LENGTH + 1.2]}}
    with pytest.raises(InputError, match=r"fitting\.simulation\.bias: 100\.0% of the chains start"):
        fit(chosen(BOND, run=run), diatomics(2000, forces=0.5), VARIABLES, 0, 3, silent)


def test_a_bond_is_found_from_a_wrong_start_with_its_error(from_wrong_forces):
    """Five standard errors at nine places: missed in one of 10⁵ fits."""
    made = from_wrong_forces
    assert made.about["ended"] == CONVERGED
    first, last = made.curve.iloc[0], made.curve.iloc[-1]
    # Wrong at first, and then within the noise, which is larger for reweighted frames.
    assert first["gradient"] > 3 > 1.5 > last["gradient"]
    assert first["relative_entropy"] > 10 * last["relative_entropy"]
    places = LENGTH + np.linspace(-1.8, 1.8, 9) * np.sqrt(kt(300.0) / STIFFNESS)
    found, error = curve_with_error(made.potential, torch.from_numpy(places), 300.0)
    # Up to a constant, its mean over the distribution: half a kT, and ⟨ln r²⟩ adds little.
    grid = np.linspace(0.15, 0.45, 2001)
    density = grid**2 * np.exp(-bond(grid) / kt(300.0))
    off = found.numpy() - (bond(places) - bond(grid) @ density / density.sum())
    assert (abs(off) < 5 * error.numpy()).all()
    assert (error.numpy() < 0.15 * kt(300.0)).all()


WELLS = np.linspace(1.42, 2.18, 20)
"""Places in and between the wells of the channel, nm."""


def channel(factor: float) -> Frames:
    """The channel at two temperatures; forces times a factor."""
    return joined(
        *(
            diatomics(
                20000, at, lambda r, at=at: exact(r, at), seed, forces=factor, ends=(1.0, 2.7)
            )
            for seed, at in enumerate((400.0, 600.0))
        )
    )


def exact(r: np.ndarray, temperature: float) -> np.ndarray:
    softer = -1.5 * kt(temperature) * channel_surface.SOFTENING * channel_surface.step(r)
    return channel_surface.bare(r) + softer


def differences(potential: Potential, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """U(r) − U(middle) at the places, and its error, in kT."""
    found = [difference_with_error(potential, (1.8, float(r)), temperature) for r in WELLS]
    return tuple(np.array(found).T / kt(temperature))


def test_relative_entropy_and_forces_agree_where_the_exact_potential_is_in_the_basis():
    """The channel at 400 and 600 K, and at 500 K, of which there are no frames.

    From a start whose barrier is 40 % too low. Five standard errors at 20 places that are about
    ten independent ones, three times: missed in one of 10⁴ fits.
    """
    run = {"chains": 64, "time_step": 0.02, "friction": 2.0, "equilibration": 10.0,
           "length": 24.0, "stride": 0.4}  # fmt: skip
    terms = {"bonds": {"functions": 20}}
    wanted = chosen(terms, "linear", at_most=8, run=run)
    made = fit(wanted, channel(0.6), {}, 0, 3, silent)
    assert made.about["ended"] == CONVERGED
    start = force_matching.fit(wanted, channel(0.6), {}, 0, 3, silent)
    right = force_matching.fit(wanted, channel(1.0), {}, 0, 3, silent)
    for at in (400.0, 500.0, 600.0):
        truth = (exact(WELLS, at) - exact(np.array(1.8), at)) / kt(at)
        found, error = differences(made.potential, at)
        assert (abs(found - truth) < 5 * np.maximum(error, 0.01)).all()
        of_forces, small = differences(right.potential, at)
        assert (abs(found - of_forces) < 5 * np.hypot(np.maximum(error, 0.01), small)).all()
        assert abs(differences(start.potential, at)[0] - truth).max() > 1.0
        assert abs(found - truth).max() < 0.6


def test_distributions_are_better_and_forces_worse_where_it_is_not():
    """Three beads with their distances alone: bonds that depend on the angle are no sum of these.

    The forces of force matching are the best ones of this form, and its distributions, those of
    the first iteration, are many floors off.
    """
    frames = coupled(20000)
    terms = BOND | {"pairs": {"cutoff": 1.0, "functions": 20, "exclude": 2}}
    made = fit(chosen(terms, at_most=10, run={"length": 16.0}), frames, {}, 0, 3, silent)
    assert made.about["ended"] == CONVERGED
    first, last = made.curve.iloc[0], made.curve.iloc[-1]
    for name in ("bonds_P_Q", "pairs_P_P"):
        assert first[f"distance_{name}"] > 4 * first[f"floor_{name}"]
        assert last[f"distance_{name}"] < 2.5 * last[f"floor_{name}"]
    start = force_matching.fit(chosen(terms), frames, {}, 0, 3, silent)
    assert mean_square(made.potential, frames) > 1.05 * mean_square(start.potential, frames)


def mean_square(potential: Potential, frames: Frames) -> float:
    """Of the errors of forces, (kJ/mol/nm)²."""
    _, forces = potential.energy_and_forces(frames.configurations)
    return float((forces - frames.forces).square().mean())


@pytest.mark.slow
@pytest.mark.extended
@pytest.mark.parametrize("start", ["direct_inversion", "force_matching"])
def test_the_pair_potential_of_a_fluid_comes_back(start):
    """Lennard-Jones beads whose g > 0.05, within five errors at 30 places: one of 10⁵ misses.

    Forces of the frames are noise, so that force matching starts from an ideal gas with a wall.
    """
    frames = fluid()
    noise = torch.randn(frames.forces.shape, generator=torch.Generator().manual_seed(1))
    frames = dataclasses.replace(frames, forces=0.1 * noise)
    run = {"time_step": 0.008, "friction": 2.0, "equilibration": 1.6, "length": 8.0,
           "stride": 0.16}  # fmt: skip
    made = fit(chosen(PAIRS, run=run, start=start, at_most=12), frames, {}, 0, 1, silent)
    assert made.about["ended"] == CONVERGED
    z, sizes = [], []
    for r in np.linspace(0.31, 0.64, 30):
        found, error = difference_with_error(made.potential, (CUTOFF, float(r)), TEMPERATURE)
        z.append((found - form(np.array([r]))[0]) / error)
        sizes.append(error / kt(TEMPERATURE))
    assert abs(np.array(z)).max() < 5
    assert max(sizes) < 0.12


def test_weights_give_the_unbiased_distribution():
    """Frames along the Müller–Brown PMF with a bias between its wells, worth a fifth of them.

    Along a collective variable. The well difference has an error of about 0.15 kT, as the CG run
    crosses the barrier rarely; without weights it would be that of the bias.
    """
    bias = muller_brown_draws.DESIGNED
    frames = muller_brown_draws.draw(bias, 20000, 1)
    x = frames.positions[:, 0, 0].double().numpy()
    weights = np.exp(np.interp(x, muller_brown_draws.X, bias) / muller_brown_draws.THERMAL)
    weighted = dataclasses.replace(
        frames,
        masses=np.array([1.0]),
        weights=torch.tensor(weights / weights.mean(), dtype=torch.float32),
    )
    run = {
        "chains": 400, "time_step": 0.1, "friction": 1.0, "equilibration": 20.0, "length": 60.0,
        "stride": 2.0, "engine": "torch", "device": "cpu",
    }  # fmt: skip
    fitting = {"kind": "relative_entropy", "simulation": run, "at_most": 10}
    wanted = muller_brown_draws.settings("spline", fitting=fitting)
    wrong = dataclasses.replace(weighted, forces=0.7 * weighted.forces)
    found = []
    for data in (wrong, dataclasses.replace(wrong, weights=None)):
        made = fit(wanted, data, muller_brown_draws.VARIABLES, -1, 3, silent)
        grid = muller_brown_draws.GRID
        energy = muller_brown_draws.curve(made.potential)
        found.append(muller_brown_draws.features_of(grid, energy)[0])
    assert abs(found[0] - muller_brown_draws.EXACT_WELL) < 0.7
    assert abs(found[1] - muller_brown_draws.EXACT_WELL) > 1.2
    few = weighted.weights.clone()
    few[200:] = 1e-9
    with pytest.raises(InputError, match=r"weights make worth \d+, .*asks for 50"):
        fit(wanted, dataclasses.replace(weighted, weights=few), muller_brown_draws.VARIABLES,
            -1, 3, silent)  # fmt: skip


@pytest.mark.parametrize("temperatures", [(300.0,), (280.0, 320.0)])
def test_a_fit_that_is_killed_again_and_again_makes_the_same_bits(tmp_path, temperatures):
    """Runs of one or two state points in an iteration, stopped within and between them."""
    frames = joined(*(diatomics(2000, at, forces=0.2) for at in temperatures))
    form = "linear" if len(temperatures) > 1 else "none"
    wanted = chosen(BOND, form, run={"chains": 4, "equilibration": 0.2, "length": 1.0}, at_most=3)
    once, again = same_bits_when_killed(fit, wanted, frames, tmp_path / "job")
    assert len(once.curve) > 1
    assert once.potential.errors.keys() == again.potential.errors.keys()
    for name, tensor in once.potential.errors.items():
        assert torch.equal(tensor, again.potential.errors[name])


def moments(mean: np.ndarray, covariance: np.ndarray) -> Moments:
    """Of very many independent frames, in two units."""
    half = 5e11
    squares = 2 * half * (covariance + np.outer(mean, mean))
    return Moments(half * np.array([mean, mean]), squares, np.array([half, half]))


@pytest.mark.parametrize("temperatures", [(300.0,), (280.0, 320.0)])
def test_of_normal_functions_one_step_is_the_answer(temperatures):
    """Energies a·Φ + f(T) b·Φ tilt a normal distribution of Φ by −β Cov; Newton steps are exact.

    At one temperature, the part that depends on it stays as it is.
    """
    rng, size = np.random.default_rng(4), 5
    factor = rng.normal(size=(size, size))
    covariance, mean = factor @ factor.T, 3 * rng.normal(size=size)
    a, b = rng.normal(size=(2, size))
    scaled = [(at - np.mean(temperatures)) / np.mean(temperatures) for at in temperatures]
    parts = []
    for at, f in zip(temperatures, scaled, strict=True):
        beta = 1 / kt(at)
        tilted = mean - beta * covariance @ (a + f * b)
        parts.append(Derivatives(moments(tilted, covariance), moments(mean, covariance), beta))
    newton = Newton(np.array([[1.0, f] for f in scaled]), np.eye(size))
    step = newton.step(parts, 0)
    assert step[:size] == pytest.approx(a, rel=1e-3)
    assert step[size:] == pytest.approx(b if len(temperatures) > 1 else 0 * b, rel=1e-3)
    at_target = [Derivatives(part.target, part.target, part.beta) for part in parts]
    assert abs(newton.step(at_target, 0)).max() < 1e-6
    # S of a normal distribution that is tilted: half of the variance of the energy in kT.
    wanted = 0.5 * (a + scaled[0] * b) @ covariance @ (a + scaled[0] * b) / kt(temperatures[0]) ** 2
    assert newton.gain(parts[0]) == pytest.approx(wanted, rel=1e-3)


def test_the_first_step_is_bounded_where_the_run_has_not_been():
    """Of Poisson counts n and m it is 2(n − m)/(n + m), which is near ln(n/m); not 1 − m/n."""
    few, many = (moments(np.array([x]), np.array([[x]])) for x in (0.01, 1.0))
    newton = Newton(np.ones((1, 1)), np.zeros((1, 1)))
    parts = [Derivatives(many, few, 1.0)]
    assert newton.step(parts, 0) == pytest.approx(-2 * 0.99 / 1.01, rel=1e-3)
    assert newton.step(parts, 20) == pytest.approx(-99.0, rel=1e-2)


def test_a_fit_that_runs_away_keeps_its_best_iterate(monkeypatch):
    """Steps up the gradient: they are halved, and at last the start is kept."""
    right = RelativeEntropy.update
    monkeypatch.setattr(RelativeEntropy, "update", lambda *args: -10 * right(*args))
    run = {"length": 2.0, "equilibration": 0.5}
    made = fit(chosen(BOND, run=run), diatomics(4000, forces=0.4), {}, 0, 3, silent)
    assert made.about["ended"].startswith("diverged: ")
    assert made.about["kept"] == 1
    assert made.about["step"] == 2.0**-5
    assert not made.potential.errors


@pytest.mark.slow
@pytest.mark.extended
def test_the_potential_of_a_dense_liquid_is_found_where_boltzmann_inversion_is_content_with_g():
    """Changes of the tail, which g(r) hides in its noise, show in the gradient.

    With three seeds of the CG runs, largest errors were 0.09 to 0.14 and 0.61 to 0.70 kT, after 3
    to 5 and after 5 to 6 runs.
    """
    run = {"chains": 8, "time_step": 0.008, "friction": 2.0, "equilibration": 1.6, "length": 8.0,
           "stride": 0.16}  # fmt: skip
    terms = {"pairs": {"cutoff": CUTOFF, "functions": 30}}
    frames, places = fluid(4, 0.8, 20, 6.4), np.linspace(0.31, CUTOFF, 60)
    made = {}
    for kind, method in (
        ("relative_entropy", fit), ("boltzmann_inversion", boltzmann_inversion.fit)
    ):  # fmt: skip
        wanted = settings(terms, kind=kind, run=run, start="direct_inversion", at_most=10)
        found = method(wanted, frames, {}, 0, 1, silent)
        energy = found.potential.curve(torch.from_numpy(places).float(), TEMPERATURE)[0].numpy()
        off = float(abs(energy - form(places)).max() / kt(TEMPERATURE))
        made[kind] = len(found.curve), off
    ours, theirs = made["relative_entropy"], made["boltzmann_inversion"]
    assert ours[0] <= theirs[0]
    assert ours[1] < 0.25 < 0.45 < theirs[1]
