"""CG data without an atomistic system, from files of other programs to a dataset."""

import dataclasses
import json

import numpy as np
import pytest
from cg_datasets import BOX, CHAIN, MASSES, dataset

from meanforce.core.topology import Topology
from meanforce.data.h5md import H5mdReader
from meanforce.errors import InputError
from meanforce.export.cg_dataset import CgDataset
from meanforce.export.cg_dataset_files import write
from meanforce.jobs.beads import BeadsJob
from meanforce.jobs.import_frames import ImportJob
from meanforce.mapping.apply import Files, map_replica
from meanforce.mapping.one_mapping import beads_of
from meanforce.mapping.system_atoms import SystemAtoms
from meanforce.sampling.external.one_job import ImportInputs, import_frames
from meanforce.settings.job import validated
from meanforce.settings.load import load_config
from meanforce.settings.mappings import MappingSettings
from meanforce.settings.systems.registry import System
from meanforce.systems import beads
from meanforce.systems.prepared import Prepared
from meanforce.systems.topology import prepared_topology

IDENTITY = {"template": "all", "force_map": "slice"}
WATERS = {"molecules": {"HOH": {"template": "all"}}, "force_map": "slice"}


def prepared(folder, values):
    """A prepared system of beads."""
    beads.build(validated(System, {"kind": "beads"} | values, "")).write(folder / "prepared")
    return folder / "prepared"


def imported(folder, trajectory):
    """Files of the stage `import`."""
    place = folder / "prepared"
    job = ImportJob.of(
        trajectory={"state_point": "T"} | trajectory, forces="file", disagreement="refuse",
        has_force_field=False, temperature=310.0, biased=[], collective_variables={},
    )  # fmt: skip
    topology = prepared_topology(place / "topology.cif")
    lines = []
    import_frames(job, ImportInputs(Prepared.read(place), topology, {}, 1), folder, lines.append)
    return topology


def mapped(folder, trajectory, mapping=IDENTITY):
    """A dataset, through the stages `import`, `beads` and `map`."""
    topology = imported(folder, trajectory)
    settings = validated(MappingSettings, mapping, "")
    found = beads_of(BeadsJob.of(name="m", mapping=mapping), folder / "prepared")
    files = Files(
        folder / "trajectory.h5", folder / "forces.h5", None, folder / "m.h5", folder / "m.csv"
    )
    map_replica(
        settings, found.beads["sum"], SystemAtoms.of(topology), files, None, lambda line: None
    )
    return H5mdReader(folder / "m.h5")


EXPORTED = {
    "cgnet": {"files": ["d.npz"], "format": "cgnet"},
    "cgnet_npy": {"files": ["d_coordinates.npy"], "format": "cgnet"},
    "mlcg": {"files": ["d.h5"], "format": "mlcg"},
    "chemtrain": {"files": ["d.npz"], "format": "chemtrain"},
}
"""What a config has of a file of each format of `export_dataset.py`."""


def exported(folder, kind):
    """Export a dataset of `folder`, and what the config has of it."""
    write(CgDataset.of([folder / "own.h5"]), kind, folder, "d")
    prepared(folder, {"file": str(folder / "d_beads.json")})
    chosen = EXPORTED[kind]
    files = [str(folder / file) for file in chosen["files"]]
    return chosen | {"files": files, "interval": 0.2}


@pytest.mark.parametrize("kind", EXPORTED)
def test_there_and_back_again(tmp_path, kind):
    """Ours, another program's, and ours again: the same numbers up to single precision."""
    frames = dataset(tmp_path / "own.h5")
    with mapped(tmp_path, exported(tmp_path, kind)) as reader:
        np.testing.assert_allclose(reader.positions(), frames.position, rtol=3e-7)
        np.testing.assert_allclose(reader.forces(), frames.force, rtol=3e-7)
        np.testing.assert_allclose(reader.times(), 0.2 * np.arange(25), atol=1e-12)
        assert reader.parameters["bead_names"] == list(CHAIN.names)
        assert reader.parameters["bead_types"] == list(CHAIN.types)
        assert [tuple(pair) for pair in reader.parameters["bonds"]] == list(CHAIN.bonds)
        assert reader.parameters["temperature"] == 310.0
        np.testing.assert_array_equal(reader.masses, MASSES)
        assert reader.boxes() is None


def test_forces_that_add_up_to_zero_may_have_a_torque(tmp_path):
    """Forces on rigid groups were given to beads elsewhere, as ours are: not so for atoms."""
    dataset(tmp_path / "own.h5")
    chosen = exported(tmp_path, "cgnet")
    arrays = dict(np.load(chosen["files"][0]))
    forces = arrays["forces"] - arrays["forces"].mean(axis=1, keepdims=True)
    np.savez(chosen["files"][0], coords=arrays["coords"], forces=forces)
    torque = np.cross(arrays["coords"], forces).sum(axis=1)
    assert np.abs(torque).max() > 1
    with mapped(tmp_path, chosen) as reader:
        np.testing.assert_allclose(reader.forces(), 41.84 * forces, rtol=1e-5, atol=1e-3)


def test_own_datasets_are_read_as_they_are(tmp_path):
    frames = dataset(tmp_path / "own.h5")
    exported(tmp_path, "mlcg")
    own = {"files": [str(tmp_path / "own.h5")], "format": "h5md"}
    with mapped(tmp_path, own) as reader:
        np.testing.assert_allclose(reader.positions(), frames.position, rtol=3e-7)
        np.testing.assert_allclose(reader.forces(), frames.force, rtol=3e-7)
        np.testing.assert_allclose(reader.times(), frames.time)


LIQUID = Topology(
    tuple((dataclasses.replace(CHAIN.composition[0][0], name="HOH"), count) for count in (3,))
)
LIQUID_MASSES = np.tile(MASSES, 3)


def liquid(folder, **files):
    """Three molecules in a box, as chemtrain has them, and their trajectory."""
    frames = dataset(folder / "own.h5", box=BOX, topology=LIQUID, masses=LIQUID_MASSES)
    write(CgDataset.of([folder / "own.h5"]), "chemtrain", folder, "d")
    composition = json.loads((folder / "d_beads.json").read_text())["composition"]
    assert [part["count"] for part in composition] == [3]
    arrays = dict(np.load(folder / "d.npz")) | files
    np.savez(folder / "d.npz", **{name: one for name, one in arrays.items() if one is not None})
    trajectory = {"files": [str(folder / "d.npz")], "format": "chemtrain", "interval": 0.2}
    return frames, {"file": str(folder / "d_beads.json")}, trajectory


def test_a_liquid_keeps_its_molecules_and_boxes(tmp_path):
    frames, system, trajectory = liquid(tmp_path)
    prepared(tmp_path, system | {"box": [3.0, 2.5, 2.0]})
    with mapped(tmp_path, trajectory, WATERS) as reader:
        # Molecules may be in other images than before, and are in one piece.
        moved = (reader.positions() - frames.position) @ np.linalg.inv(frames.boxes)
        np.testing.assert_allclose(moved, moved.round(), atol=2e-6)
        np.testing.assert_array_equal(reader.forces(), frames.force)
        np.testing.assert_allclose(reader.boxes(), frames.boxes, rtol=1e-6)
        assert Topology.of(reader.parameters).composition == LIQUID.composition


def test_the_box_of_the_config_is_that_of_files_without(tmp_path):
    frames, system, trajectory = liquid(tmp_path, box=None)
    prepared(tmp_path, system | {"box": [30.0, 25.0, 20.0]})
    with mapped(tmp_path, trajectory, WATERS) as reader:
        np.testing.assert_array_equal(reader.boxes()[0], np.diag([30.0, 25.0, 20.0]))
        np.testing.assert_array_equal(reader.positions(), frames.position)


def test_fractions_are_scaled_by_the_box_of_the_config(tmp_path):
    edges = np.array([30.0, 25.0, 20.0])
    frames, *_ = liquid(tmp_path, box=None)
    place = tmp_path / "fractions"
    place.mkdir()
    _, system, trajectory = liquid(place, box=None, R=frames.position / edges)
    prepared(place, system | {"box": edges.tolist()})
    with mapped(place, trajectory | {"format": "chemtrain_fractional"}, WATERS) as reader:
        np.testing.assert_allclose(reader.positions(), frames.position, atol=3e-6)


def test_a_lost_box_is_refused(tmp_path):
    _, system, trajectory = liquid(tmp_path)
    prepared(tmp_path, system)
    with pytest.raises(InputError, match=r"several molecules and no box; give the system's 'box'"):
        imported(tmp_path, trajectory)


@pytest.mark.parametrize("kind", EXPORTED)
def test_other_beads_and_numbers_that_are_none(tmp_path, kind):
    frames = dataset(tmp_path / "own.h5")
    trajectory = exported(tmp_path, kind)
    composition = json.loads((tmp_path / "d_beads.json").read_text())["composition"]
    composition[0]["beads"].append({"name": "X", "mass": 1.0})
    prepared(tmp_path, {"composition": composition})
    with pytest.raises(InputError, match="has 4 atoms, but the system has 5"):
        imported(tmp_path, trajectory)
    for what, values in (("positions", frames.position), ("forces", frames.force)):
        values[17, 2, 1], before = np.nan, values[17, 2, 1]
        bad = tmp_path / what
        bad.mkdir()
        dataset(bad / "own.h5", changed=frames)
        trajectory = exported(bad, kind)
        with pytest.raises(InputError, match=f"frame 17 has {what} that are not finite numbers"):
            imported(bad, trajectory)
        values[17, 2, 1] = before


CONFIG = {
    "systems": {"four": {"kind": "beads", "composition": [
        {"name": "CHAIN", "beads": [{"name": "A", "mass": "1 u"}, {"name": "B", "mass": "1 u"}]}
    ]}},
    "state_points": {"T": {"temperature": "310 K"}},
    "mappings": {"four": {"all": IDENTITY}},
    "campaigns": {"four": {"given": {
        "kind": "external", "forces": "file",
        "trajectories": [{"files": ["x.npz"], "format": "cgnet", "state_point": "T",
                          "interval": "1 ps"}],
    }}},
    "potentials": {"p": {"kind": "spline", "terms": {}, "temperature": "none"}},
    "simulations": {"s": {
        "chains": 10, "time_step": "5 fs", "friction": "2 / ps", "equilibration": "1 ps",
        "length": "2 ps", "stride": "1 ps", "until": None,
    }},
    "experiments": {"e": {
        "system": "four", "mapping": "all", "campaigns": ["given"], "potential": "p",
        "train": ["T"], "simulation": "s",
    }},
}  # fmt: skip

SAMPLED = {
    "kind": "unbiased", "length": "1 ns", "stride": "1 ps", "time_step": "2 fs",
    "friction": "1 / ps", "equilibration": "1 ps",
}  # fmt: skip
BIASED = SAMPLED | {"kind": "static", "collective_variables": ["d"], "formula": "d"}


def config(campaign=None, **trajectory):
    values = json.loads(json.dumps(CONFIG))
    if campaign is not None:
        values["campaigns"]["four"]["given"] |= campaign
        if "length" in campaign:
            values["campaigns"]["four"]["given"] = campaign
    values["campaigns"]["four"]["given"].get("trajectories", [{}])[0].update(trajectory)
    values["collective_variables"] = {
        "four": {"d": {"kind": "distance", "mapping": "all", "beads": ["A", "B"]}}
    }
    return load_config(values)


def test_files_of_forces_beside_are_read_too():
    campaign = config(files=["a/ala2_coordinates.npy"]).campaigns["four"]["given"]
    assert [file for _, file in campaign.input_files] == [
        "a/ala2_coordinates.npy", "a/ala2_forces.npy",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("campaign", "trajectory", "message"),
    [
        (SAMPLED, {}, "campaigns.four.given: needs the forces of system 'four', which has no"),
        (BIASED, {}, "campaigns.four.given: needs the forces of system 'four', which has no"),
        ({"forces": "recompute"}, {}, "needs the forces of system 'four'"),
        (None, {"molecule": "a/b"}, "'molecule' is given, but only mlcg files hold several"),
        (None, {"files": ["x.npy"]}, "the file of forces that belongs to 'x.npy' is not known"),
        (None, {"units": "real"}, "'units' is given, but the files have units of their own"),
        (None, {"files": ["x.pt"]}, "'x.pt' is a pickle"),
    ],
)
def test_what_cannot_be_is_refused_with_the_config(campaign, trajectory, message):
    config()
    with pytest.raises(InputError) as caught:
        config(campaign, **trajectory)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("which", [slice(None), slice(7, 8)])
def test_beads_that_coincide(tmp_path, which):
    """They have no axes that turn with them, by which forces could be compared."""
    dataset(tmp_path / "own.h5", n=60)
    chosen = exported(tmp_path, "cgnet")
    arrays = dict(np.load(chosen["files"][0]))
    arrays["coords"][which, 2] = arrays["coords"][which, 1]
    np.savez(chosen["files"][0], **arrays)
    with pytest.raises(InputError, match=r"ps molecule1-ALA2-CA and molecule1-ALA2-C are at"):
        mapped(tmp_path, chosen)
