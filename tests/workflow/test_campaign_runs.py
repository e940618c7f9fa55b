"""Every campaign kind, and explicit water, through the workflow up to mapped datasets."""

import contextlib
import json
import re
from pathlib import Path

import h5py
import mdtraj
import numpy as np
import pandas as pd
import pytest
import yaml
from networks import network, saved

from meanforce.data.h5md import H5mdReader
from meanforce.data.trajectory import TrajectoryReader
from meanforce.mapping.configuration import build_beads
from meanforce.settings.load import load_config
from meanforce.systems.topology import input_topology

pytestmark = [pytest.mark.workflow, pytest.mark.extended]

PROTOCOL = {
    "length": "20 ps", "stride": "100 fs", "time_step": "2 fs", "friction": "1 / ps",
    "equilibration": "2 ps", "platform": "Reference",
}  # fmt: skip
BIASED = {"collective_variables": ["phi", "psi"]}
METADYNAMICS = {
    "kind": "metadynamics", **BIASED, "height": "1.2 kJ/mol", "width": ["0.35 rad", "0.35 rad"],
    "pace": "0.5 ps", "bias_factor": 6, "burn_in": "5 ps",
}  # fmt: skip
CAMPAIGNS = {
    "metadynamics": METADYNAMICS,
    "shared": METADYNAMICS | {"replicas": 2, "share_every": "5 ps", "walkers": 2},
    "frozen": {"kind": "static", **BIASED, "bias_of": "metadynamics"},
    "formula": {"kind": "static", **BIASED, "formula": "3*cos(phi)+2*sin(psi-0.5)"},
    "network": {
        "kind": "static", "models": ["models/trained-0.safetensors"], "mapping": "heavy",
        "scale": 0.3,
    },
    "umbrella": {
        "kind": "umbrella", "collective_variables": ["phi"], "windows_per_job": 3, "replicas": 2,
        "force_constant": ["40 kJ/mol/rad^2"],
        "rows": [{"first": "-150 deg", "last": "-50 deg", "number": 5}],
    },
    "exchange": {
        "kind": "replica_exchange", "highest": "400 K", "levels": 3, "exchange_every": "0.5 ps",
    },
}  # fmt: skip
JOBS = {"shared": (1, 2), "umbrella": (3, 4)}
"""Jobs that are run of campaigns, where it is not the first: of windows only replica 2."""


def write_model(folder: Path, config: dict) -> None:
    """A network with random weights on the heavy atoms of capped alanine."""
    settings = load_config(config)
    topology = input_topology(settings.systems["capped_alanine"])
    beads = build_beads(settings.mappings["capped_alanine"]["heavy"], topology, "heavy")
    start = mdtraj.load(folder / settings.systems["capped_alanine"].structure).xyz[0]
    noise = np.random.default_rng(1).normal(0, 0.02, (50, len(beads.names), 3))
    (folder / "models").mkdir()
    saved(folder / "models", [network(beads.topology, beads.matrix(len(start)) @ start + noise)])


@pytest.fixture(scope="module")
def all_kinds(make_checkout):
    """Datasets of all kinds of campaigns of capped alanine in vacuum."""
    checkout = make_checkout()
    config = yaml.safe_load((checkout.folder / "config" / "quick.yaml").read_text())
    # YAML anchors would carry changes to other campaigns.
    config = json.loads(json.dumps(config))
    config["systems"]["capped_alanine"]["force_field"] = ["amber99sbildn.xml"]
    config["mappings"]["capped_alanine"]["heavy"]["force_map"] = "aggregate"
    config["campaigns"]["capped_alanine"] |= {
        name: PROTOCOL | values for name, values in CAMPAIGNS.items()
    }
    with contextlib.chdir(checkout.folder):
        write_model(checkout.folder, config)
    (checkout.folder / "kinds.yaml").write_text(yaml.safe_dump(config))
    targets = [
        f"results/kinds/capped_alanine/T300/{name}/{job}/heavy.h5"
        for name in CAMPAIGNS
        for job in JOBS.get(name, (1,))
    ]
    result = checkout.snakemake("--configfile", "kinds.yaml", "--", *targets)
    assert result.returncode == 0, result.stdout + result.stderr
    return checkout.folder / "results" / "kinds" / "capped_alanine" / "T300"


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_datasets_have_all_frames_and_unbiased_forces(all_kinds, name):
    copies = {"shared": 2, "umbrella": 3, "exchange": 3}.get(name, 1)
    folder = all_kinds / name / str(JOBS.get(name, (1,))[0])
    frames = 150 if CAMPAIGNS[name]["kind"] == "metadynamics" else 200
    with H5mdReader(folder / "heavy.h5") as dataset:
        assert dataset.n_frames == frames * copies
        assert np.isfinite(dataset.forces()).all()
        assert np.isfinite(dataset.observable("log_weight")).all()
        assert len(np.unique(dataset.observable("chain"))) >= copies
        assert dataset.parameters["bias_is_function_of_beads"]
        # In vacuum, every atom's force is given to one bead.
        assert dataset.parameters["checks"]["total_force_of_beads"] < 1e-5
        assert dataset.parameters["checks"]["total_torque_of_atoms"] < 1e-4
    with h5py.File(folder / "forces.h5") as file:
        assert file.attrs["deviation_from_run"] < 1e-5
    table = pd.read_csv(folder / "heavy.force_maps.csv", index_col="bead")
    # All atoms are heavy or rigidly bonded to one: there is nothing to choose.
    np.testing.assert_allclose(table["optimal"], table["aggregate"], rtol=1e-6)
    assert table["slice"].isna().all()


def test_forces_of_a_network_s_bias_are_a_gradient_of_the_beads(all_kinds):
    with H5mdReader(all_kinds / "network" / "1" / "heavy.h5") as dataset:
        checks = dataset.parameters["checks"]
    assert checks["bias_off_beads"] < 1e-5
    assert checks["bias_mapped"] < 1e-5
    with h5py.File(all_kinds / "network" / "1" / "trajectory.h5") as file:
        energies = file["meanforce/variables"][:, 0]
        assert np.abs(file["meanforce/checked_bias_forces"][:]).max() > 1.0
        np.testing.assert_allclose(file["meanforce/bias_energy"][:], -0.3 * energies, rtol=1e-5)
    assert np.ptp(energies) > 1.0


def test_umbrella_weights_come_from_all_windows_of_a_replica(all_kinds):
    # Nothing of the other replica is there.
    found = {path.stem for path in (all_kinds / "umbrella").iterdir()}
    assert found == {"3", "4", "weights-2", "overlap-2"}
    overlap = np.loadtxt(all_kinds / "umbrella" / "overlap-2.csv", delimiter=",")
    assert overlap.shape == (5, 5)
    np.testing.assert_allclose(overlap.sum(1), 1.0, atol=1e-3)
    with H5mdReader(all_kinds / "umbrella" / "4" / "heavy.h5") as dataset:
        # The second job of a replica has the last two windows.
        assert set(dataset.observable("chain")) == {3, 4}
        logs = dataset.observable("log_weight")
        assert logs.std() > 0
    with H5mdReader(all_kinds / "umbrella" / "3" / "heavy.h5") as dataset:
        logs = np.concatenate([dataset.observable("log_weight"), logs])
    assert np.exp(logs).mean() == pytest.approx(1.0)


def test_frozen_bias_is_the_one_that_was_built(all_kinds):
    with (
        TrajectoryReader(all_kinds / "metadynamics" / "1" / "trajectory.h5") as built,
        TrajectoryReader(all_kinds / "frozen" / "1" / "trajectory.h5") as frozen,
    ):
        np.testing.assert_array_equal(built.array("bias_grid"), frozen.array("bias_grid"))
        assert frozen.array("bias_energy").max() > 0.5


def test_formula_is_the_bias(all_kinds):
    with TrajectoryReader(all_kinds / "formula" / "1" / "trajectory.h5") as frames:
        phi, psi = frames.array("variables").T
        expected = 3 * np.cos(phi) + 2 * np.sin(psi - 0.5)
        np.testing.assert_allclose(frames.array("bias_energy"), expected, atol=1e-4)


def test_jobs_that_share_hills_know_each_other(all_kinds):
    hills = []
    for job in (1, 2):
        with TrajectoryReader(all_kinds / "shared" / str(job) / "trajectory.h5") as frames:
            hills.append(frames.array("bias_hills"))
    # Whichever job was ahead, the other one used its hills.
    assert any((table[:, 1] > 0).any() for table in hills)
    assert all((table[:, 1] == 0).sum() == 2 * 40 for table in hills)


def test_exchange_statistics_stand_in_the_log(all_kinds):
    log = (all_kinds / "exchange" / "1" / "sample.log").read_text()
    assert "round trips" in log


@pytest.fixture(scope="module")
def water(make_checkout):
    """config/capped_alanine_water_cluster.yaml, for a few ps in a smaller box."""
    checkout = make_checkout()
    text = (checkout.folder / "config" / "capped_alanine_water_cluster.yaml").read_text()
    config = json.loads(json.dumps(yaml.safe_load(text)))
    system = config["systems"]["capped_alanine_water"]
    system["box"], system["nonbonded_cutoff"] = "2.2 nm", "0.9 nm"
    system["equilibration"] |= {
        "nvt": "1 ps", "npt": "3 ps", "nvt_final": "2 ps",
        "temperature_allowance": 0.2, "density_allowance": 0.2,
    }  # fmt: skip
    for campaign in config["campaigns"]["capped_alanine_water"].values():
        campaign |= {"length": "4 ps", "stride": "100 fs", "equilibration": "0.4 ps"}
        campaign.pop("length_at", None)
        if campaign["kind"] == "metadynamics":
            campaign["burn_in"] = "1 ps"
    # So few frames make blocks for two folds only.
    for experiment in config["experiments"].values():
        experiment |= {"folds": 2, "ensemble": 2}
    (checkout.folder / "water.yaml").write_text(yaml.safe_dump(config))
    target = "results/water/capped_alanine_water/T300/metadynamics/1/heavy.h5"
    result = checkout.snakemake("--configfile", "water.yaml", "--", target)
    assert result.returncode == 0, result.stdout + result.stderr
    return checkout.folder / target


def test_water_runs_in_its_equilibrated_box(water):
    with TrajectoryReader(water.parent / "trajectory.h5") as frames, H5mdReader(water) as dataset:
        edge = frames.box()[0, 0]
        assert 2.0 < edge < 2.3
        assert edge != 2.2
        assert frames.n_atoms == 22 and frames.array("whole_forces").shape[1] > 900
        positions = dataset.positions()
        assert positions.shape == (30, 10, 3)
        for first, second in dataset.parameters["bonds"]:
            length = np.linalg.norm(positions[:, first] - positions[:, second], axis=1)
            # A molecule torn by the periodic boundary would have bonds as long as the box.
            assert (length < 0.2).all()
    assert not (water.parent / "forces.h5").exists()
    found = re.search(r"in-run unbiased forces: (\S+)", (water.parent / "sample.log").read_text())
    assert float(found[1]) < 1e-5
    import mdtraj

    whole = mdtraj.load(str(water.parent / "trajectory.h5"))
    np.testing.assert_allclose(whole.unitcell_lengths, edge, rtol=1e-5)
