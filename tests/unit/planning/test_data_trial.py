"""Timings of mapping and validation: analyses take made-up frames, and frames are counted right."""

from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from networks import network

from meanforce.data.h5md import H5mdReader
from meanforce.errors import InputError
from meanforce.jobs import stages
from meanforce.mapping.configuration import build_beads
from meanforce.planning import data_trial
from meanforce.planning.data_trial import DataTrial
from meanforce.planning.model_trial import TrialFrames, mapped
from meanforce.settings.load import load_config
from meanforce.systems.registry import describe
from meanforce.systems.topology import described_topology

ALANINE = "capped_alanine_metadynamics_heavy_cgnet"


@pytest.fixture(scope="module")
def config(root):
    whole = yaml.safe_load((root / "config/quick.yaml").read_text())
    whole["systems"]["capped_alanine"]["structure"] = str(root / "resources/capped_alanine.pdb")
    return load_config(whole)


@pytest.fixture(scope="module")
def frames(config) -> TrialFrames:
    """Distorted copies of the structure."""
    described = describe(config.systems["capped_alanine"])
    topology = described_topology(described)
    beads = build_beads(config.mappings["capped_alanine"]["heavy"], topology, "heavy")
    rng = np.random.default_rng(5)
    atoms = described.positions + 0.01 * rng.standard_normal((40, topology.n_atoms, 3))
    return TrialFrames(beads, mapped(beads, atoms), (300.0,))


@pytest.fixture
def trial(frames, tmp_path) -> DataTrial:
    return DataTrial(frames, tmp_path)


@pytest.fixture
def model(frames):
    return network(frames.beads.topology, frames.positions)


class Clock:
    """A clock that moves by itself only."""

    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(data_trial, "time", made)
    return made


def test_each_frame_of_a_dataset_has_its_share(trial, clock, monkeypatch):
    def takes(reader: H5mdReader) -> None:
        clock.now += 0.25 * reader.n_frames

    monkeypatch.setattr(data_trial, "check_dataset", takes)
    cost = trial.mapping()
    assert (cost.each, cost.fixed) == (0.25, 0.0)


@pytest.mark.parametrize("state", ["T300", "T350"])
def test_frames_of_all_files_of_a_validation_are_counted(
    trial, clock, model, config, monkeypatch, state
):
    """A job takes 7 s, of which 2 s are spent only once in a process, and 3 ms for each frame."""
    first = [2.0]

    def takes(job, files, report) -> None:
        paths = [files.trajectory, *files.reference, *files.training]
        assert len(paths) == (3 if job.labels.role == "train" else 2)
        clock.now += 5 + (first.pop() if first else 0)
        for path in paths:
            with H5mdReader(path) as reader:
                clock.now += 0.003 * reader.n_frames

    monkeypatch.setattr(data_trial, "comparison_of", takes)
    for name in ("metrics_of", "all_curves", "table", "surface_table"):
        monkeypatch.setattr(data_trial, name, lambda *unused: None)
    job = stages.validate_job(config, ALANINE, state)
    cost = trial.validation(job, model, 2, 70, [])
    assert cost.each == pytest.approx(0.003)
    assert cost.fixed == pytest.approx(7)
    assert cost.of(1000) == pytest.approx(10)


def test_analyses_take_made_up_frames(trial, model, config, monkeypatch):
    """All metrics, with the baseline and an ensemble, whose members here are all the same."""
    made = []

    def metrics(job, files, comparison, report):
        made.append(metrics_of(job, files, comparison, report))

    metrics_of = data_trial.metrics_of
    monkeypatch.setattr(data_trial, "metrics_of", metrics)
    monkeypatch.setattr(data_trial, "CHECKED", 400)
    monkeypatch.setattr(data_trial, "FEW", 300)
    monkeypatch.setattr(data_trial, "MANY", 600)
    assert 0 < trial.mapping().each < 1
    job = stages.validate_job(config, ALANINE, "T300")
    cost = trial.validation(job, model, 4, 20, [])
    assert cost.each >= 0 and 0 < cost.of(1000) < 1000
    found = set(made[-1]["metric"])
    assert len(made) == 3 and len(found) > 50
    assert {"js_phi_psi", "js_phi_psi_baseline", "force_rmse"} <= found


def test_frames_that_no_analysis_takes_are_not_timed(trial, model, config, monkeypatch):
    def fails(*unused) -> None:
        raise np.linalg.LinAlgError("Singular matrix")

    monkeypatch.setattr(data_trial, "comparison_of", fails)
    job = stages.validate_job(config, ALANINE, "T300")
    with pytest.raises(InputError, match=r"cannot be analysed \(Singular matrix"):
        trial.validation(job, model, 1, 20, [])


def test_frames_of_many_beads_are_fewer(frames):
    """A box of 1,536 beads has 1/154 of the frames that ten beads have, but some in any case."""
    assert frames.number(2000) == 2000
    beads = SimpleNamespace(masses=np.ones(1536))
    box = TrialFrames(beads, np.zeros((4, 1536, 3)), (300.0,))
    assert (box.number(10000), box.number(200)) == (65, 40)
