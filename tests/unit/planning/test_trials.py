"""Timings run the dynamics and the models of a config; where they cannot, a sentence says why."""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import openmm
import pytest
import yaml
from openmm import unit

from meanforce.mapping.configuration import build_beads
from meanforce.paths import use_output
from meanforce.planning import estimate as estimating
from meanforce.planning import model_trial
from meanforce.planning.amounts import amounts
from meanforce.planning.hours import hours
from meanforce.planning.model_trial import TrialFrames, mapped, try_dynamics, try_training
from meanforce.planning.sampling_trial import try_sampling
from meanforce.planning.sizes import sizes_of
from meanforce.settings.load import load_config
from meanforce.settings.potentials.spline import SplineSettings
from meanforce.systems.prepared import Prepared
from meanforce.systems.topology import prepared_topology

ALANINE = "capped_alanine_metadynamics_heavy_cgnet"


@pytest.fixture(scope="module")
def contents(root):
    """The quick config with its peptide only, and a small network."""
    whole = yaml.safe_load((root / "config/quick.yaml").read_text())
    sections = ("systems", "mappings", "collective_variables", "campaigns", "validation")
    for section in (*sections, "simulations"):
        whole[section] = {"capped_alanine": whole[section]["capped_alanine"]}
    whole["systems"]["capped_alanine"]["structure"] = str(root / "resources/capped_alanine.pdb")
    whole["experiments"] = {ALANINE: whole["experiments"][ALANINE]}
    whole["potentials"] = {"cgnet": whole["potentials"]["cgnet"] | {"hidden": [16, 16]}}
    return whole


@pytest.fixture(scope="module")
def config(contents):
    return load_config(contents)


@pytest.fixture(scope="module")
def sampled(config, tmp_path_factory):
    """Two seconds of metadynamics, and the folder in which they ran."""
    use_output("nowhere")
    folder = tmp_path_factory.mktemp("trial") / "one"
    folder.mkdir()
    trial = try_sampling(config, "capped_alanine", "metadynamics", folder, 2.0)
    use_output("results")
    return trial, folder.parent / "prepared" / "capped_alanine"


def test_sampling_trial_is_the_campaign(config, sampled):
    """Its frames are of the molecule at its temperature, with their bonds to hydrogen rigid."""
    trial, folder = sampled
    assert trial.seconds > 0
    step = config.campaigns["capped_alanine"]["metadynamics"].time_step
    assert trial.speed == pytest.approx(step / 1000 / trial.seconds * 86400)
    assert len(trial.positions) >= 4 and np.isfinite(trial.positions).all()
    system = Prepared.read(folder).system
    for number in range(system.getNumConstraints()):
        i, j, length = system.getConstraintParameters(number)
        found = np.linalg.norm(trial.positions[:, i] - trial.positions[:, j], axis=-1)
        assert np.allclose(found, length.value_in_unit(unit.nanometer), rtol=1e-3)
    context = openmm.Context(system, openmm.VerletIntegrator(0.001))
    context.setPositions(trial.positions[-1].astype(float))
    energy = context.getState(energy=True).getPotentialEnergy()
    assert np.isfinite(energy.value_in_unit(unit.kilojoule_per_mole))
    # Different frames.
    assert np.abs(np.diff(trial.positions, axis=0)).max() > 1e-3


@pytest.mark.parametrize("threads", [1, 2])
def test_frames_that_are_far_apart_are_stored_closer(contents, tmp_path, threads):
    """With a stride and an equilibration that no trial reaches."""
    use_output("nowhere")
    campaigns = json.loads(json.dumps(contents["campaigns"]))
    campaigns["capped_alanine"]["metadynamics"] |= {
        "stride": "400 ps", "equilibration": "100 ps", "platform": "CPU",
    }  # fmt: skip
    config = load_config(contents | {"campaigns": campaigns})
    folder = tmp_path / "one"
    folder.mkdir()
    trial = try_sampling(config, "capped_alanine", "metadynamics", folder, 0.6, threads)
    use_output("results")
    assert trial.steps > 100 and trial.seconds * trial.steps > 0.5
    assert len(trial.positions) >= 4
    assert np.abs(np.diff(trial.positions, axis=0)).max(axis=(1, 2)).min() > 1e-3


@pytest.fixture(scope="module")
def frames(config, sampled):
    trial, folder = sampled
    topology = prepared_topology(folder / "topology.cif")
    beads = build_beads(config.mappings["capped_alanine"]["heavy"], topology, "heavy")
    return TrialFrames(beads, mapped(beads, trial.positions), (300.0, 400.0))


def test_model_trials_time_steps(config, frames, monkeypatch):
    monkeypatch.setattr("meanforce.planning.model_trial.SURE", 0.2)
    settings = config.potentials["cgnet"]
    cost, potential = try_training(settings, {}, frames)
    assert 1e-5 < cost.each < 1
    variables = config.variables_of("capped_alanine")
    simulation = config.simulations["capped_alanine"].model_copy(update={"chains": 20})
    step = try_dynamics(potential, simulation, variables, ("phi", "psi"), frames)
    assert 1e-5 < step < 1


def test_linear_fits_take_a_time_for_each_frame(root, frames, monkeypatch):
    """On a clock that moves by 2 s for a fit, and 3 ms for each of the frames that it uses."""
    settings = yaml.safe_load((root / "config/classical.yaml").read_text())["potentials"]
    curves = next(one for one in settings.values() if one["kind"] == "spline")
    now = [100.0]

    def fitted(settings, made, variables, member, *others, **more):
        assert settings.kind == "spline"
        used = made.folds != member
        now[0] += 2.0 + 0.003 * float(used.sum())
        # One temperature after the other.
        assert (made.temperatures.diff() != 0).sum() < 10
        return SimpleNamespace(potential="a potential")

    monkeypatch.setattr(model_trial, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    monkeypatch.setattr(model_trial, "fit", fitted)
    cost, potential = try_training(SplineSettings.model_validate(curves), {}, frames)
    assert potential == "a potential"
    assert cost.each == pytest.approx(0.003) and cost.fixed == pytest.approx(2.0)


def test_curves_are_really_fitted(root, frames, monkeypatch):
    monkeypatch.setattr(model_trial, "LINEAR", 100)
    settings = yaml.safe_load((root / "config/classical.yaml").read_text())["potentials"]
    curves = next(one for one in settings.values() if one["kind"] == "spline")
    cost, potential = try_training(SplineSettings.model_validate(curves), {}, frames)
    assert potential.kind == "spline" and min(cost.each, cost.fixed) >= 0 < cost.of(1e5)


def test_wider_networks_take_longer(config, frames, monkeypatch):
    """Thousands of times the weights, so that it holds on a busy machine as well."""
    monkeypatch.setattr("meanforce.planning.model_trial.SURE", 0.2)
    settings = config.potentials["cgnet"]
    narrow, wide = (
        settings.model_copy(update={"hidden": widths}) for widths in ([16, 16], [1024, 1024, 1024])
    )
    assert try_training(wide, {}, frames)[0].each > try_training(narrow, {}, frames)[0].each


def test_what_cannot_be_timed_is_named(contents, root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(estimating, "TRIAL", 0.5)
    monkeypatch.setattr(estimating, "_start", lambda programs, stage: 1.0)
    monkeypatch.setattr("meanforce.planning.model_trial.SURE", 0.1)
    # A platform that no machine of the tests has.
    campaigns = {
        name: campaign | {"platform": "HIP"}
        for name, campaign in contents["campaigns"]["capped_alanine"].items()
    }
    config = load_config(contents | {"campaigns": {"capped_alanine": campaigns}})
    work = amounts(config, sizes_of(config)[0])
    speeds = estimating.speeds_of(config, work, root, 1, lambda line: None)
    assert not speeds.costs
    assert len(speeds.found) == len({one.key for one in work if one.key})
    assert all("not timed, since platform: 'HIP' is not available" in s for s in speeds.found)
    starts = estimating.estimate(work, dataclasses.replace(speeds), 1)
    assert starts.least == starts.most == len(work)
    assert starts.missing == ("sample", "forces", "map", "train", "simulate", "validate")
    said = "\n".join(hours(starts, speeds, 2))
    assert "not estimated: sample, forces, map, train, simulate, validate could" in said
