"""Exported datasets: what the loaders of cgnet, mlcg and chemtrain find in them."""

import json
import sys

import h5py
import numpy as np
import pytest
from cg_datasets import BOX, CHAIN, MASSES, dataset

import export_dataset
from meanforce.core.topology import Topology
from meanforce.data.h5md import FrameBlock, H5mdWriter
from meanforce.errors import InputError
from meanforce.export.cg_dataset import CgDataset
from meanforce.export.cg_dataset_files import FORMATS, write
from meanforce.settings.job import validated
from meanforce.settings.systems.registry import System
from meanforce.systems import beads


def plain(folder, kind):
    """Positions in nm, forces in kJ/mol/nm and embeddings, as the receiver's units define them."""
    if kind == "cgnet":
        file = np.load(folder / "d.npz", allow_pickle=False)
        return file["coords"] / 10, file["forces"] * 41.84, file["embeddings"]
    if kind == "cgnet_npy":
        found = [np.load(folder / f"d_{what}.npy") for what in ("coordinates", "forces")]
        return found[0] / 10, found[1] * 41.84, np.load(folder / "d_embeddings.npy")
    if kind == "mlcg":
        with h5py.File(folder / "d.h5") as file:
            group = file["meanforce/d"]
            types = np.broadcast_to(group.attrs["cg_embeds"], group["cg_coords"].shape[:2])
            assert group.attrs["N_frames"] == len(group["cg_coords"])
            return group["cg_coords"][:] / 10, group["cg_forces"][:] * 41.84, types
    file = np.load(folder / "d.npz", allow_pickle=False)
    assert file["mask"].all()
    return file["R"], file["F"], file["species"]


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_arrays_are_the_frames_in_the_receivers_units(tmp_path, kind):
    first, second = dataset(tmp_path / "1.h5"), dataset(tmp_path / "2.h5", n=11, seed=2)
    chosen = CgDataset.of([tmp_path / "1.h5", tmp_path / "2.h5"])
    files = write(chosen, kind, tmp_path / "out", "d")
    assert sorted(files) == sorted((tmp_path / "out").iterdir())
    positions, forces, types = plain(tmp_path / "out", kind)
    wanted = np.concatenate([first.position, second.position])
    np.testing.assert_allclose(positions, wanted, rtol=2e-7)
    np.testing.assert_allclose(forces, np.concatenate([first.force, second.force]), rtol=2e-7)
    # Bead 1 and 2 are of one type; numbers begin at 1, as 0 is padding in cgnet.
    np.testing.assert_array_equal(types, np.broadcast_to([1, 2, 2, 3], (36, 4)))
    for array in (positions, forces):
        assert array.dtype == np.float32
    about = json.loads((tmp_path / "out" / "d_description.json").read_text())
    assert about["temperature"] == {"value": 310.0, "unit": "K"}
    assert [one["frames"] for one in about["trajectories"]] == [25, 11]
    assert about["bias"] is None
    assert about["bonds"] == [[0, 1], [1, 2], [2, 3]]
    assert about["beads"][1] == {
        "name": "ALA2-CA", "type": "ALA-CA", "embedding": 2, "mass": 13.019,
    }  # fmt: skip
    nanometers = kind == "chemtrain"
    assert about["units"]["positions"] == ("nm" if nanometers else "angstrom")
    assert about["units"]["forces"] == ("kJ/mol/nm" if nanometers else "kcal/mol/angstrom")


def test_mlcg_is_directed_to_whole_forces(tmp_path):
    """The loader's default key is that of forces without a prior."""
    dataset(tmp_path / "1.h5")
    write(CgDataset.of([tmp_path / "1.h5"]), "mlcg", tmp_path, "d")
    about = json.loads((tmp_path / "d_description.json").read_text())
    keys = about["loading_options"]["hdf_key_mapping"]
    with h5py.File(tmp_path / "d.h5") as file:
        group = file[about["group"]]
        assert keys["embeds"] == "attrs:cg_embeds"
        assert keys["forces"] in group and keys["coords"] in group
        assert "cg_delta_forces" not in group


def test_boxes_have_vectors_in_columns(tmp_path):
    """Fractions s = H⁻¹ R with H from the file put each bead back to where it was."""
    frames = dataset(tmp_path / "1.h5", box=BOX)
    write(CgDataset.of([tmp_path / "1.h5"]), "chemtrain", tmp_path, "d")
    file = np.load(tmp_path / "d.npz")
    np.testing.assert_array_equal(file["box"], np.swapaxes(frames.boxes, 1, 2))
    # JAX MD takes upper triangular boxes.
    assert (np.tril(file["box"], -1) == 0).all()


def test_several_molecules_in_a_box_need_a_format_with_boxes(tmp_path):
    two = Topology.of_beads(("A", "B"), ("A", "B"), ())
    dataset(tmp_path / "1.h5", box=BOX, topology=two, masses=np.ones(2))
    chosen = CgDataset.of([tmp_path / "1.h5"])
    for kind in ("cgnet", "cgnet_npy", "mlcg"):
        with pytest.raises(InputError, match="2 molecules in one; allowed is chemtrain"):
            write(chosen, kind, tmp_path / "out", "d")
    assert list((tmp_path / "out").iterdir()) == []
    write(chosen, "chemtrain", tmp_path / "out", "d")


@pytest.mark.parametrize("kind", sorted(FORMATS))
@pytest.mark.parametrize("of_beads", [True, False])
def test_biased_frames_have_weights(tmp_path, kind, of_beads):
    logs = np.linspace(-3.0, 4.0, 25)
    for number, shift in ((1, 0.0), (2, 50.0)):
        dataset(tmp_path / f"{number}.h5", logs=logs + shift, bias_is_function_of_beads=of_beads)
    paths = [tmp_path / "1.h5", tmp_path / "2.h5"]
    write(CgDataset.of(paths), kind, tmp_path, "d")
    about = json.loads((tmp_path / "d_description.json").read_text())
    if kind == "mlcg":
        with h5py.File(tmp_path / "d.h5") as file:
            weights = file["meanforce/d/subsampling_weights"][:]
    elif kind == "cgnet_npy":
        weights = np.load(tmp_path / about["arrays"]["weights"])
    else:
        weights = np.load(tmp_path / "d.npz")[about["arrays"]["weights"]]
    # An unknown factor of each run does not matter.
    np.testing.assert_allclose(weights[:25], np.exp(logs) / np.exp(logs).mean(), rtol=1e-5)
    np.testing.assert_array_equal(weights[:25], weights[25:])
    assert about["bias"]["function_of_beads"] is of_beads
    assert ("force matching may use all frames" in about["bias"]["meaning"]) is of_beads
    wanted = 2 * np.exp(logs).sum() ** 2 / np.exp(2 * logs).sum()
    assert about["bias"]["effective_frames"] == pytest.approx(wanted, rel=1e-4)


def test_weights_of_windows_share_one_factor(tmp_path):
    for number, shift in ((1, 0.0), (2, 2.0)):
        dataset(tmp_path / f"{number}.h5", logs=np.full(25, shift))
    paths = [tmp_path / "1.h5", tmp_path / "2.h5"]
    assert CgDataset.of(paths).weights is None
    weights = CgDataset.of(paths, together=True).weights
    np.testing.assert_allclose(weights[25:] / weights[:25], np.exp(2.0), rtol=1e-5)


def test_only_frames_at_the_temperature_of_the_state_point(tmp_path):
    """Hotter levels of replica exchange have other mean forces."""
    parameters = CHAIN.parameters() | {"temperature": 310.0}
    positions = np.arange(24.0)[:, None, None] * np.ones((1, 4, 3))
    zeros = np.zeros(24)
    with H5mdWriter(tmp_path / "1.h5", MASSES, parameters, True, None, True) as writer:
        writer.append(FrameBlock(
            positions, np.arange(24.0), zeros, zeros, zeros.astype(int), positions,
            temperature=np.tile([310.0, 350.0, 400.0], 8),
        ))  # fmt: skip
    write(CgDataset.of([tmp_path / "1.h5"]), "chemtrain", tmp_path, "d")
    assert np.load(tmp_path / "d.npz")["R"][:, 0, 0].tolist() == list(range(0, 24, 3))


def test_the_beads_are_a_file_that_a_system_takes(tmp_path):
    residues = [["ALA", 1], ["ALA", 1], ["ALA", 1], ["NME", 2]]
    dataset(tmp_path / "1.h5", bead_residues=residues)
    write(CgDataset.of([tmp_path / "1.h5"]), "mlcg", tmp_path, "d")
    settings = validated(System, {"kind": "beads", "file": str(tmp_path / "d_beads.json")}, "")
    prepared = beads.build(settings)
    assert prepared.bead_types == CHAIN.types
    assert [atom.name for atom in prepared.topology.atoms()] == list(CHAIN.names)
    assert [(a.index, b.index) for a, b in prepared.topology.bonds()] == list(CHAIN.bonds)
    masses = [prepared.system.getParticleMass(i)._value for i in range(4)]
    assert masses == MASSES.tolist()
    residues = [(one.name, one.id) for one in prepared.topology.residues()]
    assert residues == [("ALA", "2"), ("NME", "3")]


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["export_dataset.py", *map(str, arguments)])
    export_dataset.main()


def test_the_program_takes_every_nth_frame(tmp_path, monkeypatch, capsys):
    frames = dataset(tmp_path / "1.h5")
    arguments = ("--dataset", tmp_path / "1.h5", "--output", tmp_path / "out")
    run(monkeypatch, *arguments, "--format", "chemtrain", "--name", "d", "--stride", 7)
    assert "4 frames of 4 beads at 310 K: d.npz, d_beads.json" in capsys.readouterr().err
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "d.npz")["R"], frames.position[::7])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--stride", "0"], "--stride: 0 is not a number above 0"),
        (["--name", "../d"], "--name: '../d' is not a name"),
        (["--dataset", "{folder}/1.h5", "{folder}/hot.h5"], "have the temperatures"),
        (["--dataset", "{folder}/nan.h5"], "weight is not a number"),
        (
            ["--dataset", "{folder}/no.h5"],
            "no.h5: there is no such file; what is needed is a H5MD file",
        ),
    ],
)
def test_wrong_input_is_one_sentence(tmp_path, monkeypatch, change, message):
    dataset(tmp_path / "1.h5")
    dataset(tmp_path / "hot.h5", temperature=400.0)
    dataset(tmp_path / "nan.h5", logs=np.full(25, np.nan))
    given = ["--dataset", tmp_path / "1.h5", "--format", "mlcg", "--output", tmp_path / "out"]
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, *given, *(text.format(folder=tmp_path) for text in change))
    error = str(ended.value.code)
    assert message in error
    assert len(error.strip().splitlines()) == 1
    assert not list(tmp_path.glob("out/*"))


def test_what_is_there_is_not_overwritten(tmp_path, monkeypatch):
    dataset(tmp_path / "1.h5")
    given = ["--dataset", tmp_path / "1.h5", "--format", "mlcg", "--output"]
    run(monkeypatch, *given, tmp_path / "out")
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    with pytest.raises(SystemExit, match=r"already exists; give another name, or remove it"):
        run(monkeypatch, *given, tmp_path / "out")
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match=r"error: .*/file: File exists"):
        run(monkeypatch, *given, tmp_path / "file")
