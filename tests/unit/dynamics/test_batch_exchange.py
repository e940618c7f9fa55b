"""Temperature replica exchange in the batch, against known answers.

Statistical checks allow 5 standard errors (false alarms below 1e-6 each), and seeds are fixed.
"""

import math

import numpy as np
import pytest
import torch
from double_well import DoubleWell, cg_run, settings
from scipy import stats

from meanforce.data.h5md import H5mdReader
from meanforce.dynamics.exchange import Ladders
from meanforce.dynamics.job import sample_to_file
from meanforce.dynamics.langevin import State
from meanforce.settings.simulations import TemperatureExchangeSettings
from meanforce.units import kt

EXCHANGE = {"highest": 2400.0, "levels": 4, "every": 0.1}


def exchange_settings(**changes) -> TemperatureExchangeSettings:
    return TemperatureExchangeSettings.model_validate(
        EXCHANGE | changes, context={"internal": True}
    )


def test_a_swap_keeps_every_level_at_its_temperature_and_is_accepted_as_often_as_theory_says():
    """Energies of harmonic beads at kT₁ and kT₂ swap with probability 2·P(E₁ > E₂)."""
    count, stiffness, mass = 20000, 100.0, 10.0
    ladders = Ladders(exchange_settings(highest=900.0, levels=3), 3 * count, 300.0)
    assert ladders.temperatures == pytest.approx([300.0, 300 * math.sqrt(3), 900.0])
    generator = torch.Generator().manual_seed(4)
    kT = kt(1.0) * ladders.of_chains(torch.device("cpu"))[:, None, None]

    def noise():
        shape = (3 * count, 1, 3)
        return torch.randn(shape, generator=generator, dtype=torch.float64) * kT.sqrt()

    positions, velocities = noise() / math.sqrt(stiffness), noise() / math.sqrt(mass)
    state = State(positions, velocities, -stiffness * positions)
    for _ in range(2):
        energies = 0.5 * stiffness * (state.positions**2).sum((1, 2))
        state = ladders.exchange(state, energies, generator)
    assert torch.equal(state.forces, -stiffness * state.positions)
    # Three degrees of freedom a level and kind: a variance has the relative error √(2/3n).
    error = 5 * math.sqrt(2 / (3 * count))
    for tensor, factor in ((state.positions, stiffness), (state.velocities, mass)):
        ratio = (factor * tensor**2 / kT).reshape(3, -1).mean(1)
        assert ratio.numpy() == pytest.approx(np.ones(3), abs=error)
    # g₁/(g₁ + g₂) of two gamma numbers of shape 3/2 has a beta distribution.
    ratio = math.sqrt(3)
    expected = 2 * stats.beta.sf(ratio / (1 + ratio), 1.5, 1.5)
    error = 5 * math.sqrt(expected * (1 - expected) / count)
    assert ladders.about()["acceptance"] == pytest.approx([expected] * 2, abs=error)


def test_round_trips_are_counted_from_the_bottom_to_the_top_and_back():
    ladders = Ladders(exchange_settings(levels=2), 2, 300.0)
    generator = torch.Generator().manual_seed(1)
    state = State(*(torch.zeros(2, 1, 3, dtype=torch.float64) for _ in range(3)))
    equal = torch.zeros(2, dtype=torch.float64)
    # With equal energies every swap is accepted, so each copy is home after two.
    for _ in range(6):
        state = ladders.exchange(state, equal, generator)
    assert ladders.about()["acceptance"] == [1.0]
    # The copy that started at the top has to come down before its first trip.
    assert ladders.round_trips() == (3 + 2) / 2


def right_well(path, chains: int) -> tuple[float, float]:
    """Population of x > 0 and its standard error, from independent chains."""
    with H5mdReader(path) as reader:
        right = reader.positions()[:, 0, 0].reshape(-1, chains) > 0
        assert np.isfinite(reader.observable("log_weight")).all()
    each = right.mean(0)
    return each.mean(), each.std(ddof=1) / math.sqrt(chains)


def test_exchange_crosses_a_barrier_and_the_lowest_level_has_the_exact_populations(tmp_path):
    potential = DoubleWell()
    grid = torch.linspace(-2, 2, 4001, dtype=torch.float64)
    boltzmann = torch.exp(-potential.curve(grid) / kt(300.0)).numpy()
    exact = boltzmann[grid.numpy() > 0].sum() / boltzmann.sum()
    # All start in the less stable well, behind a barrier of eight kT.
    starts = np.zeros((400, 1, 3))
    starts[:, 0, 0] = 1.0
    changes = {"chains": 400, "equilibration": 30.0, "length": 30.0, "stride": 0.5}
    cold = cg_run(potential, starts[:100], settings(**changes | {"chains": 100}), 5)
    sample_to_file(cold, tmp_path / "cold.h5", lambda line: None)
    assert right_well(tmp_path / "cold.h5", 100)[0] > 0.9
    hot = cg_run(potential, starts, settings(**changes, exchange=EXCHANGE), 5)
    sample_to_file(hot, tmp_path / "hot.h5", lambda line: None)
    estimate, error = right_well(tmp_path / "hot.h5", 100)
    assert error < 0.25 * exact
    assert estimate == pytest.approx(exact, abs=5 * error)
    with H5mdReader(tmp_path / "hot.h5") as reader:
        about = reader.parameters["exchange"]
        assert reader.parameters["chains"] == 100
    assert all(0.3 < fraction < 0.95 for fraction in about["acceptance"])
    assert about["round_trips"] > 5
