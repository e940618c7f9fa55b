"""Force matching: known potentials are found again."""

import functools

import numpy as np
import pytest
import torch
from chains import CGNET, chain_frames, write_dataset

from meanforce.analysis.metrics.exact_pmf import features_of
from meanforce.core.topology import Topology
from meanforce.errors import InputError
from meanforce.fitting.frames import Frames, read_frames
from meanforce.fitting.linear import NormalEquations
from meanforce.fitting.loss import validation_loss
from meanforce.fitting.registry import fit
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.job import validated
from meanforce.settings.potentials.registry import Potential
from meanforce.systems.muller_brown_surface import ENERGY_UNIT, TERMS, energy, pmf
from meanforce.units import kt

BEAD = Topology.of_beads(("X",), ("X",), ())
X = {"x": CollectiveVariableSettings(kind="coordinate", mapping="x", beads=["X"], axis="x")}


def slope_x(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """∂V/∂x of the Müller–Brown potential, kJ/mol/nm."""
    total = 0.0
    for height, a, b, c, x0, y0 in TERMS:
        dx, dy = x - x0, y - y0
        total = total + height * (2 * a * dx + b * dy) * np.exp(a * dx**2 + b * dx * dy + c * dy**2)
    return ENERGY_UNIT * total


@functools.cache
def muller_brown_frames(n: int, seed: int, temperature: float = 300.0) -> Frames:
    """Independent frames, uniform in x and at equilibrium in y: mean forces without any doubt."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(14.0, 50.0, n)
    y = np.linspace(-20, 60, 801)
    height = energy(x[:, None], y)
    weights = np.exp(-(height - height.min(1, keepdims=True)) / kt(temperature))
    cumulative = np.cumsum(weights, axis=1)
    chosen = (cumulative < rng.uniform(0, 1, (n, 1)) * cumulative[:, -1:]).sum(1)
    positions = np.zeros((n, 1, 3), dtype=np.float32)
    forces = np.zeros((n, 1, 3), dtype=np.float32)
    positions[:, 0, 0], forces[:, 0, 0] = x, -slope_x(x, y[chosen])
    block = torch.arange(n) * 20 // n
    return Frames(
        torch.from_numpy(positions),
        torch.from_numpy(forces),
        torch.full((n,), temperature),
        block % 5,
        block,
        BEAD,
    )  # fmt: skip


def settings(kind: str, **changes):
    values = {
        "kind": kind, "collective_variable": "x", "lower": 10.0, "upper": 54.0, "functions": 30,
        "temperature": "none",
    }  # fmt: skip
    return validated(Potential, values | changes, "potential")


@pytest.mark.parametrize("kind", ["spline", "rbf"])
def test_mean_forces_integrate_to_the_exact_pmf(kind):
    n = 20000
    frames = muller_brown_frames(n, seed=5)
    result = fit(settings(kind), frames, X, 5, 0, lambda line: None)
    x = torch.linspace(15, 49, 1000, dtype=torch.float64)
    curve = result.potential.curve(x, 300.0)[0].numpy() / kt(300.0)
    well, barrier = features_of(x.numpy(), curve)
    # Uniform frames give the well difference to 0.216 √(2000/n) kT; five of these errors.
    error = 0.216 * np.sqrt(2000 / n)
    assert well == pytest.approx(3.540, abs=5 * error)
    assert barrier == pytest.approx(5.299, abs=5 * error)


def test_linear_temperature_form_interpolates():
    low, high = muller_brown_frames(20000, 5, 300.0), muller_brown_frames(20000, 6, 400.0)
    both = Frames(
        *(torch.cat([getattr(low, f), getattr(high, f)]) for f in
          ("positions", "forces", "temperatures", "folds", "blocks")), BEAD
    )  # fmt: skip
    result = fit(settings("spline", temperature="linear"), both, X, 5, 0, lambda line: None)
    x = torch.linspace(15, 49, 1000, dtype=torch.float64)
    for temperature in (300.0, 350.0, 400.0):
        curve = result.potential.curve(x, temperature)[0].numpy() / kt(temperature)
        exact = pmf(x.numpy(), temperature) / kt(temperature)
        assert features_of(x.numpy(), curve)[0] == pytest.approx(
            features_of(x.numpy(), exact)[0], abs=5 * 0.07
        )


def test_normal_equations_give_the_loss_of_direct_evaluation():
    frames = muller_brown_frames(5000, seed=8)
    result = fit(settings("spline"), frames, X, 0, 0, lambda line: None)
    normal = NormalEquations(result.potential, frames)
    loss = normal.loss([0], result.potential.coefficients.numpy())
    held = frames.select(frames.folds == 0)
    _, forces = result.potential.energy_and_forces(held.positions, 300.0)
    direct = ((forces - held.forces)[:, 0, 0] ** 2).mean().item()
    assert loss == pytest.approx(direct, rel=1e-2)


def test_walls_bring_chains_back_beyond_the_data():
    result = fit(settings("spline"), muller_brown_frames(5000, 8), X, 0, 0, lambda line: None)
    positions = torch.zeros(2, 1, 3, dtype=torch.float64)
    positions[:, 0, 0] = torch.tensor([4.0, 60.0])
    _, forces = result.potential.energy_and_forces(positions, 300.0)
    assert forces[0, 0, 0] > 0 > forces[1, 0, 0]


def test_cgnet_learns_noiseless_forces_and_keeps_its_best_epoch():
    frames = chain_frames(2000, seed=1)
    settings = validated(Potential, CGNET, "potential")
    result = fit(settings, frames, {}, 0, 7, lambda line: None)
    held = frames.select(frames.folds == 0)
    loss = validation_loss(result.potential, held)
    assert loss == pytest.approx(result.curve["validation"].min(), rel=1e-5)
    assert loss < 0.01 * frames.forces.square().mean().item()


def test_training_is_deterministic_and_depends_on_its_seed():
    frames = chain_frames(500, seed=1)
    values = CGNET | {"training": CGNET["training"] | {"epochs": 2}}
    settings = validated(Potential, values, "potential")
    curves = [fit(settings, frames, {}, 0, seed, lambda line: None).curve for seed in (7, 7, 8)]
    assert curves[0].equals(curves[1])
    assert not curves[0].equals(curves[2])


def test_folds_are_contiguous_blocks(tmp_path):
    write_dataset(tmp_path / "a.h5", 400)
    frames = read_frames([tmp_path / "a.h5"], folds=5)
    changes = (frames.folds[1:] != frames.folds[:-1]).sum().item()
    assert changes == 5 * 4 - 1
    assert np.bincount(frames.folds).tolist() == [80] * 5


def test_datasets_that_do_not_fit_are_refused(tmp_path):
    write_dataset(tmp_path / "a.h5", 400)
    write_dataset(tmp_path / "b.h5", 400, names=("A", "C"))
    write_dataset(tmp_path / "c.h5", 10)
    with pytest.raises(InputError, match="has other beads than"):
        read_frames([tmp_path / "a.h5", tmp_path / "b.h5"], folds=5)
    with pytest.raises(InputError, match="has 10 frames, too few"):
        read_frames([tmp_path / "c.h5"], folds=5)
