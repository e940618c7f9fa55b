"""Models written by older versions still load and compute what they did."""

import json

import pytest
import torch

from meanforce.errors import InputError
from meanforce.potentials.files import FORMAT, PACKAGES, load, save
from meanforce.potentials.interface import EnsembleMean


@pytest.fixture
def models(root):
    """Files of format 1, and what the version that wrote them computed from them."""
    return root / "tests" / "data" / "models"


@pytest.mark.parametrize("kind", ["cgnet", "spline", "rbf"])
def test_models_of_format_1_still_load(kind, models):
    potential, about = load(models / f"{kind}.safetensors")
    assert about == {"validation_loss": 1.5}
    expected = json.loads((models / f"{kind}-expected.json").read_text())
    positions = torch.tensor(expected["positions"], dtype=potential.dtype)
    ensemble = EnsembleMean([potential])
    for model in (potential, ensemble):
        energies, forces = model.energy_and_forces(positions, expected["temperature"])
        # Other processors may round otherwise.
        rounding = 1e-5 if potential.dtype == torch.float32 else 1e-10
        for ours, name in ((energies, "energies"), (forces, "forces")):
            theirs = torch.tensor(expected[name], dtype=torch.float64)
            bound = rounding * theirs.abs().max().item()
            torch.testing.assert_close(ours.double(), theirs, rtol=0, atol=bound)


def test_a_newer_format_is_refused(models, tmp_path):
    potential, _ = load(models / "cgnet.safetensors")
    path = tmp_path / "model.safetensors"
    save(potential, path, {})
    text = json.loads(path.with_suffix(".json").read_text())
    assert text["format"] == FORMAT
    path.with_suffix(".json").write_text(json.dumps(text | {"format": FORMAT + 1}))
    with pytest.raises(InputError, match=f"format {FORMAT + 1}; this version reads"):
        load(path)


def test_file_names_the_versions_it_was_made_with(models, tmp_path):
    save(load(models / "cgnet.safetensors")[0], tmp_path / "model.safetensors", {})
    versions = json.loads((tmp_path / "model.json").read_text())["versions"]
    # What follows a plus sign names the build (+cpu), which package managers may leave out.
    assert versions["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert set(versions) <= {"python", *PACKAGES}


def test_tensors_of_another_model_are_refused(models, tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes((models / "rbf.safetensors").read_bytes())
    path.with_suffix(".json").write_text((models / "cgnet.json").read_text())
    with pytest.raises(InputError, match="do not make a model of kind 'cgnet'"):
        load(path)
