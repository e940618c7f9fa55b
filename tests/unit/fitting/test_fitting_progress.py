"""Progress reports of training: frames of normal equations, batches of epochs."""

import dataclasses
import math

import pytest
import torch
from chains import CGNET, chain_frames
from progress_lines import phases_of, progress_of

from meanforce.errors import Stopped
from meanforce.fitting.registry import fit
from meanforce.restart.job import Job
from meanforce.settings.job import validated
from meanforce.settings.potentials.registry import Potential

NETWORK = validated(Potential, CGNET | {"training": CGNET["training"] | {"epochs": 4}}, "potential")
SPLINE = validated(
    Potential,
    {"kind": "spline", "terms": {"bonds": {"functions": 12}}, "temperature": "none"},
    "potential",
)
PRIOR = {"bonds": "harmonic", "angles": "harmonic"}


@pytest.mark.parametrize("left_out", [0, 3, 5])
def test_linear_fits_count_the_frames_of_both_passes(monkeypatch, left_out):
    """Fits to five folds; none is left out where the fold does not exist."""
    frames, lines = chain_frames(3000, seed=1), []
    every_line(monkeypatch)
    fit(SPLINE, frames, {}, left_out, 0, lines.append)
    phases = ["ranges of the curves", "normal equations", "choosing the regularisation"]
    assert phases_of(lines) == [*phases, "errors of the coefficients"]
    last = {line.phase: line.percent for line in progress_of(lines)}
    kept = 3000 if left_out == 5 else 2400
    assert last["normal equations"] == pytest.approx(100 * 3000 / (3000 + kept), abs=0.1)
    # All frames were counted, and none twice.
    assert last["errors of the coefficients"] == 99.9
    assert progress_of(lines)[-1].rate.endswith(" frames/s")


def test_networks_count_batches_and_go_on_where_they_stopped(monkeypatch, tmp_path):
    frames, lines = chain_frames(500, seed=1), []
    every_line(monkeypatch)
    fit(NETWORK, frames, {}, 0, 7, lines.append)
    epochs = [line for line in progress_of(lines) if line.phase == "epochs"]
    # 400 frames in batches of 64.
    assert [line.percent for line in epochs] == [
        math.floor(1000 * batch / 24) / 10 for batch in range(24)
    ]
    assert epochs[-1].note.startswith("epoch 4 of 4, validation loss ")
    assert progress_of(lines)[-1].rate.endswith(" epochs/h")
    looks = iter(range(9))
    stop = Job(
        tmp_path, {}, lambda: None if next(looks, None) is not None else "test", interval=math.inf
    )
    with pytest.raises(Stopped):
        fit(NETWORK, frames, {}, 0, 7, lines.append, stop)
    info = stop.load().info
    done = 6 * len(info["rows"]) + info["batch"]
    assert 0 < done < 24
    lines.clear()
    fit(NETWORK, frames, {}, 0, 7, lines.append, Job(tmp_path, {}, interval=math.inf))
    first = next(line for line in progress_of(lines) if line.percent is not None)
    assert first.percent == math.floor(1000 * done / 24) / 10


def test_a_prior_is_a_phase(monkeypatch):
    potential = validated(
        Potential, CGNET | {"prior": PRIOR, "training": CGNET["training"] | {"epochs": 1}}, "p"
    )
    frames, lines = chain_frames(500, seed=1), []
    fit(potential, frames, {}, 0, 7, lines.append)
    assert phases_of(lines)[:2] == ["fitting the prior", "forces that the prior leaves"]


def every_line(monkeypatch) -> None:
    """Report at every opportunity."""
    from meanforce import progress

    monkeypatch.setattr(progress, "FIRST", 0.0)
    monkeypatch.setattr(progress, "INTERVAL", 0.0)


@pytest.mark.parametrize("weighted", [False, True])
def test_reporting_changes_no_bit_of_a_network(monkeypatch, weighted):
    frames = chain_frames(500, seed=1)
    if weighted:
        weights = torch.rand(500, generator=torch.Generator().manual_seed(2))
        frames = dataclasses.replace(frames, weights=weights)
    silent = fit(NETWORK, frames, {}, 0, 7, lambda line: None)
    every_line(monkeypatch)
    told = fit(NETWORK, frames, {}, 0, 7, lambda line: None)
    assert silent.curve.equals(told.curve)
    for name, tensor in silent.potential.state()[0].items():
        assert torch.equal(tensor, told.potential.state()[0][name])
