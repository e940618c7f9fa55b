"""The stage `map` on a sampled molecule: force maps, tables, and the checks of each dataset."""

import csv
import dataclasses
import shutil

import h5py
import mdtraj
import numpy as np
import openmm
import pytest
from scipy.sparse import csr_array

import torsion
from meanforce import progress
from meanforce.core.beads import Beads
from meanforce.data.forces import ForcesReader
from meanforce.data.h5md import H5mdReader
from meanforce.data.trajectory import TrajectoryReader
from meanforce.errors import InputError
from meanforce.fitting.frames import FrameChoice, read_frames
from meanforce.mapping import replica, table
from meanforce.mapping.apply import Files, map_replica
from meanforce.mapping.configuration import build_beads
from meanforce.mapping.consistency import bias_residuals
from meanforce.mapping.groups import groups_of, parts_by_block
from meanforce.mapping.identities import check_identities
from meanforce.mapping.system_atoms import SystemAtoms
from meanforce.sampling.recompute import recompute
from meanforce.settings.campaigns.static import StaticSettings
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.mappings import MappingSettings

ATOMS = {name: f"name {name}" for name in "ABCD"}
HEIGHT, CENTER, WIDTH = -6.0, 0.2, 0.03


def sampled(folder, kind: str, **arguments):
    """A biased run and its unbiased forces."""
    campaign = torsion.metadynamics(length=150.0)
    if kind == "static":
        well = {"height": HEIGHT, "center": [CENTER], "width": [WIDTH]}
        values = {
            "kind": kind, "collective_variables": ["phi"], "length": 100.0, "gaussians": [well],
        }  # fmt: skip
        campaign = StaticSettings.model_validate(
            torsion.PROTOCOL | values, context={"internal": True}
        )
    torsion.run(campaign, folder, **arguments)
    recompute(
        torsion.molecule(), folder / "trajectory.h5", folder / "forces.h5", 1,
        torsion.job_in(folder / "f"), print,
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Biased along the dihedral of all four atoms."""
    return sampled(tmp_path_factory.mktemp("run"), "metadynamics")


def mapped(
    run, folder, seed=None, report=print, **settings
) -> tuple[H5mdReader, list[dict[str, str]]]:
    """Dataset and table."""
    topology = mdtraj.Topology.from_openmm(torsion.molecule().topology)
    files = Files(
        run / "trajectory.h5", run / "forces.h5", None, folder / "beads.h5", folder / "table.csv"
    )
    mapping = MappingSettings.model_validate(settings, context={"internal": True})
    beads = build_beads(mapping, topology, "m")
    map_replica(mapping, beads, SystemAtoms.of(topology), files, seed, report)
    with files.table.open() as file:
        return H5mdReader(files.dataset), list(csv.DictReader(file))


@pytest.mark.parametrize("force_map", ["slice", "optimal"])
def test_mapping_reports_each_pass_through_the_forces(run, tmp_path, monkeypatch, force_map):
    monkeypatch.setattr(progress, "FIRST", 0.0)
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    # Parts of a tenth of the frames.
    monkeypatch.setattr(replica, "BLOCK", 12 * 4 * 50)
    lines = []
    beads = {"A": "name A", "D": "name D"}
    mapped(run, tmp_path, report=lines.append, beads=beads, force_map=force_map)
    found = [line for line in map(progress.parse, lines) if line is not None]
    passes = {
        "slice": ["mapping frames"],
        "optimal": ["reading forces", "fitting the force map", "mapping frames"],
    }
    phases = list(dict.fromkeys(line.phase for line in found))
    assert phases == [*passes[force_map], "table of force maps"]
    # `map.py` goes on with the checks of the dataset and ends at 100 %.
    percents = [line.percent for line in found]
    assert percents[0] == 0.0 and percents == sorted(percents)
    parts = [line.percent for line in found if line.phase == "mapping frames"]
    first = 50.0 if force_map == "optimal" else 0.0
    assert parts == pytest.approx(np.linspace(first, 100, 11), abs=0.11)


def test_optimal_map_beats_the_others_on_frames_it_was_not_fitted_to(run, tmp_path):
    beads = {"A": "name A", "D": "name D"}
    dataset, table = mapped(run, tmp_path, beads=beads, force_map="optimal")
    assert [row["bead"] for row in table] == ["A", "D", "all"]
    for row in table:
        slice_, aggregate, optimal = (float(row[k]) for k in ("slice", "aggregate", "optimal"))
        assert slice_ == pytest.approx(aggregate)
        assert optimal < 0.7 * aggregate
        assert float(row["dataset"]) == pytest.approx(optimal, rel=1e-6)
        assert float(row["data_saving"]) > float(row["data_saving_at_least"]) > 1
    stored = (dataset.forces().astype(float) ** 2).sum(axis=2).mean(axis=0)
    assert stored == pytest.approx([float(row["dataset"]) for row in table[:2]], rel=1e-5)


@pytest.mark.parametrize("level", [None, 0.01])
def test_a_map_fitted_to_the_beginning_knows_nothing_of_later_frames(run, tmp_path, level):
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(run / "trajectory.h5", other)
    shutil.copy(run / "forces.h5", other)
    with TrajectoryReader(run / "trajectory.h5") as frames:
        times = frames.times()
    fitted = int((times < times[0] + 29.99).sum())
    assert times[fitted] - times[0] == pytest.approx(30.0)
    shorter = tmp_path / "shorter"
    shorter.mkdir()
    # Less than the time between frames leaves the first one.
    mapped(run, shorter, seed=7, beads=ATOMS, force_map="optimal", fit_time=0.001)
    with h5py.File(other / "forces.h5", "r+") as file:
        file["forces"][fitted:] *= 2
    settings = {"beads": {"A": "name A", "D": "name D"}, "force_map": "optimal"}
    settings |= {} if level is None else {"noise": {"level": level}}
    forces = {}
    for fit_time in (30.0, None):
        for folder in (run, other):
            where = tmp_path / f"{fit_time}-{folder.name}"
            where.mkdir()
            dataset, table = mapped(folder, where, seed=7, fit_time=fit_time, **settings)
            forces[fit_time, folder] = dataset.forces()
            if fit_time is not None:
                # The table is that of the frames of the fit.
                stored = (forces[fit_time, folder][:fitted].astype(float) ** 2).sum(axis=2)
                assert float(table[-1]["dataset"]) == pytest.approx(stored.sum(axis=1).mean())
    before, after = (forces[30.0, folder] for folder in (run, other))
    np.testing.assert_array_equal(before[:fitted], after[:fitted])
    if level is None:
        np.testing.assert_allclose(2 * before[fitted:], after[fitted:], rtol=1e-5, atol=1e-3)
    assert (forces[None, run][:fitted] != forces[None, other][:fitted]).any()


@pytest.mark.parametrize("used", ["optimal", "aggregate"])
def test_the_saving_is_the_ratio_of_the_noise(used):
    """Mean force of square 1000; noise of 10 with `aggregate` and 0.5 with `optimal`.

    Allowed are 5 standard errors, which must be small.
    """
    rng, frames = np.random.default_rng(8), np.full(5, 4000)
    signal = 4000 * 1000.0 + rng.normal(0, 2000, (5, 1))
    sums = {
        "aggregate": signal + 4000 * 10.0 + rng.normal(0, 100, (5, 1)),
        "optimal": signal + 4000 * 0.5 + rng.normal(0, 5, (5, 1)),
    }
    sums |= {"dataset": sums[used], "slice": np.full((5, 1), np.nan)}
    noise = {"optimal": 0.5, "aggregate": 10.0}[used] * (1 + rng.normal(0, 0.01, (table.BLOCKS, 1)))
    bead, total = table.rows(("A",), sums, frames, noise, False)
    assert bead | {"bead": "all"} == pytest.approx(total, nan_ok=True)
    assert abs(total["data_saving"] - 20) < 5 * total["data_saving_stderr"] < 10
    assert total["mean_force"] == pytest.approx(1000, rel=1e-3)
    assert np.isnan(table.rows(("A",), sums, frames, noise, True)[0]["data_saving"])


def test_chunks_change_nothing(run, tmp_path, monkeypatch):
    settings = {
        "beads": {"A": "name A", "D": "name D"}, "force_map": "optimal", "noise": {"level": 0.01}
    }  # fmt: skip
    (tmp_path / "other").mkdir()
    whole, _ = mapped(run, tmp_path, seed=7, **settings)
    monkeypatch.setattr(replica, "BLOCK", 48 * 77)
    chunked, _ = mapped(run, tmp_path / "other", seed=7, **settings)
    np.testing.assert_array_equal(whole.positions(), chunked.positions())
    np.testing.assert_array_equal(whole.unperturbed_positions(), chunked.unperturbed_positions())
    np.testing.assert_allclose(whole.forces(), chunked.forces(), rtol=1e-4, atol=1e-2)
    assert whole.parameters["noise"] == 0.01


def test_noise_is_what_was_asked_for(run, tmp_path):
    (tmp_path / "clean").mkdir()
    noised, _ = mapped(
        run, tmp_path, seed=7, beads=ATOMS, force_map="optimal", noise={"level": 0.01}
    )
    clean, _ = mapped(run, tmp_path / "clean", beads=ATOMS)
    shift = noised.positions() - clean.positions()
    # 6000 numbers: the relative error of their deviation is 0.9 %.
    assert shift.std() == pytest.approx(0.01, rel=0.05)
    # What a model is judged by.
    np.testing.assert_array_equal(noised.unperturbed_positions(), clean.positions())


def test_bias_along_beads_is_known_as_such(run, tmp_path):
    dataset, _ = mapped(run, tmp_path, beads=ATOMS)
    assert dataset.parameters["bias_is_function_of_beads"] is True
    checks = dataset.parameters["checks"]
    for name in ("bias_off_beads", "bias_mapped", "total_force_of_atoms", "total_force_of_beads"):
        assert checks[name] < 1e-6
    # These beads are all atoms, so that their torques vanish, too.
    assert checks["total_torque_of_beads"] < 1e-5
    assert len(read_frames([tmp_path / "beads.h5"], 2).positions) == dataset.n_frames


def test_bias_along_other_coordinates_needs_weights(run, tmp_path):
    three = {name: ATOMS[name] for name in "ABC"}
    dataset, _ = mapped(run, tmp_path, beads=three)
    assert dataset.parameters["bias_is_function_of_beads"] is False
    assert dataset.parameters["checks"]["bias_off_beads"] > 0.1
    with pytest.raises(InputError, match=r"not a function of its beads; set .*'weights: bias'"):
        read_frames([tmp_path / "beads.h5"], 2)
    read_frames([tmp_path / "beads.h5"], 2, choice=FrameChoice(weights="bias"))


def test_mapped_bias_forces_are_minus_the_gradient_along_beads(tmp_path, monkeypatch):
    """Biased minus unbiased mapped forces against finite differences of V(R), centroid beads."""
    beads = Beads.of_beads(
        names=("P", "Q"), atoms=((0, 1), (2, 3)), weights=((0.25, 0.75), (0.5, 0.5)),
        bonds=((0, 1),), masses=np.full(2, 24.0),
    )  # fmt: skip
    variable = CollectiveVariableSettings(kind="distance", mapping="all", beads=["P", "Q"])
    monkeypatch.setattr(torsion, "PHI", variable)
    monkeypatch.setattr(torsion, "BEADS", beads)
    sampled(tmp_path, "static")
    matrix = beads.matrix(4).toarray()
    with TrajectoryReader(tmp_path / "trajectory.h5") as frames:
        checked = frames.array("checked_frames")
        positions = matrix @ frames.positions(slice(None))[checked].astype(float)
        bias, plain = (frames.array(f"checked_{kind}").astype(float)
                       for kind in ("bias_forces", "forces"))  # fmt: skip

    def energy(beads: np.ndarray) -> np.ndarray:
        distance = np.linalg.norm(beads[:, 1] - beads[:, 0], axis=1)
        return HEIGHT * np.exp(-0.5 * ((distance - CENTER) / WIDTH) ** 2)

    gradient = np.zeros_like(positions)
    for bead in range(2):
        for axis in range(3):
            step = np.zeros_like(positions)
            step[:, bead, axis] = 1e-5
            gradient[:, bead, axis] = (energy(positions + step) - energy(positions - step)) / 2e-5
    # Any B with B Mᵀ = 1; here the aggregate one and an asymmetric one.
    for force_map in ([[1, 1, 0, 0], [0, 0, 1, 1]], [[4, 0, 0, 0], [0, 0, 0, 2]]):
        force_map = np.array(force_map, dtype=float)
        np.testing.assert_allclose(force_map @ matrix.T, np.eye(2))
        difference = force_map @ (plain + bias) - force_map @ plain
        assert np.abs(gradient).max() > 50
        np.testing.assert_allclose(difference, -gradient, atol=1e-3)
        residuals = bias_residuals(bias, csr_array(matrix), [csr_array(force_map)])
        assert max(residuals.values()) < 1e-6


@pytest.mark.parametrize("noise", [None, {"level": 0.01}])
def test_the_mapped_forces_of_the_bias_take_it_out_of_the_virial(tmp_path, monkeypatch, noise):
    """A bias along the distance of the ends; with noise it is not a function of the beads."""
    ends = CollectiveVariableSettings(kind="distance", mapping="all", beads=["A", "D"])
    monkeypatch.setattr(torsion, "PHI", ends)
    well = {"height": -20.0, "center": [0.28], "width": [0.05]}
    values = {"kind": "static", "collective_variables": ["phi"], "gaussians": [well]}
    campaign = StaticSettings.model_validate(
        torsion.PROTOCOL | values | {"length": 1000.0}, context={"internal": True}
    )
    torsion.run(campaign, tmp_path).__exit__()
    recompute(
        torsion.molecule(), tmp_path / "trajectory.h5", tmp_path / "forces.h5", 1,
        torsion.job_in(tmp_path / "f"), print,
    )  # fmt: skip
    topology = mdtraj.Topology.from_openmm(torsion.molecule().topology)
    for first in range(3):
        topology.add_bond(topology.atom(first), topology.atom(first + 1))
    files = Files(
        tmp_path / "trajectory.h5", tmp_path / "forces.h5", None, tmp_path / "beads.h5",
        tmp_path / "table.csv",
    )  # fmt: skip
    force_map = "slice" if noise is None else "optimal"
    mapping = MappingSettings.model_validate(
        {"beads": ATOMS, "force_map": force_map, "noise": noise}, context={"internal": True}
    )
    beads = build_beads(mapping, topology, "m")
    seed = None if noise is None else 5
    bias = map_replica(mapping, beads, SystemAtoms.of(topology), files, seed, lambda line: None)
    assert len(bias.frames) == 200
    with H5mdReader(tmp_path / "beads.h5") as reader:
        virial = check_identities(reader, bias)["virial"]
        flat = dataclasses.replace(bias, forces=0.0 * bias.forces)
        left = check_identities(reader, flat)["virial"]
    assert abs(virial["deviation"]) < 4 and virial["stderr"] < 0.3
    # It counts: without it the virial is wrong.
    assert left["verdict"] == "failed"


def test_wrong_force_map_fails_the_check_of_bias_forces():
    bias = np.random.default_rng(1).normal(size=(20, 3, 3))
    residuals = bias_residuals(bias, csr_array(np.eye(3)), [csr_array(1.001 * np.eye(3))])
    assert residuals["bias_off_beads"] < 1e-12
    assert residuals["bias_mapped"] == pytest.approx(1e-3)


def test_forces_of_other_frames_are_noticed(run, tmp_path):
    """Their sum vanishes, their torque does not."""
    for name in ("trajectory.h5", "forces.h5"):
        (tmp_path / name).write_bytes((run / name).read_bytes())
    with ForcesReader(run / "forces.h5") as reader:
        shifted = np.roll(reader.forces(slice(None)), 5, axis=0)
    with h5py.File(tmp_path / "forces.h5", "r+") as file:
        file["forces"][:] = shifted
    with pytest.raises(InputError, match="not of the same frames"):
        mapped(tmp_path, tmp_path, beads=ATOMS)


def test_blocks_cover_all_frames_once():
    for n_frames in (1, 4, 5, 103):
        found = np.zeros(n_frames, dtype=int)
        for start in range(0, n_frames, 7):
            count = min(7, n_frames - start)
            for block, part in parts_by_block(start, count, n_frames):
                found[start + part.start : start + part.stop] += 1 + 10 * block
        assert (found % 10 == 1).all()
        assert (np.diff(found // 10) >= 0).all()
    assert parts_by_block(8, 7, 10) == [(4, slice(0, 2)), (5, slice(2, 7))]


def test_a_held_molecule_of_the_solvent_leaves_the_others_what_they_are():
    topology = mdtraj.Topology()
    for name in ("CHHH", "OHH", "OHH"):
        residue = topology.add_residue("MOL" if name[0] == "C" else "HOH", topology.add_chain())
        for symbol in name:
            topology.add_atom(symbol, mdtraj.element.get_by_symbol(symbol), residue)
    system = openmm.System()
    for number in range(10):
        system.addParticle(0.0 if 4 <= number < 7 else 12.0)
    beads = build_beads(MappingSettings(beads={"C": "name C"}), topology, "m")
    atoms = SystemAtoms.moving(topology, system, beads)
    assert groups_of(atoms, "whole").of_atom.tolist() == [0, 1, 2, 3, -1, -1, -1, 4, 4, 4]


def test_solvent_is_one_group_or_left_out():
    topology = mdtraj.Topology()
    chain = topology.add_chain()
    solute = topology.add_residue("ALA", chain)
    for name in ("C", "H"):
        topology.add_atom(name, mdtraj.element.get_by_symbol(name), solute)
    for _ in range(2):
        water = topology.add_residue("HOH", chain)
        for name in ("O", "H1", "H2"):
            topology.add_atom(name, mdtraj.element.get_by_symbol(name[0]), water)
    rigid = [(2, 3), (2, 4), (5, 6), (5, 7)]
    np.testing.assert_array_equal(
        groups_of(SystemAtoms.of(topology, rigid), "whole").of_atom, [0, 1] + 6 * [2]
    )
    alone = groups_of(SystemAtoms.of(topology, [(0, 1), *rigid]), "none")
    np.testing.assert_array_equal(alone.of_atom, [0, 0] + 6 * [-1])
    values = np.arange(48.0).reshape(2, 8, 3)
    np.testing.assert_array_equal(alone.sums(values)[0], values[:, :2].sum(axis=1))
