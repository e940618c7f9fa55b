"""The calculator for ASE gives the model's energies, forces and stress, in ASE's units."""

import warnings

import numpy as np
import pytest
import torch
from networks import network, on_a_prior, saved
from peptides import PEPTIDE, peptide
from potential_examples import terms

from meanforce.core.configuration import Configuration
from meanforce.core.domain import Domain
from meanforce.core.molecule_type import MoleculeType
from meanforce.core.topology import Topology
from meanforce.data.h5md import FrameBlock, H5mdWriter
from meanforce.deployment.folder import Source, load_system, write_folder
from meanforce.errors import InputError
from meanforce.potentials.files import load_ensemble

ase = pytest.importorskip("ase", reason="needs ase, see envs/requirements.txt")
from ase import units  # noqa: E402
from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress  # noqa: E402
from ase.md.langevin import Langevin  # noqa: E402

from meanforce.deployment.ase_calculator import DeployedCalculator, atoms  # noqa: E402

TEMPERATURE = 340.0
PAIR = Topology(((MoleculeType("P", ("A", "B"), ("A", "B"), ((0, 1),), ()), 4),))
BOX = np.array([[6.0, 0.0, 0.0], [0.5, 6.5, 0.0], [-0.4, 0.3, 5.8]])


def peptides(count: int, width: float = 0.01) -> np.ndarray:
    rng = np.random.default_rng(5)
    angles = rng.uniform(-np.pi, np.pi, (2, count))
    frames = peptide(*angles, *(rng.normal(0, 0.1, (count, k)) for k in (2, 3)))
    return frames + rng.normal(0, width, frames.shape)


def trajectory(path, molecule: Topology, frames: np.ndarray, box=None):
    masses = np.linspace(12.0, 16.0, molecule.size)
    with H5mdWriter(path, masses, molecule.parameters(), False, box) as writer:
        flat = np.zeros(len(frames))
        writer.append(FrameBlock(frames, flat, flat, flat, flat.astype(int)))
    return path


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    """Folder of two networks on priors, and the models' files."""
    folder, frames = tmp_path_factory.mktemp("network"), peptides(60)
    members = [on_a_prior(network(PEPTIDE, frames, k), frames, k) for k in range(2)]
    about = {"domain": Domain.of_frames(PEPTIDE, frames).parameters(), "temperatures": [300.0]}
    files = saved(folder, members, about)
    source = Source(files, trajectory(folder / "cg.h5", PEPTIDE, frames[:1]), TEMPERATURE)
    write_folder(source, folder / "deployed")
    return folder / "deployed", files


@pytest.fixture(scope="module")
def liquid(tmp_path_factory):
    """Folder of curves of four molecules in a box, and the model's file."""
    folder = tmp_path_factory.mktemp("liquid")
    files = saved(folder, [terms("spline", 1, PAIR)])
    rng = np.random.default_rng(3)
    centres = rng.uniform(0, 6, (4, 1, 3))
    frame = (centres + rng.normal(0, 0.5, (4, 2, 3))).reshape(1, 8, 3)
    source = Source(files, trajectory(folder / "cg.h5", PAIR, frame, BOX), TEMPERATURE)
    assert not write_folder(source, folder / "deployed")
    return folder / "deployed", files


def wanted(files, positions: np.ndarray, cell=None):
    """Energies in eV and forces in eV/Å of the model in double precision, at Å."""
    potential = load_ensemble(files).to(torch.float64)
    cell = None if cell is None else torch.from_numpy(cell / 10)
    beads = Configuration(torch.from_numpy(positions / 10)[None], TEMPERATURE, cell)
    energy, forces = potential.energy_and_forces(beads)
    kj = units.kJ / units.mol
    return energy.item() * kj, forces[0].numpy() * kj / 10


@pytest.mark.filterwarnings("ignore:.*the model runs at 340 K")
def test_energies_and_forces_are_those_of_the_model(deployed):
    folder, files = deployed
    beads = atoms(folder)
    assert list(beads.arrays["bead_names"]) == list(PEPTIDE.names)
    np.testing.assert_allclose(beads.get_masses(), np.linspace(12.0, 16.0, 10))
    beads.calc = DeployedCalculator(folder)
    for frame in peptides(5) * 10:
        beads.positions = frame
        energy, forces = wanted(files, frame)
        assert beads.get_potential_energy() == pytest.approx(energy, rel=1e-5)
        scale = np.abs(forces).max()
        np.testing.assert_allclose(beads.get_forces(), forces, rtol=0, atol=1e-5 * scale)


@pytest.mark.filterwarnings("ignore:.*the model runs at 340 K")
def test_ase_runs_dynamics(deployed):
    beads = atoms(deployed[0])
    beads.calc = DeployedCalculator(deployed[0])
    start = beads.positions.copy()
    rng = np.random.default_rng(1)
    Langevin(beads, 0.2 * units.fs, temperature_K=300.0, friction=0.01, rng=rng, fixcm=False).run(
        20
    )
    assert np.isfinite(beads.positions).all() and np.abs(beads.positions - start).max() > 1e-3


def test_stress_in_a_periodic_cell_is_that_of_finite_differences(liquid):
    folder, files = liquid
    beads = atoms(folder)
    np.testing.assert_allclose(beads.cell.array, 10 * BOX, atol=1e-3)
    beads.calc = DeployedCalculator(folder)
    energy, forces = wanted(files, beads.positions, beads.cell.array)
    assert beads.get_potential_energy() == pytest.approx(energy, rel=1e-9)
    np.testing.assert_allclose(beads.get_forces(), forces, rtol=0, atol=1e-9)
    numerical = calculate_numerical_forces(beads, 1e-4)
    np.testing.assert_allclose(forces, numerical, rtol=0, atol=1e-5 * np.abs(forces).max())
    stress, compared = beads.get_stress(), calculate_numerical_stress(beads, 1e-5)
    assert np.abs(stress).max() > 0
    np.testing.assert_allclose(stress, compared, rtol=0, atol=1e-6 * np.abs(stress).max())


@pytest.mark.filterwarnings("ignore:.*the model runs at 340 K")
def test_what_the_model_does_not_support_is_refused(deployed, liquid):
    beads = atoms(deployed[0])
    beads.calc = DeployedCalculator(deployed[0])
    with pytest.raises(InputError, match="have no periodic cell, so that there is no stress"):
        beads.get_stress()
    beads.pbc = [True, False, True]
    with pytest.raises(InputError, match="periodic along some axes only"):
        beads.get_potential_energy()
    fewer = atoms(deployed[0])[:4]
    fewer.calc = DeployedCalculator(deployed[0])
    with pytest.raises(InputError, match="are 4, but the model has 10 beads"):
        fewer.get_potential_energy()
    with pytest.raises(InputError, match="which OpenMM does not run; use the calculator for ASE"):
        load_system(liquid[0])


def test_leaving_the_training_data_warns(deployed, recwarn):
    """Of temperatures at once; of positions when 1 % of the frames that are looked at are out."""
    folder, _ = deployed
    with pytest.warns(UserWarning, match="runs at 340 K but was trained at 300 K"):
        DeployedCalculator(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        calculator = DeployedCalculator(folder, temperature=300.0)
        inside = peptides(60)[7]
        for _ in range(10_000):
            calculator._whole.energy_and_forces(inside)
    stretched = inside * 1.5
    with pytest.warns(UserWarning, match="lie outside of the training data, where the model is"):
        for _ in range(500):
            calculator._whole.energy_and_forces(stretched)
