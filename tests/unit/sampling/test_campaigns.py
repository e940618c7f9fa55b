"""Campaign kinds beyond plain runs and simple metadynamics, against known free energies."""

import math

import numpy as np
import pytest

from meanforce.data.trajectory import TrajectoryReader
from meanforce.errors import InputError, Stopped
from meanforce.restart.bundle import read_bundle
from meanforce.sampling.agreement import agreement
from meanforce.sampling.collective_variables import as_variable
from meanforce.sampling.grid import BiasGrid
from meanforce.sampling.mbar import Windows, solve
from meanforce.sampling.replica_exchange import round_trips
from meanforce.settings.campaigns.replica_exchange import ReplicaExchangeSettings
from meanforce.settings.campaigns.static import StaticSettings
from meanforce.settings.campaigns.umbrella import UmbrellaSettings
from meanforce.units import kt
from torsion import (
    BARRIER,
    BEADS,
    PHI,
    PROTOCOL,
    dihedral,
    exact_populations,
    make_engine,
    metadynamics,
    run,
)

pytestmark = pytest.mark.slow

INTERNAL = {"internal": True}


def populations(phi: np.ndarray, weights: np.ndarray, bins: int, blocks: int):
    """Weighted populations of bins and their standard errors, over time blocks."""
    index = np.minimum(((phi + math.pi) / (2 * math.pi) * bins).astype(int), bins - 1)
    table = np.zeros((blocks, bins))
    np.add.at(table, (np.arange(len(phi)) * blocks // len(phi), index), weights)
    estimate = table.sum(0) / table.sum()
    scatter = ((table - table.sum(1, keepdims=True) * estimate) ** 2).sum(0)
    return estimate, np.sqrt(scatter * blocks / (blocks - 1)) / table.sum()


def check_populations(
    phi, weights, largest_error: float, bins: int = 6, blocks: int = 14, temperature: float = 300.0
):
    estimate, error = populations(phi, weights, bins, blocks)
    # 6 bins, 7 standard errors (Student, 13 degrees of freedom): false alarms below 1e-4 in all.
    exact = exact_populations(bins, temperature)
    assert (np.abs(estimate - exact) < 7 * error).all(), (estimate, error)
    assert (error < largest_error).all(), error


def umbrella(**changes) -> UmbrellaSettings:
    values = {
        "kind": "umbrella", "collective_variables": ["phi"], "force_constant": [15.0],
        "rows": [{"first": -math.pi, "last": math.pi * 3 / 4, "number": 8}],
        "windows_per_job": 4, "length": 250.0,
    }  # fmt: skip
    return UmbrellaSettings.model_validate(PROTOCOL | values | changes, context=INTERNAL)


def test_umbrella_windows_give_the_exact_populations(tmp_path):
    campaign = umbrella()
    assert campaign.jobs_of("T300") == [1, 2]
    readers = [run(campaign, tmp_path / str(job), job=job) for job in (1, 2)]
    owner = np.concatenate([reader.array("walker") for reader in readers])
    assert (np.bincount(owner) == 2500).all()
    phi = np.concatenate([dihedral(reader.positions(slice(None))) for reader in readers])
    variables = np.concatenate([reader.array("variables") for reader in readers])
    np.testing.assert_allclose(np.sin(variables[:, 0]), np.sin(phi), atol=1e-5)
    windows = Windows(
        readers[0].array("window_centers"), readers[0].array("window_force_constants"), [True]
    )
    own = windows.reduced(variables, 300.0)[np.arange(len(owner)), owner] * kt(300.0)
    stored = np.concatenate([reader.array("bias_energy") for reader in readers])
    np.testing.assert_allclose(own, stored, atol=1e-4)
    time = np.concatenate([reader.times() for reader in readers])
    estimates = []
    for part in np.array_split(np.unique(time), 10):
        # The windows' free energies have errors too, so every block solves for its own.
        here = (time >= part[0]) & (time <= part[-1])
        solution = solve(windows, variables[here], owner[here], 300.0)
        weights = np.exp(solution.log_weights - solution.log_weights.max())
        estimates.append(populations(phi[here], weights, 6, 2)[0])
    error = np.std(estimates, axis=0, ddof=1) / math.sqrt(10)
    # Student with 9 degrees of freedom, 6 bins: 9 standard errors, false alarm below 1e-4.
    assert (np.abs(np.mean(estimates, axis=0) - exact_populations(6)) < 9 * error).all()
    assert (error < 0.02).all()


def test_missing_windows_are_named():
    generator = np.random.default_rng(5)
    centers = np.array([[-2.0], [-1.7], [1.0], [1.3]])
    windows = Windows(centers, np.array([100.0]), [True])
    owner = np.repeat(np.arange(4), 500)
    variables = centers[owner] + generator.normal(0, math.sqrt(kt(300.0) / 100.0), (2000, 1))
    with pytest.raises(InputError, match="2 groups") as error:
        solve(windows, variables, owner, 300.0)
    assert "between window 1 at (-1.7) and window 2 at (1)" in str(error.value)


def test_mbar_agrees_with_the_exact_free_energies_of_windows():
    """Windows on a harmonic well: f_k = ½ ln(1 + k/K) + ½ (c² kK/(k+K))/kT, up to a constant."""
    generator, kT, well, k = np.random.default_rng(6), kt(300.0), 40.0, 100.0
    centers = np.linspace(-0.8, 0.8, 7)[:, None]
    owner = np.repeat(np.arange(7), 4000)
    mean = centers[owner, 0] * k / (k + well)
    variables = generator.normal(mean, math.sqrt(kT / (k + well)))[:, None]
    windows = Windows(centers, np.array([k]), [False])
    solution = solve(windows, variables, owner, 300.0)
    exact = 0.5 * centers[:, 0] ** 2 * k * well / (k + well) / kT
    # 28,000 independent samples; the error of each difference is about 0.02 kT.
    np.testing.assert_allclose(
        solution.free_energies - solution.free_energies[3], exact - exact[3], atol=0.12
    )
    weights = np.exp(solution.log_weights - solution.log_weights.max())
    variance = (weights * variables[:, 0] ** 2).sum() / weights.sum()
    assert variance == pytest.approx(kT / well, rel=0.1)


def test_replica_exchange_gets_every_level_right(tmp_path):
    campaign = ReplicaExchangeSettings.model_validate(
        PROTOCOL
        | {
            "kind": "replica_exchange",
            "highest": 600.0,
            "levels": 3,
            "exchange_every": 0.5,
            "length": 1200.0,
        },
        context=INTERNAL,
    )
    frames = run(campaign, tmp_path / "exchange")
    assert frames.n_frames == 3 * 12000
    levels = frames.array("exchange_levels")
    assert levels.shape == (2400, 3)
    assert (np.sort(levels, axis=1) == np.arange(3)).all()
    np.testing.assert_allclose(frames.array("exchange_temperatures"), [300, 424.26, 600], rtol=1e-4)
    # Each frame has the temperature that its copy had since the last exchange, one that falls on
    # the frame not included.
    last = np.searchsorted(0.5 * np.arange(1, 2401) + 1e-6, frames.times()) - 1
    inside = last >= 0
    known = frames.array("exchange_temperatures")
    own = known[levels[last[inside], frames.array("walker")[inside]]]
    np.testing.assert_array_equal(frames.temperatures()[inside], own)
    np.testing.assert_array_equal(frames.temperatures(), np.tile(known, 12000))
    phi = dihedral(frames.positions(slice(None)))
    for level, temperature in enumerate(known):
        check_populations(phi[level::3], np.ones(12000), 0.03, temperature=temperature)
    log = np.genfromtxt(tmp_path / "exchange" / "log.csv", delimiter=",", names=True)
    # Kinetic temperatures of 4 particles, 100 lines a level, each of error √(2/12).
    means = log["temperature_k"].reshape(-1, 3).mean(axis=0)
    np.testing.assert_allclose(means / known, 1.0, atol=0.2)
    assert sum(round_trips(column, 3) for column in levels.T) > 20


def test_round_trips_are_counted():
    assert round_trips(np.array([0, 1, 2, 1, 0, 0, 2, 1]), 3) == 1
    assert round_trips(np.array([0, 2, 0, 2, 0]), 3) == 2
    assert round_trips(np.array([1, 1, 1]), 3) == 0


def test_walkers_share_one_bias(tmp_path):
    frames = run(metadynamics(length=500.0, walkers=3), tmp_path / "walkers")
    hills = frames.array("bias_hills")
    assert (np.bincount(hills[:, 2].astype(int)) == 2000).all()
    assert (np.bincount(frames.array("walker")) == 4000).all()
    phi = dihedral(frames.positions(slice(None)))
    # Walkers are apart: not three times the same run.
    assert len(np.unique(phi.round(6))) > 11900
    check_populations(phi, np.exp(frames.array("log_weight")), 0.03)


def test_both_free_energies_of_metadynamics_agree_with_each_other(tmp_path):
    campaign = metadynamics(length=1500.0)
    engine, _ = make_engine(campaign, tmp_path / "agree")
    made = [tmp_path / "agree" / name for name in ("t.h5", "l.csv", "s.csv")]
    lines = []
    engine._report = lines.append
    engine.run(None, *made)
    (line,) = [text for text in lines if text.startswith("free energies")]
    assert "they agree" in line
    bias = engine._dynamics._bias
    frames = engine._store.scalars()
    late = BiasGrid.like(bias.grid)
    for row in bias.hills[len(bias.hills) // 2 :]:
        late.add(np.array(row[3:-2]), [0.3], row[-2])
    wrong = agreement(
        bias.grid, late, [0.3], 5.0, frames["variables"], np.zeros(len(frames)), 300.0
    )
    # Without weights the comparison must fail.
    assert wrong.difference > 3 * wrong.error


def test_frozen_bias_is_the_final_one_and_reweights(tmp_path):
    source = run(metadynamics(length=600.0), tmp_path / "source")
    campaign = StaticSettings.model_validate(
        PROTOCOL
        | {
            "kind": "static",
            "collective_variables": ["phi"],
            "bias_of": "metadynamics",
            "length": 1000.0,
        },
        context=INTERNAL,
    )
    frames = run(campaign, tmp_path / "frozen", bias_of=tmp_path / "source" / "trajectory.h5")
    phi = dihedral(frames.positions(slice(None)))
    expected = np.interp(phi, source.array("bias_axis_0"), source.array("bias_grid"))
    # Splines against straight lines between points 0.1 rad apart.
    np.testing.assert_allclose(frames.array("bias_energy"), expected, atol=0.05)
    np.testing.assert_array_equal(frames.array("bias_grid"), source.array("bias_grid"))
    # c(t) at the end of the source makes replicas with biases of their own comparable.
    offset = source.array("bias_hills")[-1, -1]
    assert offset > 1.0
    weights = (frames.array("bias_energy") - offset) / kt(300.0)
    np.testing.assert_allclose(frames.array("log_weight"), weights, atol=1e-6)
    check_populations(phi, np.exp(frames.array("log_weight")), 0.03)


def test_formula_and_gaussians_are_the_same_bias(tmp_path):
    values = {"kind": "static", "collective_variables": ["phi"], "length": 5.0}
    gaussian = {"gaussians": [{"height": -8.0, "center": [0.3], "width": [1.0]}]}
    formula = {"formula": "-8*exp(-(2*sin((phi-0.3)/2))^2/2)"}
    energies = [
        run(
            StaticSettings.model_validate(PROTOCOL | values | source, context=INTERNAL),
            tmp_path / name,
        ).array("bias_energy")
        for name, source in (("gaussian", gaussian), ("formula", formula))
    ]
    np.testing.assert_allclose(*energies, atol=1e-5)
    assert energies[0].min() < -1


def test_jobs_share_their_hills_through_files(tmp_path):
    campaign = metadynamics(length=150.0, share_every=20.0, burn_in=20.0)
    shared = {"shared": tmp_path / "hills", "identity": {"campaign": "same"}}
    first = run(campaign, tmp_path / "1", seed=1, job=1, **shared).array("bias_hills")
    assert (first[:, 1] == 0).all()
    second = run(campaign, tmp_path / "2", seed=2, job=2, **shared)
    hills = second.array("bias_hills")
    own, others = hills[hills[:, 1] == 0], hills[hills[:, 1] == 1]
    # All hills of the first job, which had ended, and each of them once.
    np.testing.assert_array_equal(others[:, 3:5], first[:, 3:5])
    assert len(own) == 600
    rebuilt = BiasGrid.read(
        (as_variable(PHI, BEADS, "phi"),),
        second.array("bias_grid") * 0.0,
        [second.array("bias_axis_0")],
    )
    for row in hills:
        rebuilt.add(row[3:4], [0.3], row[4])
    np.testing.assert_allclose(second.array("bias_grid"), rebuilt.values, atol=1e-9)
    # The second job's first hill already felt the first job's bias.
    assert own[0, 4] < 0.45
    # Hills of a campaign with other settings are ignored.
    other = {"shared": tmp_path / "hills", "identity": {"campaign": "other"}}
    alone = run(campaign, tmp_path / "3", seed=3, job=3, **other).array("bias_hills")
    assert (alone[:, 1] == 0).all()


def test_shared_hills_are_published_only_from_a_bundle(tmp_path):
    campaign = metadynamics(length=150.0, share_every=20.0, burn_in=20.0)
    shared = {"shared": tmp_path / "hills", "identity": {"campaign": "same"}}
    engine, job = make_engine(campaign, tmp_path / "1", job=1, **shared)
    started = iter([None] * 200)
    job.stop = lambda: next(started, "a test")
    made = [tmp_path / "1" / name for name in ("t.h5", "l.csv", "s.csv")]
    with pytest.raises(Stopped):
        engine.run(None, *made)
    bundle = job.load()
    published = read_bundle(tmp_path / "hills" / "1.hills").arrays["hills"]
    np.testing.assert_array_equal(bundle.arrays["bias_hills"], published)
    assert 0 < len(published) < 600
    again, job = make_engine(campaign, tmp_path / "1", job=1, **shared)
    again.run(job.load(), *made)
    with TrajectoryReader(made[0]) as frames:
        times = frames.array("bias_hills")[:, 0]
    np.testing.assert_allclose(times, 0.25 * np.arange(1, 601))


def test_barrier_is_high_enough_for_these_tests_to_mean_something():
    assert 3 * kt(300.0) < BARRIER
