"""Training on a bias that is not a function of the beads: refused, or weighted and right.

Müller–Brown frames are drawn from exact biased Boltzmann densities, with forces that lack the
bias; the bead is x. Standard errors come from quadrature. Allowances of 4 of them are passed by
right code with probability 1 − 6·10⁻⁵ each; seeds are fixed.
"""

import dataclasses
import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import train
from meanforce.analysis.comparison import ReferenceForces, TrainedModel
from meanforce.analysis.members import Scheme
from meanforce.analysis.metrics.effective_frames import rows as effective_rows
from meanforce.analysis.metrics.exact_pmf import features_of
from meanforce.analysis.metrics.force_error import UNIT
from meanforce.analysis.metrics.force_error import rows as force_rows
from meanforce.analysis.samples import reference_sample
from meanforce.core.configuration import Configuration
from meanforce.core.topology import Topology
from meanforce.data.h5md import FrameBlock, H5mdWriter
from meanforce.errors import InputError
from meanforce.fitting.frames import FrameChoice, Frames, read_frames
from meanforce.fitting.linear import NormalEquations
from meanforce.fitting.loss import squared_errors, validation_loss
from meanforce.fitting.registry import fit
from meanforce.fitting.torques import Torques
from meanforce.fitting.weights import effective_sample_size, summary, weights_of
from meanforce.potentials.files import load
from meanforce.potentials.interface import EnsembleMean
from meanforce.settings.campaigns.umbrella import UmbrellaSettings
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.job import validated
from meanforce.settings.potentials.registry import Potential
from meanforce.systems.muller_brown_surface import energy
from meanforce.units import kt
from torsion import PROTOCOL

THERMAL = kt(300.0)
PAIR = Topology.of_beads(("A", "B"), ("A", "B"), ((0, 1),))
VARIABLES = {"x": CollectiveVariableSettings(kind="coordinate", mapping="x", beads=["X"], axis="x")}
SPLINE = validated(
    Potential,
    {
        "kind": "spline", "collective_variable": "x", "lower": 8.0, "upper": 58.0,
        "functions": 40, "temperature": "none",
    },
    "potential",
)  # fmt: skip
FRAMES = 200000
WELL = 3.540
"""Exact difference of the wells, kT."""

X = np.linspace(8, 58, 1001)[:, None]
Y = np.linspace(-20, 60, 801)
ENERGY = energy(X, Y) / THERMAL
SLOPE = (energy(X + 1e-4, Y) - energy(X - 1e-4, Y)) / 2e-4
BIASES = {
    "x": -4.0 * np.exp(-((X - 32) ** 2) / (2 * 5**2)) + 0 * Y,
    "y": 6.0 * np.exp(-((Y - 30) ** 2) / (2 * 4**2)) + 0 * X,
}
"""Of the published work, in kT on the grid of X and Y."""


CENTERS = np.arange(0.0, 46.0, 3.0)[:, None]
"""Of umbrella windows along y, nm."""

STIFFNESS = 0.2 * THERMAL


def density(bias: np.ndarray) -> np.ndarray:
    """Probabilities of the grid points under a bias in kT."""
    values = np.exp(-(ENERGY + bias) + (ENERGY + bias).min())
    return values / values.sum()


def write_datasets(folder, along: str, n: int, seed: int, replicas: int = 4) -> list:
    """Datasets of n independent frames in all; the zero of βV is another in each."""
    rng = np.random.default_rng(seed)
    bias = BIASES[along]
    drawn = rng.choice(bias.size, size=n, p=density(bias).ravel())
    paths = []
    parameters = {"bead_names": ["X"], "bonds": [], "temperature": 300.0}
    for number, part in enumerate(np.array_split(drawn, replicas)):
        positions, forces = np.zeros((2, len(part), 1, 3))
        positions[:, 0, 0] = X[part // len(Y), 0]
        forces[:, 0, 0] = -SLOPE.ravel()[part]
        paths.append(folder / f"{along}-{number}.h5")
        with H5mdWriter(paths[-1], np.ones(1), parameters, with_forces=True) as writer:
            beta_v = bias.ravel()[part]
            writer.append(FrameBlock(
                positions, np.arange(len(part)), THERMAL * beta_v, beta_v + 10.0 * number,
                np.zeros(len(part), dtype=int), force=forces,
            ))  # fmt: skip
    return paths


def well_difference(paths: list, weights: str) -> float:
    """Well difference of the spline fitted to all frames, kT."""
    return well_of(read_frames(paths, 5, choice=FrameChoice(weights=weights)))


def well_of(frames: Frames) -> float:
    """Well difference of the spline fitted to frames, kT."""
    potential = fit(SPLINE, frames, VARIABLES, 5, 0, lambda line: None).potential
    x = torch.linspace(15, 50, 2000, dtype=torch.float64)
    return features_of(x.numpy(), potential.curve(x, 300.0)[0].numpy() / THERMAL)[0]


def standard_error(along: str, weights: str) -> float:
    """Error of the well difference from FRAMES independent frames of density q, kT.

    The mean force f̄(x) has the variance ∫ q w² (f − f̄)² dy / (N (∫ q w dy)²), and the well
    difference is its integral between the wells.
    """
    bias = BIASES[along]
    w = np.exp(bias) if weights == "bias" else np.ones_like(bias)
    q = density(bias)
    f = SLOPE / THERMAL
    total = (q * w).sum(1)
    mean = (q * w * f).sum(1) / total
    variance = (q * w**2 * (f - mean[:, None]) ** 2).sum(1) / total**2
    between = (X[:, 0] > 23.05) & (X[:, 0] < 41.6)
    step = X[1, 0] - X[0, 0]
    return float(np.sqrt(variance[between].sum() / FRAMES) * step)


@pytest.fixture(scope="module")
def y_biased(tmp_path_factory) -> list:
    return write_datasets(tmp_path_factory.mktemp("y"), "y", FRAMES, seed=1)


def test_bias_in_y_without_weights_gives_wrong_wells(y_biased):
    # Its mean force is that of the biased ensemble, whose wells differ by −1.04 kT.
    error = standard_error("y", "none")
    well = well_difference(y_biased, "none")
    assert abs(well - WELL) > 50 * error
    assert well == pytest.approx(-1.04, abs=0.1)


def test_bias_in_y_with_weights_gives_the_exact_wells(y_biased):
    assert well_difference(y_biased, "bias") == pytest.approx(
        WELL, abs=4 * standard_error("y", "bias")
    )


def test_bias_in_x_without_weights_gives_the_exact_wells(tmp_path):
    paths = write_datasets(tmp_path, "x", FRAMES, seed=2)
    assert well_difference(paths, "none") == pytest.approx(
        WELL, abs=4 * standard_error("x", "none")
    )


@pytest.fixture(scope="module")
def y_windows():
    """Frames of umbrella windows along y, window after window, with weights as MBAR's.

    w = 1/Σ_k e^{f_k − u_k}, with free energies f_k of the windows by quadrature. A window's frames
    lie at evenly spaced quantiles of its density, which have less noise than draws, in random
    order.
    """
    rng, each = np.random.default_rng(11), 12500
    reduced = 0.5 * STIFFNESS / THERMAL * (Y - CENTERS) ** 2
    along = np.exp(-ENERGY + ENERGY.min()).sum(0)
    free = -np.log((along * np.exp(-reduced)).sum(1))
    quantiles = (np.arange(each) + 0.5) / each
    drawn = np.concatenate([
        rng.permutation(np.searchsorted(np.cumsum(density(bias + 0 * X).ravel()), quantiles))
        for bias in reduced
    ])  # fmt: skip
    logs = -np.logaddexp.reduce(free[:, None] - reduced, axis=0)
    return drawn, np.repeat(np.arange(len(CENTERS)), each), logs[drawn % len(Y)]


@pytest.mark.parametrize("windows_per_job", [1, 4, 16])
def test_windows_in_any_number_of_jobs_give_the_exact_wells(y_windows, tmp_path, windows_per_job):
    """Within 0.1 kT; where windows have mean 1 each, the wells differ by 0.5 kT."""
    drawn, owner, logs = y_windows
    settings = UmbrellaSettings.model_validate(
        PROTOCOL | {
            "kind": "umbrella", "collective_variables": ["y"], "force_constant": [STIFFNESS],
            "centers": CENTERS.tolist(), "windows_per_job": windows_per_job, "replicas": 2,
        }, context={"internal": True},
    )  # fmt: skip
    # Two replicas, each with every other frame.
    paths = []
    for job in settings.jobs_of("T300"):
        own = np.isin(owner, settings.windows_of(job))
        own &= np.arange(len(drawn)) % 2 == (job > settings.jobs_per_replica)
        paths.append(tmp_path / f"{job}.h5")
        # Windows of a job take turns.
        own = np.flatnonzero(own).reshape(windows_per_job, -1).T.ravel()
        write_drawn(paths[-1], drawn[own], logs[own], owner[own])
    frames = read_frames(
        paths,
        5,
        choice=FrameChoice(weights="bias", datasets_per_replica=[settings.jobs_per_replica] * 2),
    )
    assert frames.weights.reshape(2, -1).mean(1).numpy() == pytest.approx(1.0, rel=1e-5)
    assert well_of(frames) == pytest.approx(WELL, abs=0.1)
    if windows_per_job == 1:
        # The earlier fault: it is far off when each job is a replica of its own.
        assert abs(well_of(read_frames(paths, 5, choice=FrameChoice(weights="bias"))) - WELL) > 1.0
    with pytest.raises(InputError, match="but the replicas of the experiment have 3"):
        read_frames(paths, 5, choice=FrameChoice(weights="bias", datasets_per_replica=[1, 1, 1]))


def write_drawn(path, drawn, logs, owner) -> None:
    positions, forces = np.zeros((2, len(drawn), 1, 3))
    positions[:, 0, 0] = X[drawn // len(Y), 0]
    forces[:, 0, 0] = -SLOPE.ravel()[drawn]
    parameters = {"bead_names": ["X"], "bonds": [], "temperature": 300.0}
    with H5mdWriter(path, np.ones(1), parameters, with_forces=True) as writer:
        times = np.arange(len(drawn), dtype=float)
        writer.append(FrameBlock(positions, times, np.zeros(len(drawn)), logs, owner, force=forces))


def test_a_reference_biased_in_y_is_reweighted(y_biased):
    sample = reference_sample(y_biased[:1], list(VARIABLES.values()), 10)
    left = sample.variables[:, 0] < 31.2
    exact = density(0 * BIASES["y"])[X[:, 0] < 31.2].sum()
    error = np.sqrt((sample.weights**2 * (left - exact) ** 2).sum())
    assert sample.weights[left].sum() == pytest.approx(exact, abs=4 * error)
    assert abs(left.mean() - exact) > 50 * error


def test_forces_are_compared_in_the_unbiased_ensemble(y_biased):
    frames = read_frames(y_biased, 5, choice=FrameChoice(weights="bias"))
    potential = fit(SPLINE, frames, VARIABLES, 5, 0, lambda line: None).potential
    p = density(0 * BIASES["y"])
    mean = (p * SLOPE).sum(1) / p.sum(1)
    exact = np.sqrt((p * (SLOPE - mean[:, None]) ** 2).sum())
    values = {}
    for weighted in (True, False):
        comparison = SimpleNamespace(
            reference=SimpleNamespace(
                force_positions=frames.positions.numpy(),
                weights=(frames.weights / frames.weights.sum()).numpy(),
                blocks=frames.blocks.numpy(),
                chains=frames.blocks.numpy(),
                cell=lambda like, frames=None: None,
                boxes=lambda frames: None,
                molecule=frames.molecule,
                box=None,
            ),
            forces=ReferenceForces(frames.forces.numpy(), weighted),
            trained=TrainedModel(EnsembleMean([potential]), Scheme("unknown")),
            temperature=300.0,
            stream=lambda *names: np.random.default_rng(3),
        )
        for row in force_rows(comparison):
            values[row.metric, weighted] = (row.value * UNIT, row.stderr * UNIT)
    for metric in ("force_rmse", "force_irreducible"):
        value, error = values[metric, True]
        # Errors come from 80 blocks: beyond 5 of them lie 3·10⁻⁶ of Student's t.
        assert value == pytest.approx(exact, abs=5 * error)
        assert error < 0.02 * exact
        assert abs(values[metric, False][0] - exact) > 10 * error


def test_weights_of_a_dataset_forget_its_constant_and_never_overflow():
    logs = np.random.default_rng(4).normal(size=1000)
    expected = np.exp(logs) / np.exp(logs).mean()
    for constant in (0.0, 5000.0, -5000.0):
        np.testing.assert_allclose(weights_of(logs + constant), expected, rtol=1e-6)


def judged_frames(size):
    """A comparison of a model trained on frames of this effective number."""
    return SimpleNamespace(trained=TrainedModel(None, Scheme("unknown"), size))


def test_effective_sample_size():
    assert effective_sample_size(torch.full((70,), 3.0)) == pytest.approx(70)
    assert effective_sample_size(torch.tensor([1.0, 1.0, 0.0, 0.0])) == pytest.approx(2)
    # Exponential weights halve it; its relative standard error is about 2/√n.
    drawn = torch.from_numpy(np.random.default_rng(5).exponential(1, 100000))
    assert effective_sample_size(drawn) == pytest.approx(50000, rel=0.03)
    assert summary(50.0, 400) == "weights: 400 frames count as 50 (12.5%)"
    assert summary(30.0, 400).startswith("warning: weights: 400 frames count as 30 (7.5%)")
    (row,) = effective_rows(judged_frames(30.0))
    assert (row.metric, row.value, row.unit) == ("effective_sample_size", 30.0, "frames")
    assert effective_rows(judged_frames(None)) == []


def dimers(n: int, seed: int) -> Frames:
    """Harmonic two-bead molecules; every other frame has a force that is wrong."""
    generator = torch.Generator().manual_seed(seed)
    distance = 0.15 + 0.01 * torch.randn(n, generator=generator)
    positions, forces = torch.zeros(2, n, 2, 3)
    positions[:, 1, 0] = distance
    pull = -2000.0 * (distance - 0.15)
    pull[1::2] += 30.0
    forces[:, 0, 0], forces[:, 1, 0] = -pull, pull
    block = torch.arange(n) * 20 // n
    temperatures = torch.full((n,), 300.0)
    return Frames(positions, forces, temperatures, block % 5, block, PAIR)


def repeated(frames: Frames, times: torch.Tensor) -> Frames:
    """Each frame repeated the given number of times, without weights."""
    index = torch.repeat_interleave(torch.arange(len(times)), times)
    return dataclasses.replace(frames.select(index), weights=None)


def test_a_weight_of_three_is_a_frame_three_times(y_biased):
    frames = read_frames(y_biased[:1], 5, choice=FrameChoice(stride=20))
    times = torch.from_numpy(np.random.default_rng(6).integers(0, 4, len(frames.positions)))
    weighted = dataclasses.replace(frames, weights=times.float())
    potential = fit(SPLINE, frames, VARIABLES, 0, 0, lambda line: None).potential
    one, other = (NormalEquations(potential, f) for f in (weighted, repeated(frames, times)))
    kept = [1, 2, 3, 4]
    assert one.count(kept) == pytest.approx(other.count(kept))
    expected = other.solve(kept, 1e-6)
    np.testing.assert_allclose(one.solve(kept, 1e-6), expected, atol=1e-6 * abs(expected).max())
    assert one.loss([0], expected) == pytest.approx(other.loss([0], expected))


def test_loss_of_a_network_counts_weights():
    frames = dimers(200, seed=7)
    times = torch.from_numpy(np.random.default_rng(8).integers(0, 4, 200))
    weighted = dataclasses.replace(frames, weights=times.float())
    potential = fit(cgnet(epochs=1), frames, {}, 0, 0, lambda line: None).potential
    loss = validation_loss(potential, repeated(frames, times))
    assert validation_loss(potential, weighted) == pytest.approx(loss, rel=1e-5)
    _, forces = potential.energy_and_forces(Configuration(frames.positions, frames.temperatures))
    shares = weighted.weights / weighted.weights.mean()
    errors = squared_errors(frames, forces, shares, Torques.none())
    assert errors.mean().item() == pytest.approx(loss, rel=1e-5)


def test_a_network_learns_from_the_frames_that_have_weight():
    frames = dimers(1000, seed=9)
    right = torch.tensor([2.0, 0.0]).repeat(500)
    variance = frames.forces[::2].square().mean().item()
    losses = {}
    for name, weights in (("weighted", right), ("unweighted", None)):
        given = dataclasses.replace(frames, weights=weights)
        potential = fit(cgnet(epochs=25), given, {}, 0, 7, lambda line: None).potential
        losses[name] = validation_loss(potential, dataclasses.replace(frames, weights=right))
    assert losses["weighted"] < 0.01 * variance
    # Half of a force that is wrong by 30 in every other frame: 15² · 2/6 components.
    assert losses["unweighted"] == pytest.approx(75, rel=0.3)


def cgnet(epochs: int):
    training = {"weight_decay": 0.0, "epochs": epochs, "batch_size": 50, "learning_rate": 5e-3}
    values = {"kind": "cgnet", "hidden": [16, 16], "temperature": "none", "training": training}
    return validated(Potential, values, "potential")


def test_the_program_reports_effective_frames(tmp_path, monkeypatch, capsys):
    paths = write_datasets(tmp_path, "y", 2000, seed=10, replicas=2)
    settings = {
        "potential": SPLINE.model_dump(), "windows": None, "datasets_per_replica": [1, 1],
        "member": 0, "folds": 5, "resampling": "jackknife", "seed": 0,
        "collective_variables": {name: v.model_dump() for name, v in VARIABLES.items()},
    }  # fmt: skip
    about, logs = {}, {}
    for weights in ("bias", "none"):
        model = tmp_path / f"{weights}.safetensors"
        arguments = [
            "train.py", "--datasets", *map(str, paths), "--model", str(model),
            "--settings", json.dumps(settings | {"weights": weights}),
            "--curve", str(tmp_path / "curve.csv"),
        ]  # fmt: skip
        monkeypatch.setattr(sys, "argv", arguments)
        train.main()
        about[weights] = load(model)[1]
        logs[weights] = capsys.readouterr().err
    assert about["bias"]["frames"] == about["none"]["frames"] == 2000
    assert about["none"]["effective_sample_size"] == 2000
    # 8.2 % of the frames by quadrature.
    assert about["bias"]["effective_sample_size"] == pytest.approx(164, rel=0.25)
    assert "warning: weights: 2000 frames count as" in logs["bias"]
    assert "weights:" not in logs["none"]
