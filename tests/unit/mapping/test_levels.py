"""Replica exchange: all levels are data at their temperatures, from the run to training.

The molecule's bonds and angles are harmonic, so that a potential of the same form that does not
depend on temperature is exact at all levels, and forces on beads are those of the atoms.
"""

import json

import h5py
import mdtraj
import numpy as np
import pytest

import torsion
from meanforce.analysis.samples import reference_sample
from meanforce.data.dataset import Dataset
from meanforce.data.h5md import FrameBlock, H5mdReader, H5mdWriter
from meanforce.data.trajectory import TrajectoryReader
from meanforce.dynamics.starts import candidates
from meanforce.errors import InputError
from meanforce.fitting.frames import FrameChoice, read_frames
from meanforce.jobs import stages
from meanforce.mapping.apply import Files, map_replica
from meanforce.mapping.configuration import build_beads
from meanforce.mapping.quality import check_dataset
from meanforce.mapping.system_atoms import SystemAtoms
from meanforce.sampling.recompute import recompute
from meanforce.settings.campaigns.replica_exchange import ReplicaExchangeSettings
from meanforce.settings.load import load_config
from meanforce.settings.mappings import MappingSettings
from meanforce.units import kt

ATOMS = {name: f"name {name}" for name in "ABCD"}
LEVELS = [300.0, 300.0 * 2**0.5, 600.0]
FRAMES = 2000


def exchange(**changes) -> ReplicaExchangeSettings:
    values = {
        "kind": "replica_exchange", "highest": 600.0, "levels": 3, "exchange_every": 0.5,
        "length": 0.1 * FRAMES,
    }  # fmt: skip
    return ReplicaExchangeSettings.model_validate(
        torsion.PROTOCOL | values | changes, context={"internal": True}
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exchange")
    torsion.run(exchange(), folder).__exit__()
    recompute(
        torsion.molecule(), folder / "trajectory.h5", folder / "forces.h5", 1,
        torsion.job_in(folder / "f"), print,
    )  # fmt: skip
    mapped(folder, "beads.h5")
    return folder


def mapped(folder, name: str, **settings) -> None:
    topology = mdtraj.Topology.from_openmm(torsion.molecule().topology)
    files = Files(
        folder / "trajectory.h5", folder / "forces.h5", None, folder / name, folder / "table.csv"
    )
    values = {"beads": ATOMS, "force_map": "slice"} | settings
    mapping = MappingSettings.model_validate(values, context={"internal": True})
    map_replica(
        mapping, build_beads(mapping, topology, "m"), SystemAtoms.of(topology), files, 3, print
    )


def bond_temperatures(positions: np.ndarray) -> float:
    """Temperature of the three stiff bonds, from ½k⟨(r − r₀)²⟩ = ½kT, K."""
    lengths = np.linalg.norm(np.diff(positions.astype(float), axis=1), axis=2)
    return 50000.0 * ((lengths - 0.15) ** 2).mean() / kt(1.0)


def test_frames_have_the_temperature_of_their_level(folder):
    with TrajectoryReader(folder / "trajectory.h5") as frames:
        assert frames.n_frames == 3 * FRAMES
        np.testing.assert_allclose(frames.temperatures(), np.tile(LEVELS, FRAMES))
        np.testing.assert_allclose(frames.times()[::3], 0.1 * np.arange(1, FRAMES + 1))
        walkers = frames.array("walker").reshape(-1, 3)
    assert (np.sort(walkers, axis=1) == np.arange(3)).all()
    dataset = Dataset.of([folder / "beads.h5"])
    assert len(dataset) == 3 * FRAMES
    for part, level in zip(dataset.parts, LEVELS, strict=True):
        one = Dataset((part,))
        assert np.unique(one.temperatures()) == pytest.approx(level, rel=1e-6)
        # 6,000 lengths whose memory is below a stride or so: 6 errors of √(2·2/6000).
        assert bond_temperatures(one.positions()) == pytest.approx(level, rel=0.16)
    with h5py.File(folder / "beads.h5") as file:
        value = file["observables/temperature/value"]
        assert value.attrs["unit"] == "K"
        np.testing.assert_allclose(value[:], np.tile(LEVELS, FRAMES))


def test_a_potential_of_temperature_trains_on_all_levels_and_another_on_its_own(folder):
    paths = [folder / "beads.h5"]
    everything = read_frames(paths, 5)
    own = read_frames(paths, 5, choice=FrameChoice(all_temperatures=False))
    assert (len(everything), len(own)) == (3 * FRAMES, FRAMES)
    assert set(own.temperatures.tolist()) == {300.0}
    assert len(set(everything.temperatures.tolist())) == 3
    np.testing.assert_array_equal(everything.positions[:FRAMES], own.positions)
    # Frames of copies at the same time are in the same block and fold, at all temperatures.
    blocks = everything.blocks.reshape(3, FRAMES)
    assert (blocks == own.blocks).all()
    assert (np.diff(own.blocks) >= 0).all() and int(own.blocks.max()) == 19
    assert (everything.folds.reshape(3, FRAMES) == own.folds).all()
    # A stride does not prefer a temperature, even where both have a common factor.
    for stride in (2, 3, 6):
        some = read_frames(paths, 5, choice=FrameChoice(stride=stride))
        counts = np.unique(some.temperatures, return_counts=True)[1]
        assert counts.tolist() == [-(-FRAMES // stride)] * 3
    # One window in time for the file.
    half = read_frames(paths, 5, choice=FrameChoice(windows=[(0.0, 0.05 * FRAMES)]))
    assert len(half) == 3 * (FRAMES // 2 - 1) or len(half) == 3 * FRAMES // 2
    weighted = read_frames(paths, 5, choice=FrameChoice(weights="bias"))
    assert (weighted.weights == 1).all()


def test_comparisons_and_starts_take_the_frames_of_their_temperature(folder):
    paths = [folder / "beads.h5"]
    own = Dataset.of(paths).at_state_points()
    sample = reference_sample(paths, [torsion.PHI], 10)
    np.testing.assert_array_equal(sample.positions, own.positions())
    assert bond_temperatures(sample.positions) == pytest.approx(300.0, rel=0.16)
    assert np.bincount(sample.blocks).tolist() == [FRAMES // 10] * 10
    # A chain is a copy while it is at this level.
    assert (np.diff(sample.times) > 0).all()
    assert len(np.unique(sample.chains)) == 3
    with H5mdReader(paths[0]) as reader:
        reader.keep_own_temperature()
        np.testing.assert_array_equal(reader.forces(), own.forces())
        np.testing.assert_array_equal(reader.forces(slice(5, 50, 7)), own.forces()[5:50:7])
    np.testing.assert_array_equal(candidates(paths, None), own.positions())


def test_checks_of_a_dataset_are_those_of_its_own_temperature(folder, tmp_path):
    with H5mdReader(folder / "beads.h5") as reader:
        found = check_dataset(reader)
    own = Dataset.of([folder / "beads.h5"]).at_state_points()
    parameters = own.parameters
    with H5mdWriter(tmp_path / "own.h5", np.ones(4), parameters, with_forces=True) as writer:
        zeros = np.zeros(len(own))
        writer.append(
            FrameBlock(own.positions(), own.times(), zeros, zeros, zeros.astype(int), own.forces())
        )
    with H5mdReader(tmp_path / "own.h5") as reader:
        alone = check_dataset(reader)
    assert (found["frames"], found["walkers"], found["temperatures"]) == (3 * FRAMES, 3, 3)
    assert (alone["frames"], alone["walkers"], alone["temperatures"]) == (FRAMES, 1, 1)
    assert found["time"]["constant"]
    for key in ("mean_force_norm", "forces", "conformations", "irreducible_variance"):
        assert found[key] == pytest.approx(alone[key]), key
    # Bad numbers of hot frames are found all the same.
    with h5py.File(folder / "beads.h5") as file, h5py.File(tmp_path / "bad.h5", "w") as bad:
        for name in file:
            file.copy(name, bad)
        forces = bad["particles/beads/force/value"]
        forces[4 * 3 + 2, 0, 0] = np.nan
    with H5mdReader(tmp_path / "bad.h5") as reader, pytest.raises(InputError, match="frame 14"):
        check_dataset(reader)


def test_noise_has_the_force_of_each_frames_temperature(folder):
    """F' − F = −kT η/σ² on frames at R' = R + η."""
    level = 0.002
    noise = {"noise": {"level": level}, "force_map": "optimal"}
    mapped(folder, "noisy.h5", **noise)
    plain, noisy = (Dataset.of([folder / name]) for name in ("beads.h5", "noisy.h5"))
    for exact, part in zip(plain.parts, noisy.parts, strict=True):
        # This small number of frames lies in one block and has one map.
        given, found = (Dataset((one,)).blocks(40)[0] for one in (exact, part))
        score = -kt(part.temperature) * (found.positions().astype(float) - given.positions())
        design = np.concatenate([given.forces(), score / level**2], axis=1)
        design = design.transpose(0, 2, 1).reshape(-1, 8)
        forces = found.forces().transpose(0, 2, 1).reshape(-1, 4)
        maps = np.linalg.lstsq(design, forces, rcond=None)[0]
        # All atoms are beads: B + D = 1, and what B lacks of the force the noise has. (Forces of
        # all atoms sum to zero, so that a constant in B cannot be determined.)
        total = maps[:4] + maps[4:]
        np.testing.assert_allclose(total - total.mean(axis=0), np.eye(4) - 0.25, atol=2e-3)
        assert np.diag(maps[4:]).min() > 0.02


def test_a_run_goes_on_bit_by_bit(folder, tmp_path):
    from interruptions import stopped_after

    campaign = exchange(length=20.0)
    whole = torsion.run(campaign, tmp_path / "whole")
    engine, job = torsion.make_engine(campaign, tmp_path / "parts")
    stopped_after(engine, job, tmp_path / "parts", 60)
    again = torsion.run(campaign, tmp_path / "parts")
    for name in ("walker", "temperature"):
        np.testing.assert_array_equal(again.array(name), whole.array(name))
    ours, theirs = (frames.positions(slice(None)) for frames in (again, whole))
    np.testing.assert_array_equal(ours, theirs)


def test_frames_that_take_no_turns_are_refused(tmp_path):
    path = tmp_path / "a.h5"
    parameters = {"bead_names": ["A"], "bonds": [], "temperature": 300.0}
    with H5mdWriter(path, np.ones(1), parameters, True, with_temperatures=True) as writer:
        zeros = np.zeros(4)
        writer.append(FrameBlock(
            np.zeros((4, 1, 3)), np.arange(4.0), zeros, zeros, zeros.astype(int),
            np.zeros((4, 1, 3)), np.array([300.0, 300.0, 400.0, 400.0]),
        ))  # fmt: skip
    with pytest.raises(InputError, match="several temperatures that do not alternate"):
        Dataset.of([path])


SYSTEM, EXPERIMENT = "capped_alanine", "capped_alanine_metadynamics_heavy_cgnet"


@pytest.fixture
def one_state(config) -> dict:
    """An experiment that is trained at one state point, on replica exchange."""
    campaigns = config["campaigns"][SYSTEM]
    campaigns["exchange"] = campaigns["unbiased"] | {
        "kind": "replica_exchange", "levels": 3, "highest": "480 K", "exchange_every": "1 ps",
    }  # fmt: skip
    one = config["experiments"][EXPERIMENT] | {
        "campaigns": ["exchange"], "train": ["T300"], "held_out": ["T350"],
    }  # fmt: skip
    config["experiments"] = {"one": one}
    return config


def test_levels_are_the_temperatures_of_an_experiment(one_state):
    config = load_config(one_state)
    assert json.loads(stages.train_job(config, "one", "0").canonical())
    potential = one_state["experiments"]["one"]["potential"]
    one_state["potentials"][potential]["temperature"] = "quadratic"
    load_config(one_state)
    one_state["campaigns"][SYSTEM]["exchange"]["levels"] = 2
    with pytest.raises(InputError, match="quadratic in temperature needs three state points"):
        load_config(one_state)


def test_a_held_out_state_point_is_no_level(one_state):
    # √(300·480) K = 379.47 K.
    one_state["state_points"]["T350"]["temperature"] = f"{(300 * 480) ** 0.5!r} K"
    with pytest.raises(InputError, match=r"'T350' has 379\.473 K, the temperature of a level"):
        load_config(one_state)
