"""The file for metatomic's programs gives the model's energies and forces."""

import sys

import numpy as np
import pytest
import torch
from networks import network, on_a_prior, saved
from peptides import PEPTIDE, peptide

import export_metatomic
from meanforce.core.configuration import Configuration
from meanforce.core.topology import Topology
from meanforce.deployment.scripted import ScriptedNetwork
from meanforce.errors import InputError
from meanforce.inference.model import StoredModel
from meanforce.potentials.files import load_ensemble

TEMPERATURE = 340.0


def peptides(count: int) -> np.ndarray:
    rng = np.random.default_rng(5)
    angles = rng.uniform(-np.pi, np.pi, (2, count))
    frames = peptide(*angles, *(rng.normal(0, 0.1, (count, k)) for k in (2, 3)))
    return frames + rng.normal(0, 0.01, frames.shape)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    frames = peptides(60)
    chosen = {"distances": "both", "temperature": "linear"}
    members = [on_a_prior(network(PEPTIDE, frames, k, **chosen), frames, k) for k in range(2)]
    return saved(tmp_path_factory.mktemp("models"), members)


def wanted(paths, frame: np.ndarray) -> tuple[float, np.ndarray]:
    """kJ/mol and kJ/mol/nm in double precision."""
    beads = Configuration(torch.from_numpy(frame)[None], TEMPERATURE)
    energy, forces = load_ensemble(paths).to(torch.float64).energy_and_forces(beads)
    return energy.item(), forces[0].numpy()


@pytest.mark.parametrize("distances", ["plain", "inverse", "both"])
@pytest.mark.parametrize("form", ["none", "feature", "quadratic"])
@pytest.mark.parametrize("prior", [True, False])
def test_the_compiled_module_is_the_model(tmp_path, distances, form, prior):
    frames = peptides(20)
    net = network(PEPTIDE, frames, distances=distances, temperature=form)
    paths = saved(tmp_path, [on_a_prior(net, frames) if prior else net])
    module = torch.jit.script(ScriptedNetwork(StoredModel.read(paths[0]), TEMPERATURE))
    for frame in frames[:3]:
        positions = torch.from_numpy(frame).requires_grad_()
        energy = module(positions)
        (gradient,) = torch.autograd.grad(energy, positions)
        expected, forces = wanted(paths, frame)
        assert energy.item() == pytest.approx(expected, rel=1e-9)
        scale = np.abs(forces).max()
        np.testing.assert_allclose(-gradient.numpy(), forces, rtol=0, atol=1e-9 * scale)


def test_the_repulsion_is_straight_close_by(tmp_path):
    frames = peptides(20)
    paths = saved(tmp_path, [on_a_prior(network(PEPTIDE, frames), frames)])
    module = ScriptedNetwork(StoredModel.read(paths[0]), TEMPERATURE)
    frame = frames[0].copy()
    frame[0] = frame[9] + 0.01
    positions = torch.from_numpy(frame).requires_grad_()
    (gradient,) = torch.autograd.grad(module(positions), positions)
    _, forces = wanted(paths, frame)
    np.testing.assert_allclose(-gradient, forces, rtol=0, atol=1e-9 * np.abs(forces).max())


def test_metatomic_s_calculator_agrees(models, tmp_path, monkeypatch):
    pytest.importorskip("metatomic.torch", reason="needs envs/requirements-metatomic.txt")
    ase = pytest.importorskip("ase")
    metatomic_ase = pytest.importorskip("metatomic_ase", reason="needs metatomic-ase")
    path = tmp_path / "model.pt"
    options = ["--models", *models, "--temperature", "340 K", "--output", path]
    monkeypatch.setattr(sys, "argv", ["export_metatomic.py", *map(str, options)])
    export_metatomic.main()
    calculator = metatomic_ase.MetatomicCalculator(str(path))
    kj = ase.units.kJ / ase.units.mol
    for frame in peptides(3):
        beads = ase.Atoms(numbers=range(1, 11), positions=10 * frame)
        beads.calc = calculator
        energy, forces = wanted(models, frame)
        assert beads.get_potential_energy() == pytest.approx(energy * kj, rel=1e-5)
        scale = np.abs(forces).max() * kj / 10
        found = beads.get_forces()
        np.testing.assert_allclose(found, forces * kj / 10, rtol=0, atol=1e-5 * scale)
    other = beads[np.random.default_rng(1).permutation(10)]
    other.cell, other.pbc = [30.0, 28.0, 26.0], True
    other.positions += [29.0, 3.0, 25.0]
    other.wrap()
    other.calc = calculator
    assert other.get_potential_energy() == pytest.approx(energy * kj, rel=1e-5)


def test_what_cannot_be_written_is_refused(models, tmp_path, monkeypatch):
    options = ["--models", *models, "--temperature", "340 K", "--output", tmp_path / "model.txt"]
    monkeypatch.setattr(sys, "argv", ["export_metatomic.py", *map(str, options)])
    with pytest.raises(SystemExit, match=r"does not end in \.pt"):
        export_metatomic.main()
    monkeypatch.setitem(sys.modules, "metatensor.torch", None)
    monkeypatch.delitem(sys.modules, "meanforce.deployment.metatomic_file", raising=False)
    with pytest.raises(InputError, match="metatomic is not installed"):
        export_metatomic.writer()


def test_several_molecules_are_refused(tmp_path):
    pytest.importorskip("metatomic.torch", reason="needs envs/requirements-metatomic.txt")
    apart = Topology.of_beads("ABC", "ABC", ((0, 1),))
    frames = np.random.default_rng(1).normal(0, 0.3, (20, 3, 3))
    paths = saved(tmp_path, [network(apart, frames)])
    with pytest.raises(InputError, match="has beads of several molecules"):
        export_metatomic.writer()(paths, TEMPERATURE, tmp_path / "model.pt")
