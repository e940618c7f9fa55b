"""Autocorrelation times of processes whose times are known; fixed seeds, 5 standard errors."""

import math

import numpy as np
import pytest
from comparisons import BEAD, X, by_name, compare, sample_of

from meanforce.analysis.metrics import time_scales
from meanforce.settings.collective_variables import CollectiveVariableSettings


def process(time: float, chains: int, frames: int, spacing: float, seed: int, dynamical=True):
    """Ornstein–Uhlenbeck processes with a correlation time, stored frame by frame (ps)."""
    rng, kept = np.random.default_rng(seed), math.exp(-spacing / time)
    noise = math.sqrt(1 - kept**2) * rng.standard_normal((frames, chains))
    values = np.empty((frames, chains))
    values[0] = rng.standard_normal(chains)
    for t in range(1, frames):
        values[t] = kept * values[t - 1] + noise[t]
    positions = np.zeros((frames * chains, 1, 3))
    positions[:, 0, 0] = values.ravel()
    return sample_of(
        positions, BEAD, chains=np.tile(np.arange(chains), frames), dynamical=dynamical,
        times=0.5 + spacing * np.repeat(np.arange(frames), chains),
    )  # fmt: skip


def test_times_and_speed_up_of_known_processes():
    """∫ρ dt = τ of e^{−t/τ}; frames' trapezoidal sum is coth(Δt/2τ)·Δt/2."""
    model, reference = process(2.0, 100, 400, 0.5, 1), process(12.0, 2, 40000, 1.0, 2)
    rows = by_name(time_scales.rows(compare(model, reference)))
    assert set(rows) == {
        "autocorrelation_time_x", "autocorrelation_time_x_reference", "speed_up_x"
    }  # fmt: skip
    for name, time, spacing in (
        ("autocorrelation_time_x", 2.0, 0.5),
        ("autocorrelation_time_x_reference", 12.0, 1.0),
    ):
        row, exact = rows[name], 0.5 * spacing / math.tanh(0.5 * spacing / time)
        assert row.unit == "ps"
        assert row.stderr < 0.1 * exact
        # Sokal's window leaves out e^{−5} of the sum.
        assert abs(row.value - exact) < 5 * row.stderr + 0.01 * exact
    row = rows["speed_up_x"]
    assert abs(row.value - 6.0) < 5 * row.stderr + 0.1


def test_a_dihedral_turns_without_a_jump():
    """Free diffusion on the circle: the vector of cosine and sine has the time 1/D."""
    rng, chains, frames, spacing, rate = np.random.default_rng(3), 40, 2000, 0.1, 0.5
    steps = math.sqrt(2 * rate * spacing) * rng.standard_normal((frames, chains))
    angles = rng.uniform(-np.pi, np.pi, chains) + np.cumsum(steps, axis=0)
    wrapped = (angles + np.pi) % (2 * np.pi) - np.pi
    dihedral = CollectiveVariableSettings(kind="dihedral", mapping="m", beads=list("ABCD"))
    sample = sample_of(
        np.zeros((frames * chains, 1, 3)), BEAD, variables=wrapped.reshape(-1, 1), dynamical=True,
        chains=np.tile(np.arange(chains), frames),
        times=spacing * np.repeat(np.arange(frames), chains),
    )  # fmt: skip
    rows = by_name(time_scales.rows(compare(sample, sample, {"t": dihedral})))
    row = rows["autocorrelation_time_t"]
    assert abs(row.value - 1 / rate) < 5 * row.stderr + 0.02
    assert rows["speed_up_t"].value == pytest.approx(1)


@pytest.mark.parametrize("biased", ["model", "reference"])
def test_no_times_of_biased_dynamics(biased):
    sides = {
        side: process(2.0, 20, 200, 0.5, seed, dynamical=side != biased)
        for seed, side in enumerate(("model", "reference"))
    }
    assert time_scales.rows(compare(**sides)) == []


def test_no_times_that_are_longer_than_the_chains():
    short, long = process(500.0, 50, 20, 0.5, 1), process(2.0, 2, 4000, 0.5, 2)
    assert time_scales.rows(compare(short, long)) == []
    assert X["x"].kind == "coordinate"
