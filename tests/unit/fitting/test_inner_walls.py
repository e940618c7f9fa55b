"""Inner ends of fitted pair curves: they rise inwards, and change nothing where data exist."""

import dataclasses

import liquids
import numpy as np
import pytest
import torch
from liquid_boxes import box_run

from meanforce.core.neighbours import pair_vectors
from meanforce.dynamics.sample import sample
from meanforce.fitting import inner_walls, linear
from meanforce.fitting.inner_walls import FEWEST, independent_samples
from meanforce.fitting.registry import fit
from meanforce.settings.job import validated
from meanforce.settings.potentials.registry import Potential

FUNCTIONS = 60


@pytest.fixture(scope="module")
def argon() -> liquids.Liquid:
    pytest.importorskip("openmmtools", reason="openmmtools has the Lennard-Jones fluid")
    return liquids.argon()


def few(liquid: liquids.Liquid, count: int, noise: float, seed: int) -> liquids.Frames:
    """Some frames, in blocks of their own, with noise on the forces, kJ/mol/nm."""
    frames = liquid.frames
    chosen = torch.linspace(0, len(frames) - 1, count).long()
    generator = torch.Generator().manual_seed(seed)
    forces = frames.forces[chosen]
    block = torch.arange(count) * min(count, 20) // count
    return dataclasses.replace(
        frames, positions=frames.positions[chosen], cells=frames.cells[chosen],
        forces=forces + noise * torch.randn(forces.shape, generator=generator),
        temperatures=frames.temperatures[chosen], folds=block % 5, blocks=block,
    )  # fmt: skip


def fitted(liquid: liquids.Liquid, frames: liquids.Frames, functions: int = FUNCTIONS, **values):
    """Fit with default penalties."""
    pairs = {"cutoff": liquid.pair.cutoff, "functions": functions}
    settings = {"kind": "spline", "terms": {"pairs": pairs}, "temperature": "none"} | values
    return fit(validated(Potential, settings, "potential"), frames, {}, 5, 0, lambda line: None)


@pytest.fixture
def unwalled(monkeypatch):
    """A function that fits as it would be without walls."""

    def of(liquid: liquids.Liquid, frames: liquids.Frames, functions: int = FUNCTIONS):
        with monkeypatch.context() as patch:
            patch.setattr(linear, "with_inner_walls", lambda potential, *rest: (potential, {}))
            return fitted(liquid, frames, functions).potential

    return of


def slopes(liquid: liquids.Liquid, potential, r: np.ndarray) -> np.ndarray:
    return potential.to(torch.float64).curve(torch.from_numpy(r), liquid.temperature)[1].numpy()


@pytest.mark.parametrize("noise", [0.0, 400.0, 1500.0, 3000.0])
@pytest.mark.parametrize("seed", [1, 2, 4])
def test_few_frames_give_a_curve_that_rises_inwards(argon, unwalled, noise, seed):
    frames = few(argon, 5, noise, seed)
    bare, result = unwalled(argon, frames), fitted(argon, frames)
    walled, curve = result.potential, result.potential.curves[0]
    place = result.about.get("walls", {}).get(curve.name)
    if place is None:
        # All that lie below the first well-sampled function rise already.
        assert torch.equal(walled.coefficients, bare.coefficients)
        place = curve.sampled[0]
    assert place < 0.4
    inwards = np.linspace(0.0, place, 400)
    assert (slopes(argon, walled, inwards) < 0).all()
    # Nowhere softer than the last well-sampled coefficients, nor than the fit itself.
    number = round((place - curve.lower) / curve.spacing)
    rise = -np.diff(walled.coefficients.double().numpy())
    assert (rise[:number] >= abs(rise[number]) * (1 - 1e-5)).all()
    assert (rise >= -np.diff(bare.coefficients.double().numpy()) - 1e-3).all()
    # Not on the knot itself, which rounding puts on either side.
    outwards = np.linspace(place + 1.001 * curve.spacing, curve.cutoff, 200)
    np.testing.assert_array_equal(slopes(argon, walled, outwards), slopes(argon, bare, outwards))


def test_without_walls_these_data_do_turn_over(argon, unwalled):
    """What the test above would find."""
    curves = [unwalled(argon, few(argon, 5, 3000.0, seed)) for seed in (1, 2, 4)]
    worst = [slopes(argon, one, np.linspace(0.25, 0.37, 200)).max() for one in curves]
    assert max(worst) > 50


@pytest.mark.parametrize("functions", [24, 60])
def test_with_many_frames_nothing_changes(argon, unwalled, functions):
    """100 frames without noise: the coefficients are the same to the bit, and so are their errors.

    With noise, coefficients from the first well-sampled one on are.
    """
    bare, walled = unwalled(argon, argon.frames, functions), fitted(argon, argon.frames, functions)
    assert "walls" not in walled.about
    assert torch.equal(walled.potential.coefficients, bare.coefficients)
    for name, tensor in bare.errors.items():
        assert torch.equal(walled.potential.errors[name], tensor)
    noisy = few(argon, 100, 400.0, 1)
    bare, walled = unwalled(argon, noisy, functions), fitted(argon, noisy, functions)
    curve = bare.curves[0]
    begins = walled.about.get("walls", {}).get(curve.name, curve.sampled[0])
    first = round((begins - curve.lower) / curve.spacing)
    assert torch.equal(walled.potential.coefficients[first:], bare.coefficients[first:])
    assert begins < argon.seen_from


def radial(positions: np.ndarray, cell: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """g(r) of ten blocks of frames, shape (10, n_bins)."""
    found, n = [], positions.shape[1]
    shells = 4 / 3 * np.pi * np.diff(bins**3)
    for part in np.array_split(positions, 10):
        near = pair_vectors(np.ascontiguousarray(part), cell, bins[-1])
        counts = np.histogram(near.distances, bins)[0] / len(part)
        found.append(counts / (n * n / 2 / np.linalg.det(cell) * shells))
    return np.array(found)


def cg_run(liquid: liquids.Liquid, potential, length: float) -> tuple[np.ndarray, np.ndarray]:
    """Frames of two chains, one after the other, and their cell."""
    cell = liquid.frames.cells[0].double().numpy()
    run = box_run(
        potential.to(torch.float64), liquid.frames.molecule,
        liquid.frames.positions[0].double().numpy(), cell, time_step=0.008, equilibration=2.0,
        length=length, stride=0.2, engine="openmm",
    )  # fmt: skip
    starts = run.starts.at(liquid.temperature)
    found = sample(
        run.potential, starts, run.simulation, torch.Generator().manual_seed(2), run.system
    )
    frames = found.positions.swapaxes(0, 1).reshape(-1, *found.positions.shape[2:])
    return frames.astype(float), cell


@pytest.mark.slow
def test_a_model_of_few_frames_has_the_structure_of_the_liquid(argon):
    """Ten frames: g(r) within 8 standard errors of ten blocks on each side, and 0.03.

    With 18 degrees of freedom, 18 bins pass 8 standard errors in 1 of 10⁵ cases; blocks of 2 to 3
    ps are independent. The allowance is for the model's own error. Below 0.29 nm, where g is
    below 1e-4, there may be nothing.
    """
    model = fitted(argon, few(argon, 10, 20.0, 1)).potential
    frames, cell = cg_run(argon, model, 12.0)
    bins = np.linspace(0.3, 0.75, 19)
    truth = radial(argon.frames.positions.double().numpy(), cell, bins)
    found = radial(frames, cell, bins)
    error = np.sqrt((truth.var(0, ddof=1) + found.var(0, ddof=1)) / 10)
    assert (abs(found.mean(0) - truth.mean(0)) < 8 * error + 0.03).all()
    assert error.max() < 0.03
    assert radial(frames, cell, np.array([0.0, 0.29])).max() == 0.0


@pytest.mark.slow
def test_walls_prevent_that_beads_fall_into_one_another(argon, unwalled):
    """The noise of five frames makes a core of the fitted curve attractive.

    Which noise does depends on the frames, and these on the machine.
    """
    core = np.array([0.0, 0.28])

    def depth(seed: int) -> float:
        potential = unwalled(argon, few(argon, 5, 3000.0, seed)).to(torch.float64)
        r = torch.linspace(0.1, 0.3, 100, dtype=torch.float64)
        energy = potential.curve(r, argon.temperature)[0]
        return float(energy.min() - energy[-1])

    frames = few(argon, 5, 3000.0, min(range(1, 9), key=depth))
    collapsed, cell = cg_run(argon, unwalled(argon, frames), 4.0)
    assert radial(collapsed, cell, core).mean() > 0.1
    walled, _ = cg_run(argon, fitted(argon, frames).potential, 4.0)
    assert radial(walled, cell, core).mean() < 1e-3


def test_independent_samples_are_counted_once():
    """Poisson counts are independent; pairs seen in five frames each count a fifth.

    Means over 400 functions: the false-alarm rate of 5 % deviations is far below 1e-4.
    """
    rng, pieces, functions = np.random.default_rng(1), 60, 400
    # Σφ of a piece: squares of φ are 0.479 of φ, in the mean over its support.
    u = np.linspace(-2, 2, 4001)
    phi = linear.KINDS["spline"].shape(torch.from_numpy(u), 1.0)[0].numpy()
    assert (phi**2).sum() / phi.sum() == pytest.approx(inner_walls.SQUARED, abs=1e-3)
    counts = rng.poisson(30, (pieces, functions))
    values = np.array([[rng.choice(phi, n).sum() for n in row] for row in counts])
    once = independent_samples(values, np.ones(pieces), np.full(pieces, 300.0))
    five = independent_samples(5 * values, np.ones(pieces), np.full(pieces, 300.0))
    assert five.mean() == pytest.approx(values.sum(0).mean(), rel=0.05)
    # Where the scatter is below Poisson's by chance, pairs count in full.
    assert 0.8 < once.mean() / values.sum(0).mean() <= 1.0
    assert independent_samples(values[:1], np.ones(1), np.full(1, 300.0)) == pytest.approx(
        values[0]
    )


def test_temperatures_with_other_numbers_of_close_pairs_do_not_look_correlated():
    """A tenth of the pairs at one of two temperatures; all of them independent."""
    rng, pieces = np.random.default_rng(2), 30
    rates = np.repeat([60.0, 6.0], pieces)[:, None]
    values = inner_walls.SQUARED * rng.poisson(rates / inner_walls.SQUARED, (2 * pieces, 200))
    found = independent_samples(values, np.ones(2 * pieces), np.repeat([300.0, 400.0], pieces))
    assert 0.8 < found.mean() / values.sum(0).mean() <= 1.0
    mixed = independent_samples(values, np.ones(2 * pieces), np.full(2 * pieces, 300.0))
    assert mixed.mean() < 0.1 * found.mean()


def test_coefficients_follow_the_fit_linearly():
    """Derivatives of the continued coefficients, and walls at every temperature of the training."""
    rng = np.random.default_rng(3)
    form = np.array([[1.0, -0.1], [1.0, 0.0], [1.0, 0.1]])
    for one in (form[:, :1], form):
        for _ in range(50):
            fitted_parts = rng.normal(size=(one.shape[1], 12)) * np.exp(-np.arange(12) / 3) * 10
            found = inner_walls._continued(fitted_parts, 5, one)
            steps = one @ (found.parts[:, :-1] - found.parts[:, 1:])
            assert (steps[:, :5] >= abs(steps[:, [5]]) - 1e-9).all()
            np.testing.assert_array_equal(found.parts[:, 5:], fitted_parts[:, 5:])
            if one.shape[1] == 1 and steps[0, 5] > 0:
                np.testing.assert_allclose(found.matrix @ fitted_parts[0], found.parts[0])


def test_too_few_samples_are_reported(argon):
    lines: list[str] = []
    frames = few(argon, 5, 0.0, 1)
    pairs = {"cutoff": argon.pair.cutoff, "functions": 60}
    settings = validated(
        Potential, {"kind": "spline", "terms": {"pairs": pairs}, "temperature": "none"}, "potential"
    )
    small = dataclasses.replace(
        frames, positions=frames.positions[:, :2], forces=frames.forces[:, :2],
        molecule=liquids.Topology(((frames.molecule.composition[0][0], 2),)),
    )  # fmt: skip
    small.positions[:, 1] = small.positions[:, 0] + 0.4 * torch.eye(3)[0]
    result = fit(settings, small, {}, 5, 0, lines.append)
    assert "walls" not in result.about
    assert any(f"fewer than {FEWEST:g} independent samples" in line for line in lines)
