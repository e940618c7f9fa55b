"""CG dynamics on analytic potentials.

Statistical checks allow 5 standard errors (false alarms below 1e-6 each), and seeds are fixed.
"""

import math

import numpy as np
import pytest
import torch
from double_well import VARIABLE, DoubleWell, cg_run, settings

from meanforce.data.h5md import H5mdReader
from meanforce.dynamics.grid import Grid
from meanforce.dynamics.job import sample_to_file
from meanforce.dynamics.langevin import Langevin
from meanforce.dynamics.starts import spread_starts
from meanforce.errors import InputError
from meanforce.settings.simulations import CgBiasSettings
from meanforce.units import kt


def test_harmonic_beads_have_equilibrium_positions_and_velocities():
    stiffness = torch.tensor([50.0, 400.0], dtype=torch.float64)
    langevin = Langevin(torch.tensor([10.0, 30.0], dtype=torch.float64), 300.0, 2.0, 0.02)
    generator = torch.Generator().manual_seed(7)

    def forces(positions):
        return -stiffness[:, None] * positions

    n = 4000
    state = langevin.start(torch.zeros(n, 2, 3, dtype=torch.float64), forces, generator)
    advance = langevin.advance(forces)
    for _ in range(600):
        state = langevin.step(state, advance, generator)
    # Chains are independent, so a variance from 3n numbers has the relative error √(2/3n).
    error = 5 * math.sqrt(2 / (3 * n))
    spread = (state.positions**2).mean((0, 2)) * stiffness / kt(300.0)
    assert spread.numpy() == pytest.approx([1.0, 1.0], abs=error)
    kinetic = (state.velocities**2).mean((0, 2)) * langevin.masses / kt(300.0)
    assert kinetic.numpy() == pytest.approx([1.0, 1.0], abs=error + 0.01)


def test_each_chain_has_its_own_temperature():
    temperatures = torch.tensor([300.0, 450.0, 700.0], dtype=torch.float64).repeat_interleave(4000)
    langevin = Langevin(torch.tensor([10.0, 30.0], dtype=torch.float64), temperatures, 2.0, 0.02)
    generator = torch.Generator().manual_seed(5)

    def forces(positions):
        return -100 * positions

    zeros = torch.zeros(len(temperatures), 2, 3, dtype=torch.float64)
    state = langevin.start(zeros, forces, generator)
    start, advance = state.velocities, langevin.advance(forces)
    for _ in range(60):
        state = langevin.step(state, advance, generator, 5)
    # 5 standard errors; each level's average is over 6n numbers.
    error = 5 * math.sqrt(2 / (6 * 4000))
    for velocities in (start, state.velocities):
        twice = (velocities**2 * langevin.masses[:, None]).view(3, 4000, 6).mean((1, 2))
        found = twice / kt(torch.tensor([300.0, 450.0, 700.0], dtype=torch.float64))
        assert found.numpy() == pytest.approx(np.ones(3), abs=error + 0.01)


def test_several_steps_in_one_call_are_these_steps():
    langevin = Langevin(torch.tensor([10.0, 30.0], dtype=torch.float64), 300.0, 2.0, 0.02)
    advance = langevin.advance(lambda positions: -50.0 * positions)
    rng = np.random.default_rng(3)
    before = [torch.from_numpy(rng.standard_normal((5, 2, 3))) for _ in range(3)]
    noise = torch.from_numpy(rng.standard_normal((4, 5, 2, 3)))
    one_by_one = before
    for part in noise:
        one_by_one = advance(*one_by_one, part[None])
    together = advance(*before, noise)
    assert all(map(torch.equal, together, one_by_one))
    assert not torch.equal(together[0], before[0])


@pytest.mark.parametrize("periodic", [True, False])
def test_grid_gradient_belongs_to_its_values(periodic):
    grid = Grid([-math.pi] * 2, [math.pi] * 2, [periodic] * 2, 40)
    centers = torch.tensor([[3.0, -1.0], [0.2, 0.5]])
    grid.add_gaussians(centers, torch.tensor([2.0, -1.0]), [0.6, 0.4])
    points = torch.rand(200, 2, dtype=torch.float64) * 6 - 3
    _, gradient = grid.evaluate(points)
    step = 1e-6
    for axis in range(2):
        shift = torch.zeros(2, dtype=torch.float64)
        shift[axis] = step
        numeric = (grid.evaluate(points + shift)[0] - grid.evaluate(points - shift)[0]) / (2 * step)
        torch.testing.assert_close(gradient[:, axis], numeric, rtol=1e-5, atol=1e-5)


def test_grid_holds_a_gaussian_that_wraps():
    grid = Grid([-math.pi], [math.pi], [True], 60)
    grid.add_gaussians(torch.tensor([[3.0]]), torch.tensor([2.0]), [0.5])
    points = torch.linspace(-3.1, 3.1, 63, dtype=torch.float64)
    distance = torch.remainder(points - 3.0 + math.pi, 2 * math.pi) - math.pi
    expected = 2.0 * torch.exp(-0.5 * (distance / 0.5) ** 2)
    torch.testing.assert_close(grid.evaluate(points[:, None])[0], expected, rtol=0, atol=5e-3)


@pytest.mark.slow
def test_shared_bias_crosses_a_barrier_and_reweights_to_the_exact_populations(tmp_path):
    bias_settings = CgBiasSettings.model_validate(
        {
            "collective_variables": ["x"], "width": [0.15], "bias_factor": 8.0, "build": 40.0,
            "bins": 100, "lower": [-2.0], "upper": [2.0],
        },
        context={"internal": True},
    )  # fmt: skip
    potential = DoubleWell()
    # All chains start in the less stable well, 4 nm·kJ/mol above the other.
    starts = np.zeros((400, 1, 3))
    starts[:, 0, 0] = 1.0
    run = cg_run(potential, starts, settings(bias=bias_settings.model_dump()), 11)
    sample_to_file(run, tmp_path / "cg.h5", lambda line: None)
    with H5mdReader(tmp_path / "cg.h5") as reader:
        x = reader.positions()[:, 0, 0].reshape(60, 400)
        weights = np.exp(reader.observable("log_weight")).reshape(60, 400)
    grid = torch.linspace(-2, 2, 4001, dtype=torch.float64)
    boltzmann = torch.exp(-potential.curve(grid) / kt(300.0)).numpy()
    exact = boltzmann[grid.numpy() > 0].sum() / boltzmann.sum()
    # One estimate from each chain; chains are independent.
    right = (weights * (x > 0)).sum(0)
    total = weights.sum(0)
    estimate = right.sum() / total.sum()
    error = np.std(right - estimate * total, ddof=1) * math.sqrt(400) / total.sum()
    assert error < 0.3 * exact
    assert estimate == pytest.approx(exact, abs=5 * error)


def test_a_run_in_which_everything_breaks_says_so(tmp_path):
    class Explosive(DoubleWell):
        def compute(self, configuration):
            positions = configuration.positions
            return positions[:, 0, 0], torch.full_like(positions, float("nan"))

    run = cg_run(Explosive(), np.zeros((400, 1, 3)), settings(), 1)
    with pytest.raises(InputError, match="400 of 400 chains of the CG run broke at 300 K"):
        sample_to_file(run, tmp_path / "cg.h5", lambda line: None)


def test_a_broken_chain_is_marked_and_the_others_go_on(tmp_path):
    class Fragile(DoubleWell):
        def compute(self, configuration):
            energy, forces = super().compute(configuration)
            forces[0] = float("nan")
            return energy, forces

    chosen = settings(chains=4, length=2.0, least_stable=0.75)
    run = cg_run(Fragile(), np.ones((4, 1, 3)), chosen, 1)
    sample_to_file(run, tmp_path / "cg.h5", lambda line: None)
    with H5mdReader(tmp_path / "cg.h5") as reader:
        weights = reader.observable("log_weight").reshape(-1, 4)
        assert np.isneginf(weights[:, 0]).all()
        assert (weights[:, 1:] == 0).all()


def test_starts_reach_rare_basins():
    rng = np.random.default_rng(1)
    positions = np.zeros((10000, 1, 3), dtype=np.float32)
    positions[:, 0, 0] = np.where(np.arange(10000) < 9990, rng.normal(0, 0.1, 10000), 5.0)
    starts = spread_starts(positions, [VARIABLE], ["X"], 60, rng)
    assert (starts[:, 0, 0] > 4).sum() >= 3
