"""Metrics `ensemble_spread` and `ensemble_calibration` against ensembles whose errors are known.

Ratios of means over independent draws are compared with their expectation; allowances are 4.5
standard errors of these means, as the draws show them (right code fails with probability 10⁻⁵,
twice that where a jackknife of the ratio is skewed); seeds are fixed.
"""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from comparisons import sample_of
from muller_brown_draws import PUBLISHED, VARIABLES, draw, settings
from potential_examples import CHAIN, cgnet

from meanforce.analysis.comparison import ReferenceForces, TrainedModel
from meanforce.analysis.members import Scheme, contrasts
from meanforce.analysis.metrics.calibration import Calibration, calibrate, rows
from meanforce.analysis.metrics.force_error import UNIT
from meanforce.core.configuration import Configuration
from meanforce.fitting.registry import fit
from meanforce.potentials.interface import EnsembleMean

N, MEMBERS = 2000, 10
PAIRS = Scheme.paired(MEMBERS, 8)
BLOCKS = np.arange(N) * 10 // N


def smooth(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """A random function with 12 degrees of freedom and variance 1, at x in [0, 10]."""
    orders = np.arange(1, 13)
    return np.sqrt(2 / 12) * np.cos(np.pi * np.outer(x, orders) / 10) @ rng.standard_normal(12)


def of_one_bead(values: np.ndarray) -> np.ndarray:
    """Values along x of a single bead, shape (..., n), as vectors, shape (..., n, 1, 3)."""
    return np.stack([values, 0 * values, 0 * values], axis=-1)[..., None, :]


def synthetic(rng, size: float, shared: float = 0.0, told: float = 1.0) -> Calibration:
    """Half samples whose mean errs by `size`; their differences are `told` times too large.

    For an estimate that is linear in the data, the members of pair k are e ± d_k, where e is the
    error from all data and the differences d_k have its variance; all are independent. An error of
    size `shared` is added to all members.
    """
    x = rng.uniform(0, 10, N)
    error = size * smooth(rng, x) + shared * smooth(rng, x)
    apart = [told * size * smooth(rng, x) for _ in range(MEMBERS // 2)]
    members = error + np.array([sign * one for one in apart for sign in (1, -1)])
    residual = members.mean(axis=0) - rng.standard_normal(N)
    found, dof = contrasts(members, PAIRS)
    return calibrate(of_one_bead(x), of_one_bead(residual), of_one_bead(found), BLOCKS, dof)


def mean_ratio(results: list[Calibration]) -> tuple[float, float]:
    """Ratio of means, and its standard error by the jackknife."""
    actual = np.array([result.actual for result in results])
    predicted = np.array([result.predicted for result in results])
    n = len(results)
    without = (actual.sum() - actual) / (predicted.sum() - predicted)
    return actual.sum() / predicted.sum(), math.sqrt((n - 1) * without.var())


@pytest.mark.parametrize(
    ("size", "shared", "told", "ratio"),
    [
        (0.5, 0.0, 1.0, 1.0),
        (0.5, 0.0, 0.5, 4.0),
        # An error that all share, of three times the variance of the mean.
        (0.5, 0.5 * math.sqrt(3), 1.0, 4.0),
    ],
)
def test_ratio_of_actual_to_predicted_variance(size, shared, told, ratio):
    rng = np.random.default_rng(4)
    found, error = mean_ratio([synthetic(rng, size, shared, told) for _ in range(80)])
    assert error < 0.15 * ratio
    assert found == pytest.approx(ratio, abs=4.5 * error)


def test_standard_error_is_the_scatter_of_a_calibrated_ensemble():
    rng = np.random.default_rng(5)
    results = [synthetic(rng, 0.5) for _ in range(100)]
    ratios = np.array([result.ratio for result in results])
    claimed = np.sqrt(np.mean([result.stderr**2 for result in results]))
    # The scatter of 100 draws is known to 7 % and a heavy tail more.
    assert claimed == pytest.approx(ratios.std(), rel=0.4)
    freedom = np.median([result.freedom for result in results])
    assert freedom == pytest.approx(12, rel=0.4)


@pytest.mark.slow
def test_jackknife_of_linear_fits_is_calibrated():
    """Splines on independent Müller–Brown frames; members leave out a fold each."""
    folds, results = 5, []
    chosen = settings("spline", lower=16.0, upper=48.0, functions=30, ridge=[1e-8])
    for seed in range(20):
        training = draw(PUBLISHED, 2000, seed=seed, folds=folds)
        unseen = draw(PUBLISHED, 10000, seed=1000 + seed, folds=folds)
        # Not where models had one training frame or none: 0.1 % of all frames would dominate.
        unseen = unseen.select((unseen.positions[:, 0, 0] - 31.5).abs() < 11.5)
        members = EnsembleMean([
            fit(chosen, training, VARIABLES, member, 0, lambda line: None).potential
            for member in range(folds)
        ])  # fmt: skip
        forces = members.each(unseen.configurations)[1].double().numpy()
        mean = forces.mean(axis=0)
        apart, dof = contrasts(forces, Scheme("jackknife", folds))
        results.append(
            calibrate(
                unseen.positions.numpy(),
                mean - unseen.forces.numpy(),
                apart,
                unseen.blocks.numpy(),
                dof,
            )
        )
    ratio, error = mean_ratio(results)
    assert error < 0.3
    assert ratio == pytest.approx(1.0, abs=4.5 * error)


@pytest.mark.slow
def test_networks_that_err_alike_in_law_only():
    """The truth is one more draw from the networks' law, whose variance is S.

    The mean of four errs by S(1 + 1/4), and its pairs, which differ by their seeds, give S/2.
    """
    generator = torch.Generator().manual_seed(3)
    positions = torch.randn(1000, 5, 3, generator=generator)
    blocks = np.arange(1000) * 10 // 1000
    results = []
    for draw_number in range(24):
        networks = [cgnet(100 * draw_number + k) for k in range(5)]
        forces = EnsembleMean(networks).each(Configuration(positions, 300.0))[1].double().numpy()
        members, truth = forces[:4], forces[4]
        noise = np.random.default_rng(draw_number).normal(0, 0.5 * truth.std(), truth.shape)
        residual = members.mean(axis=0) - truth - noise
        apart, dof = contrasts(members, Scheme.paired(4, 8))
        results.append(calibrate(positions.numpy(), residual, apart, blocks, dof))
    ratio, error = mean_ratio(results)
    assert error < 1.0
    assert ratio == pytest.approx(2.5, abs=4.5 * error)


def comparison(positions: torch.Tensor, forces: np.ndarray, members: list, known: bool):
    """The part of a comparison that the rows need."""
    return SimpleNamespace(
        trained=TrainedModel(
            EnsembleMean(members),
            Scheme.paired(len(members), 8) if len(members) > 1 else Scheme("unknown"),
            held_out=known,
        ),
        reference=sample_of(positions.numpy(), CHAIN, 10),
        forces=ReferenceForces(forces),
        temperature=300.0,
    )


def test_rows_of_an_ensemble_and_turned_frames_give_the_same():
    generator = torch.Generator().manual_seed(3)
    positions = torch.randn(400, CHAIN.size, 3, generator=generator)
    turn, _ = torch.linalg.qr(torch.randn(3, 3, generator=generator))
    turn = turn * torch.sign(torch.det(turn))
    members = [cgnet(seed) for seed in (1, 2, 3, 4)]
    forces = cgnet(9).energy_and_forces(Configuration(positions, 300.0))[1]
    found = rows(comparison(positions, forces.numpy(), members, known=True))
    turned = rows(comparison(positions @ turn.T, (forces @ turn.T).numpy(), members, known=True))
    assert [row.metric for row in found] == ["ensemble_spread", "ensemble_calibration"]
    each = EnsembleMean(members).each(Configuration(positions, 300.0))[1].double()
    differences = torch.stack([each[0] - each[1], each[2] - each[3]])
    wanted = math.sqrt(differences.square().mean().item() / 4) / UNIT
    assert found[0].value == pytest.approx(wanted, rel=1e-5)
    for one, other in zip(found, turned, strict=True):
        assert other.value == pytest.approx(one.value, rel=1e-3)


def test_no_calibration_on_frames_that_were_trained_on():
    positions = torch.randn(200, CHAIN.size, 3, generator=torch.Generator().manual_seed(3))
    forces = cgnet(9).energy_and_forces(Configuration(positions, 300.0))[1].numpy()
    found = rows(comparison(positions, forces, [cgnet(1), cgnet(2)], known=False))
    assert [row.metric for row in found] == ["ensemble_spread"]
    assert rows(comparison(positions, forces, [cgnet(1)], known=True)) == []
