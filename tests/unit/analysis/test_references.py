"""Error bars and weights of references of every kind of campaign, against known answers."""

import dataclasses
import math

import numpy as np
import pytest
from comparisons import X
from reference_files import MANY, REPEATS, write

from meanforce.analysis.protocol import Protocol
from meanforce.analysis.samples import SEVERAL, reference_sample
from meanforce.analysis.surfaces import Axes, block_histograms
from meanforce.jobs import stages
from meanforce.jobs.validate import ValidateJob
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.load import load_config
from meanforce.statistics.resampling import resampled

HALVES = Axes(("x",), (np.array([-10.0, 0.0, 10.0]),), (False,))


EACH = [
    CollectiveVariableSettings(kind="coordinate", mapping="m", beads=[name], axis="x")
    for name in MANY.names
]


def fraction(sample, rng) -> tuple[float, float]:
    """Population of x > 0 and its standard error."""
    blocks = block_histograms(sample, HALVES)
    return blocks.sum(0)[1], resampled(blocks, 400, rng)[:, 1].std(ddof=1)


def fractions(paths, rng) -> tuple[np.ndarray, np.ndarray]:
    """The same of each repeat."""
    sample = reference_sample(paths, EACH, 10)
    columns = (sample.variables[:, [k]] for k in range(REPEATS))
    found = [fraction(dataclasses.replace(sample, variables=values), rng) for values in columns]
    return tuple(np.array(found).T)


@pytest.mark.parametrize("replicas", [2, 3, SEVERAL, 8])
def test_error_of_independent_frames(tmp_path, replicas):
    """√(p(1 − p)/n) on average, whether replicas or their time blocks are resampled."""
    rng, n = np.random.default_rng(1), 400
    draws = rng.standard_normal((replicas, n, REPEATS))
    paths = [write(tmp_path / f"{r}.h5", x) for r, x in enumerate(draws)]
    _, errors = fractions(paths, rng)
    expected = 0.25 / (replicas * n)
    freedom = replicas - 1 if replicas >= SEVERAL else 10 * replicas - 1
    # 0.05: 400 draws of the bootstrap.
    allowed = 4.5 * math.sqrt(2 / freedom / REPEATS) + 0.05
    assert np.mean(errors**2) / expected == pytest.approx(1, abs=allowed)


def test_replicas_stuck_in_their_basin_are_told_by_replicas_only(tmp_path):
    """Each replica is on one side for ever: the error is √(p(1 − p)/n_replicas), not of frames."""
    rng = np.random.default_rng(2)
    sides = rng.choice([-1.0, 1.0], (6, 1, REPEATS)) + 0.1 * rng.standard_normal((6, 100, REPEATS))
    paths = [write(tmp_path / f"{r}.h5", x) for r, x in enumerate(sides)]
    means, errors = fractions(paths, rng)
    # The variance of 60 means has 59 degrees of freedom, their errors 5 each.
    assert np.mean(errors**2) == pytest.approx(0.25 / 6, rel=0.35)
    assert np.var(means, ddof=1) == pytest.approx(0.25 / 6, rel=0.9)


def test_weights_give_the_unbiased_ensemble(tmp_path):
    """Frames of N(b, 1) with log-weights −bx are of N(0, 1); replicas have biases of their own.

    e^{−bx + b²/2} is the ratio of densities: what β(V − c) is in metadynamics, which has the
    constant that makes replicas comparable.
    """
    rng, paths = np.random.default_rng(3), []
    for replica, b in enumerate((1.0, -0.5, 0.0)):
        x = b + rng.standard_normal(40000)
        paths.append(write(tmp_path / f"{replica}.h5", x, -b * x + b**2 / 2))
    sample = reference_sample(paths, [X["x"]], 10)
    assert sample.weights.sum() == pytest.approx(1)
    found, error = fraction(sample, rng)
    assert abs(found - 0.5) < 5 * error
    assert error < 0.01
    assert sample.weights @ sample.variables[:, 0] ** 2 == pytest.approx(1, abs=0.05)


def test_windows_of_a_replica_are_resampled_together(tmp_path):
    """Two windows, each on its side, with given weights: what they share has no scatter."""
    paths = [
        write(tmp_path / f"{job}.h5", np.full(100, side), np.full(100, weight))
        for job, (side, weight) in enumerate([(-1.0, 0.0), (1.0, -1.0)] * 2)
    ]
    rng = np.random.default_rng(4)
    alone, together = (
        reference_sample(paths, [X["x"]], 10, Protocol(jobs_per_replica=jobs)) for jobs in (1, 2)
    )
    exact = math.exp(-1) / (1 + math.exp(-1))
    assert fraction(together, rng) == pytest.approx((exact, 0.0), abs=1e-12)
    assert fraction(alone, rng)[1] > 0.02
    assert together.n_units == 20
    assert together.chains.tolist() == np.repeat(np.arange(4), 100).tolist()
    # Frames of several copies in a file that share their times share their blocks.
    times = np.tile(np.arange(50.0), 2)
    copies = reference_sample([write(tmp_path / "c.h5", np.ones(100), times=times)], [X["x"]], 10)
    assert (copies.blocks[:50] == copies.blocks[50:]).all()
    assert (np.bincount(copies.blocks) == 10).all()


def test_each_walker_of_each_job_is_a_chain(tmp_path):
    """Two jobs of three walkers that take turns: six chains, each in order of time."""
    walkers, times = np.tile(np.arange(3), 20), np.repeat(np.arange(20.0), 3)
    paths = [
        write(tmp_path / f"{job}.h5", 10.0 * job + walkers, times=times, chain=walkers)
        for job in range(2)
    ]
    sample = reference_sample(paths, [X["x"]], 5)
    assert sorted(np.bincount(sample.chains)) == [20] * 6
    for chain in range(6):
        own = sample.chains == chain
        assert len(np.unique(sample.variables[own])) == 1
        assert (np.diff(sample.times[own]) > 0).all()


def test_protocol_of_an_umbrella_campaign(config):
    """Two replicas of six windows in jobs of four; φ is periodic."""
    experiment = "capped_alanine_metadynamics_heavy_cgnet"
    reference = config["campaigns"]["capped_alanine"]["unbiased"]
    rows = [{"first": "-3 rad", "last": "2 rad", "number": 6}]
    reference |= {
        "kind": "umbrella", "collective_variables": ["phi"], "rows": rows, "windows_per_job": 4,
        "force_constant": ["100 kJ/mol/rad^2"], "replicas": 2,
    }  # fmt: skip
    config["experiments"][experiment]["reference"] = "unbiased"
    job = stages.validate_job(load_config(config), experiment, "T350")
    settings = ValidateJob.read(job.canonical()).reference
    lines = []
    beads = ["ACE1-C", "ALA2-N", "ALA2-CA", "ALA2-C"]
    found = Protocol.of(settings, 350.0, beads, lines.append)
    assert found.jobs_per_replica == 2
    assert not found.dynamical
    assert found.held
    assert found.windows.centers.tolist() == [[-3.0], [-2.0], [-1.0], [0.0], [1.0], [2.0]]
    assert found.windows.force_constants.tolist() == [100.0]
    assert found.windows.periodic == [True]
    assert found.temperature == 350.0
    assert lines == []
    other = Protocol.of(settings, 350.0, beads[1:], lines.append)
    assert other.windows is None and other.held
    assert "not functions of the beads" in lines[0]
