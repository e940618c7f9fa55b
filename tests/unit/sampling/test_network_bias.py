"""A trained network as a static bias: energies, forces, restarts, and what is refused."""

import json

import mdtraj
import numpy as np
import openmm
import pytest
import torch
import yaml
from interruptions import stopped_after
from networks import network, saved
from openmm import app, unit

from meanforce.core.beads import Beads
from meanforce.core.configuration import Configuration
from meanforce.errors import InputError
from meanforce.mapping.configuration import build_beads
from meanforce.mapping.consistency import bias_residuals
from meanforce.potentials.files import load_ensemble
from meanforce.sampling.check import check_structures
from meanforce.sampling.network_bias import read_model
from meanforce.settings.campaigns.static import StaticSettings
from meanforce.settings.load import load_config
from meanforce.settings.mappings import MappingSettings
from torsion import BEADS, PROTOCOL, make_engine, molecule, run
from torsion import metadynamics as other_campaign

TEMPERATURE = 300.0
SCALE = 0.5
PAIRS = Beads.of_beads(
    names=("AB", "C", "D"),
    atoms=((0, 1), (2,), (3,)),
    weights=((0.25, 0.75), (1.0,), (1.0,)),
    bonds=((0, 1), (1, 2)),
    masses=np.array([24.0, 12.0, 12.0]),
)
"""Beads of two atoms, so that a bias has to be spread over them."""


@pytest.fixture(scope="module")
def frames(tmp_path_factory) -> np.ndarray:
    """Atoms without a network's bias, shape (n, 4, 3)."""
    reader = run(other_campaign(length=20.0, burn_in=0.0), tmp_path_factory.mktemp("frames"))
    return reader.positions(slice(None)).astype(float)


def ensemble(folder, beads: Beads, frames: np.ndarray):
    mapped = np.einsum("ba,nax->nbx", beads.matrix(4).toarray(), frames)
    nets = [network(beads.topology, mapped, seed, temperature="linear") for seed in (1, 2)]
    return saved(folder, nets)


def campaign(files, **changes) -> StaticSettings:
    values = {
        "kind": "static", "models": [str(path) for path in files], "mapping": "m",
        "scale": SCALE, "length": 20.0,
    }  # fmt: skip
    return StaticSettings.model_validate(PROTOCOL | values | changes, context={"internal": True})


@pytest.mark.parametrize("beads", [BEADS, PAIRS], ids=["atoms", "centres"])
def test_the_bias_is_the_scaled_energy_of_the_beads(tmp_path, frames, beads):
    models = ensemble(tmp_path, beads, frames)
    reader = run(campaign(models), tmp_path / "run", beads=beads)
    matrix = beads.matrix(4)
    positions = reader.positions(slice(None)).astype(float)
    mapped = np.einsum("ba,nax->nbx", matrix.toarray(), positions)
    potential = load_ensemble(models).to(torch.float64)
    wanted = potential.energy_and_forces(Configuration(torch.from_numpy(mapped), TEMPERATURE))
    energies, forces = (values.numpy() for values in wanted)
    # Stored positions are rounded to single precision, which moves energies by this much.
    rounding = 1e-6 * np.abs(forces).sum(axis=(1, 2)).max()
    stored = reader.array("variables")[:, 0]
    np.testing.assert_allclose(stored, energies, rtol=0, atol=rounding)
    assert np.ptp(energies) > 50 * rounding
    np.testing.assert_allclose(reader.array("bias_energy"), -SCALE * stored, rtol=1e-6, atol=1e-6)
    checked = reader.array("checked_bias_forces").astype(float)
    on_beads = forces[reader.array("checked_frames")]
    spread = np.einsum("ba,nbx->nax", matrix.toarray(), -SCALE * on_beads)
    np.testing.assert_allclose(checked, spread, rtol=0, atol=1e-4 * np.abs(spread).max())
    residuals = bias_residuals(checked, matrix, [])
    assert residuals["bias_off_beads"] < 1e-5


def test_atomistic_forces_are_minus_the_gradient_of_the_bias(tmp_path, frames):
    models = ensemble(tmp_path, PAIRS, frames)
    engine, _ = make_engine(campaign(models), tmp_path / "run", beads=PAIRS)
    dynamics = engine._dynamics
    (context,), group = dynamics._contexts, {dynamics._bias.group}
    state = context.getState(positions=True)
    start, step = state.getPositions(asNumpy=True)._value.copy(), 1e-3
    wanted = np.zeros_like(start)
    for atom in range(4):
        for axis in range(3):
            energies = []
            for sign in (1, -1):
                moved = start.copy()
                moved[atom, axis] += sign * step
                context.setPositions(moved)
                one = context.getState(energy=True, groups=group)
                energies.append(one.getPotentialEnergy()._value)
            wanted[atom, axis] = -(energies[0] - energies[1]) / (2 * step)
    context.setPositions(start)
    forces = dynamics.bias_forces()
    # A step in single precision: rounding of energies and curvature are both below this.
    np.testing.assert_allclose(forces, wanted, rtol=0, atol=5e-3 * np.abs(wanted).max())


def test_an_interrupted_run_is_the_same_to_the_last_bit(tmp_path, frames):
    models = ensemble(tmp_path, PAIRS, frames)
    once = run(campaign(models), tmp_path / "once", beads=PAIRS)
    engine, job = make_engine(campaign(models), tmp_path / "twice", beads=PAIRS)
    stopped_after(engine, job, tmp_path / "twice", 60)
    twice = run(campaign(models), tmp_path / "twice", beads=PAIRS)
    for name in ("variables", "bias_energy", "log_weight"):
        np.testing.assert_array_equal(once.array(name), twice.array(name))
    np.testing.assert_array_equal(once.positions(slice(None)), twice.positions(slice(None)))


def test_models_of_other_beads_and_boxes_of_molecules_are_refused(tmp_path, frames):
    models = ensemble(tmp_path, PAIRS, frames)
    with pytest.raises(InputError, match="models: the model was fitted to beads with other names"):
        make_engine(campaign(models), tmp_path / "run", beads=BEADS)
    with pytest.raises(InputError, match="is not a complete model"):
        read_model([tmp_path / "none.safetensors"], PAIRS, TEMPERATURE, "models")
    apart = Beads.of_beads("ABCD", [(k,) for k in range(4)], [(1.0,)] * 4, [(0, 1)], np.ones(4))
    system = molecule()
    nonbonded = openmm.NonbondedForce()
    nonbonded.setNonbondedMethod(openmm.NonbondedForce.CutoffPeriodic)
    for _ in range(4):
        nonbonded.addParticle(0.0, 0.1, 0.0)
    system.system.addForce(nonbonded)
    models = ensemble(tmp_path, apart, frames)
    with pytest.raises(InputError, match="3 molecules in a periodic box"):
        make_engine(campaign(models), tmp_path / "run", system=system, beads=apart)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"models": None}, "give exactly one of"),
        ({"formula": "phi"}, "give exactly one of"),
        ({"scale": None}, "'models' needs a 'mapping' and a 'scale'"),
        ({"scale": 0.0}, "scale: is 0, which is no bias"),
        ({"collective_variables": ["phi"]}, "'collective_variables' has no meaning with 'models'"),
        ({"models": ["m.json"]}, "is not a .safetensors file"),
        ({"models": ["results/experiments/e/m.safetensors"]}, "lies in a folder 'results'"),
        ({"models": None, "formula": "1"}, "'collective_variables' is missing"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        campaign(["m.safetensors"], **changes)


def quick(root, models, mapping: str, trained_on: str) -> dict:
    """The quick config, with an experiment that is trained on a network's bias."""
    config = yaml.safe_load((root / "config" / "quick.yaml").read_text())
    config = json.loads(json.dumps(config))
    campaigns, name = (
        config["campaigns"]["capped_alanine"],
        "capped_alanine_metadynamics_heavy_cgnet",
    )
    campaigns["network"] = campaigns["unbiased"] | {
        "kind": "static", "models": [str(path) for path in models], "mapping": mapping, "scale": 1
    }  # fmt: skip
    config["experiments"] = {
        name: config["experiments"][name] | {"campaigns": ["network"], "mapping": trained_on}
    }
    return config


def test_a_config_is_checked_before_any_job(root, tmp_path, monkeypatch):
    monkeypatch.chdir(root)
    structure = app.PDBFile("resources/capped_alanine.pdb")
    topology = mdtraj.Topology.from_openmm(structure.topology)
    start = structure.getPositions(asNumpy=True).value_in_unit(unit.nanometer)
    beads = build_beads(MappingSettings(template="heavy"), topology, "heavy")
    heavy = beads.matrix(len(start)) @ start
    near = heavy + np.random.default_rng(1).normal(0, 0.01, (20, *heavy.shape))
    models = saved(tmp_path, [network(beads.topology, near)])
    check_structures(load_config(quick(root, models, "heavy", "heavy")))
    for arguments, message in (
        ((models, "core_beta", "core_beta"), "network.models: the model was fitted to beads with"),
        ((models, "none", "heavy"), "network.mapping: 'none' is not a mapping of this system"),
        (([tmp_path / "no.safetensors"], "heavy", "heavy"), "network.models: .*not a complete"),
        ((models, "heavy", "core_beta"), "which is not a function of the beads of mapping 'core_"),
    ):
        with pytest.raises(InputError, match=message):
            check_structures(load_config(quick(root, *arguments)))
