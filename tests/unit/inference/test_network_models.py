"""Networks evaluated with Numba give the energies and forces of the same models in PyTorch."""

import copy
import itertools
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from networks import network, on_a_prior, saved
from peptides import PEPTIDE, peptide
from potential_examples import EXAMPLES

from meanforce.core.configuration import Configuration
from meanforce.deployment.evaluator import evaluator_of
from meanforce.errors import InputError
from meanforce.inference import compiled
from meanforce.inference.model import NetworkModel
from meanforce.potentials.interface import EnsembleMean, Potential

TEMPERATURE = 340.0
NETWORKS = {name: example for name, example in EXAMPLES.items() if example.kind == "cgnet"}


def ensemble(potential: Potential) -> EnsembleMean:
    return potential if isinstance(potential, EnsembleMean) else EnsembleMean([potential])


def both(potential: EnsembleMean, positions: np.ndarray):
    """Energies and forces from Numba, and from PyTorch in double precision."""
    model = evaluator_of(potential, TEMPERATURE)
    assert isinstance(model, NetworkModel)
    found = [model.energy_and_forces(frame) for frame in positions]
    wide = potential.to(torch.float64)
    wanted = wide.energy_and_forces(Configuration(torch.from_numpy(positions), TEMPERATURE))
    return [np.array(values) for values in zip(*found, strict=True)], [v.numpy() for v in wanted]


def assert_same(found, wanted, tolerance: float) -> None:
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * np.abs(other).max())


def peptides(count: int) -> np.ndarray:
    rng = np.random.default_rng(5)
    angles = rng.uniform(-np.pi, np.pi, (2, count))
    frames = peptide(*angles, *(rng.normal(0, 0.1, (count, k)) for k in (2, 3)))
    # No input may be constant: the network would be steep in it.
    return frames + rng.normal(0, 0.01, frames.shape)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_they_agree_with_pytorch(name, precision):
    example = NETWORKS[name]
    positions = np.random.default_rng(3).normal(0, 1, (30, example.molecule.size, 3))
    found, wanted = both(ensemble(example.make(1)).to(precision), positions)
    assert_same(found, wanted, 1e-5 if precision == torch.float32 else 1e-12)


@pytest.mark.parametrize("distances", ["plain", "inverse", "both"])
@pytest.mark.parametrize("form", ["none", "feature", "linear", "quadratic"])
def test_all_inputs_and_temperature_forms(distances, form):
    frames = peptides(60)
    chosen = {"distances": distances, "temperature": form}
    members = [
        on_a_prior(network(PEPTIDE, frames[20 * k :], k, (24, 12), **chosen), frames, k)
        for k in range(3)
    ]
    found, wanted = both(EnsembleMean(members).to(torch.float64), frames)
    assert_same(found, wanted, 1e-12)
    found, wanted = both(EnsembleMean(members), frames)
    assert_same(found, wanted, 1e-5)


@pytest.mark.parametrize("precision, tolerance", [(torch.float32, 1e-5), (torch.float64, 1e-7)])
def test_forces_are_minus_the_gradient(precision, tolerance):
    frames = peptides(20)
    potential = EnsembleMean([on_a_prior(network(PEPTIDE, frames), frames)]).to(precision)
    model, step = evaluator_of(potential, TEMPERATURE), 1e-5
    # Rounding of a single-precision energy over the step is larger than the tolerance.
    wide = evaluator_of(potential.to(torch.float64), TEMPERATURE)
    for frame in frames[:3]:
        differences = np.zeros_like(frame)
        for bead, axis in itertools.product(range(len(frame)), range(3)):
            ends = []
            for sign in (1, -1):
                moved = frame.copy()
                moved[bead, axis] += sign * step
                ends.append(wide.energy_and_forces(moved)[0])
            differences[bead, axis] = -(ends[0] - ends[1]) / (2 * step)
        forces = model.energy_and_forces(frame)[1]
        scale = np.abs(forces).max()
        np.testing.assert_allclose(forces, differences, rtol=0, atol=tolerance * scale)


def test_beads_in_a_straight_row_have_finite_forces():
    """A straight chain has no dihedrals."""
    frames = peptides(20)
    positions = np.zeros((1, 10, 3))
    positions[0, :, 0] = 0.15 * np.arange(10)
    potential = EnsembleMean([network(PEPTIDE, frames, distances="both")])
    (energies, forces), _ = both(potential, positions)
    assert np.isfinite(energies).all() and np.isfinite(forces).all()


def test_results_do_not_depend_on_where_arrays_lie_in_memory():
    """Restarts are exact only if the same positions give the same bits in another process."""
    frames = peptides(20)
    members = [on_a_prior(network(PEPTIDE, frames, k, (32, 32)), frames, k) for k in range(2)]
    wanted = evaluator_of(EnsembleMean(members), TEMPERATURE).energy_and_forces(frames[0])
    kept = []
    for shift in range(1, 9):
        kept.append(np.empty(8 * shift + 3, dtype=np.int8))
        model = evaluator_of(EnsembleMean(members), TEMPERATURE)
        memory = np.empty(31 + shift)
        positions = memory[shift : shift + 30].reshape(10, 3)
        positions[:] = frames[0]
        energy, forces = model.energy_and_forces(positions)
        assert energy == wanted[0]
        np.testing.assert_array_equal(forces, wanted[1])


def test_files_are_read_without_pytorch(tmp_path):
    frames = peptides(20)
    members = [on_a_prior(network(PEPTIDE, frames, k), frames, k) for k in range(2)]
    model = NetworkModel.read(saved(tmp_path, members), TEMPERATURE)
    wanted = evaluator_of(EnsembleMean(members), TEMPERATURE)
    assert model.molecule == PEPTIDE
    for frame in frames:
        one, other = model.energy_and_forces(frame), wanted.energy_and_forces(frame)
        assert one[0] == other[0]
        np.testing.assert_array_equal(one[1], other[1])


def test_old_model_files_are_read(root):
    folder = root / "tests" / "data" / "models"
    expected = json.loads((folder / "cgnet-expected.json").read_text())
    model = NetworkModel.read([folder / "cgnet.safetensors"], expected["temperature"])
    for number, frame in enumerate(np.array(expected["positions"])):
        energy, forces = model.energy_and_forces(frame)
        np.testing.assert_allclose(energy, expected["energies"][number], rtol=1e-5)
        wanted = np.array(expected["forces"][number])
        np.testing.assert_allclose(forces, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


def test_what_is_not_such_a_model_is_refused(root, tmp_path):
    old = root / "tests" / "data" / "models"
    with pytest.raises(
        InputError, match=r"of kind 'spline', format \d; allowed here are models of"
    ):
        NetworkModel.read([old / "spline.safetensors"], TEMPERATURE)
    with pytest.raises(InputError, match="is not a complete model"):
        NetworkModel.read([tmp_path / "none.safetensors"], TEMPERATURE)
    frames = peptides(20)
    nets = [network(PEPTIDE, frames, 1), network(PEPTIDE, frames, 2, (8,))]
    paths = saved(tmp_path, nets)
    with pytest.raises(InputError, match="members of an ensemble have different"):
        NetworkModel.read(paths, TEMPERATURE)
    paths[0].with_suffix(".json").write_text(paths[1].with_suffix(".json").read_text())
    with pytest.raises(InputError, match=r"do not make a model of kind 'cgnet' \('.*has the shape"):
        NetworkModel.read(paths[:1], TEMPERATURE)


def test_positions_of_other_beads_are_refused():
    frames = peptides(20)
    model = evaluator_of(EnsembleMean([network(PEPTIDE, frames)]), TEMPERATURE)
    for shape in ((9, 3), (11, 3), (10, 2)):
        with pytest.raises(ValueError, match="positions of 10 beads"):
            model.energy_and_forces(np.zeros(shape))


def test_a_model_can_be_copied():
    frames = peptides(20)
    model = evaluator_of(EnsembleMean([on_a_prior(network(PEPTIDE, frames), frames)]), TEMPERATURE)
    wanted = model.energy_and_forces(frames[0])
    energy, forces = copy.deepcopy(model).energy_and_forces(frames[0])
    assert energy == wanted[0]
    np.testing.assert_array_equal(forces, wanted[1])


def test_kept_machine_code_belongs_to_these_sources(root, tmp_path):
    """Numba would keep what was inlined from files that have changed since."""
    package = tmp_path / "folder" / "meanforce"
    shutil.copytree(root / "workflow" / "scripts" / "meanforce", package)
    shutil.make_archive(tmp_path / "archive", "zip", package.parent)

    def sources(place):
        code = "from meanforce.inference import compiled; print(compiled.SOURCES)"
        result = subprocess.run(
            [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(place)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return result.stdout

    before = sources(package.parent)
    assert sources(tmp_path / "archive.zip") == before
    network_file = package / "inference" / "network.py"
    network_file.write_text(network_file.read_text() + "\n")
    assert sources(package.parent) != before


def test_machine_code_is_made_where_it_cannot_be_kept(monkeypatch):
    def refuse(folder):
        raise PermissionError("read-only")

    monkeypatch.setattr(compiled, "_check_writable", refuse)

    def double(x):
        return 2 * x

    made = compiled.compiled(double)
    assert made(3) == 6 and made.stats.cache_path is None
