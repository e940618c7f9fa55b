"""The stage `train` with fits that make CG runs: from a dataset to a model and its table."""

import cg_datasets
import inversions
import numpy as np
import pandas as pd
import pytest
from inversions import CUTOFF, RUN, TEMPERATURE

from meanforce.data.h5md import FrameBlock
from meanforce.errors import InputError
from meanforce.fitting.iterative.registry import KINDS
from meanforce.fitting.one_member import train_member, work_on
from meanforce.jobs.train import TrainJob
from meanforce.potentials.files import load

FITTING = {
    "kind": "boltzmann_inversion", "at_most": 2, "smallest_sample": 10,
    "simulation": RUN | {"chains": 2, "length": 2.0, "time_step": 0.008, "stride": 0.16,
                         "equilibration": 0.8},
}  # fmt: skip
TERMS = {
    "bonds": None, "angles": None, "dihedrals": None, "pairs": {"cutoff": CUTOFF, "functions": 20}
}  # fmt: skip
JOB = {
    "potential": {"kind": "spline", "terms": TERMS, "temperature": "none", "fitting": FITTING},
    "collective_variables": {}, "weights": "none", "windows": None, "datasets_per_replica": [1],
    "member": 0, "folds": 4, "resampling": "validation_fold", "seed": 5,
}  # fmt: skip


@pytest.fixture
def written(tmp_path):
    """Writes frames of a fluid with some log-weights to a file; returns its path."""

    def write(logs: np.ndarray | None = None):
        frames = inversions.fluid(2, 0.1, 10, 3.2)
        n = len(frames)
        logs = np.zeros(n) if logs is None else logs
        block = FrameBlock(
            position=frames.positions.numpy(), force=frames.forces.numpy(),
            time=0.16 * np.arange(n), bias_energy=logs, log_weight=logs, chain=np.zeros(n, int),
            boxes=frames.cells.numpy(),
        )  # fmt: skip
        cg_datasets.dataset(
            tmp_path / "a.h5", n, box=frames.cells[0].numpy(), topology=frames.molecule,
            masses=frames.masses, changed=block, temperature=TEMPERATURE,
        )  # fmt: skip
        return tmp_path / "a.h5"

    return write


def trained(tmp_path, data, **changes):
    job = TrainJob.of(**JOB | changes)
    with work_on(job, [data], tmp_path / "model-0.safetensors") as work:
        member = train_member(job, [data], work, lambda line: None, KINDS)
        member.write(tmp_path)
    return member


def test_a_dataset_becomes_a_model_with_its_progress(tmp_path, written):
    member = trained(tmp_path, written())
    curve = pd.read_csv(tmp_path / "curve.csv")
    assert list(curve["iteration"]) == [*range(1, len(curve) + 1)]
    assert {"step", "distance_pairs_P_P", "floor_pairs_P_P", "pressure"} <= set(curve)
    assert member.fit.about["iterations"] == len(curve)
    assert member.about["effective_sample_size"] == 200
    model, _ = load(tmp_path / "model.safetensors")
    assert model.coefficients.equal(member.fit.potential.coefficients)


def test_the_least_relative_entropy_becomes_a_model_with_its_errors(tmp_path, written):
    own = {"kind": "relative_entropy", "start": "direct_inversion", "at_most": 8}
    potential = JOB["potential"] | {"fitting": FITTING | own}
    member = trained(tmp_path, written(), potential=potential)
    assert member.fit.about["converged"]
    curve = pd.read_csv(tmp_path / "curve.csv")
    assert {"gradient", "relative_entropy", "distance_pairs_P_P", "pressure"} <= set(curve)
    model, _ = load(tmp_path / "model.safetensors")
    assert model.errors.keys() == {"influences", "prior", "mean_basis"}


def test_inverse_monte_carlo_becomes_a_model_with_its_progress(tmp_path, written):
    run = FITTING["simulation"] | {"chains": 20}
    own = {"kind": "inverse_monte_carlo", "inversion_steps": 1, "simulation": run}
    member = trained(tmp_path, written(), potential=JOB["potential"] | {"fitting": FITTING | own})
    curve = pd.read_csv(tmp_path / "curve.csv")
    assert {"step", "gradient", "distance_pairs_P_P", "floor_pairs_P_P", "pressure"} <= set(curve)
    model, _ = load(tmp_path / "model.safetensors")
    assert model.coefficients.equal(member.fit.potential.coefficients)
    assert not model.errors


def test_biased_frames_need_their_weights(tmp_path, written):
    logs = np.random.default_rng(1).normal(0, 0.7, 200)
    data = written(logs)
    with pytest.raises(InputError, match=r"needs the unbiased distribution; set .*'weights: bias'"):
        trained(tmp_path, data)
    member = trained(tmp_path, data, weights="bias")
    weights = np.exp(logs)
    assert member.about["effective_sample_size"] == pytest.approx(
        weights.sum() ** 2 / (weights**2).sum()
    )
    few = FITTING | {"smallest_sample": 180}
    potential = JOB["potential"] | {"fitting": few}
    with pytest.raises(InputError, match=r"which their weights make worth .* asks for 180"):
        trained(tmp_path / "other", data, weights="bias", potential=potential)
