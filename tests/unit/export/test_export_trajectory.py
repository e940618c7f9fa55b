"""Atomistic trajectories as TRR and COLVAR files."""

import sys

import numpy as np
import pytest
from MDAnalysis.coordinates.TRR import TRRReader

import export_trajectory
import torsion
from meanforce.data.forces import ForcesReader
from meanforce.data.trajectory import TrajectoryReader
from meanforce.sampling.recompute import recompute
from meanforce.settings.campaigns.unbiased import UnbiasedSettings
from meanforce.settings.job import validated
from meanforce.units import kt

PLAIN = torsion.PROTOCOL | {"kind": "unbiased", "length": 2.0}


@pytest.fixture(scope="module")
def sampled(tmp_path_factory):
    """Folder of a biased run with its forces, and of an unbiased one."""
    folder = tmp_path_factory.mktemp("sampled")
    for name, campaign in (
        ("biased", torsion.metadynamics(length=130.0)),
        ("plain", validated(UnbiasedSettings, PLAIN, "campaign")),
    ):
        (folder / name).mkdir()
        torsion.run(campaign, folder / name).__exit__()
    place = folder / "biased"
    work = torsion.job_in(folder / "f")
    molecule = torsion.molecule()
    recompute(molecule, place / "trajectory.h5", place / "forces.h5", 1, work, print)
    return folder


def run(monkeypatch, *arguments) -> None:
    monkeypatch.setattr(sys, "argv", ["export_trajectory.py", *map(str, arguments)])
    export_trajectory.main()


def test_files_have_the_frames_forces_and_weights(sampled, tmp_path, monkeypatch):
    place = sampled / "biased"
    run(
        monkeypatch, "--trajectory", place / "trajectory.h5", "--forces", place / "forces.h5",
        "--output", tmp_path / "run.trr", "--colvar", tmp_path / "COLVAR", "--variables", "phi",
    )  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == ["COLVAR", "run.trr"]
    head, *_ = (tmp_path / "COLVAR").read_text().splitlines()
    assert head == "#! FIELDS time phi bias rbias"
    table = np.loadtxt(tmp_path / "COLVAR")
    with (
        TrajectoryReader(place / "trajectory.h5") as frames,
        ForcesReader(place / "forces.h5") as forces,
        TRRReader(str(tmp_path / "run.trr")) as read,
    ):
        assert len(read) == frames.n_frames == len(table) > 100
        positions = 0.1 * np.array([step.positions.copy() for step in read])
        np.testing.assert_allclose(positions, frames.positions(slice(None)), rtol=1e-6, atol=1e-8)
        found = 10.0 * np.array([step.forces.copy() for step in read])
        np.testing.assert_allclose(found, forces.forces(slice(None)), rtol=1e-6)
        times = [step.time for step in read]
        np.testing.assert_allclose(times, frames.times(), rtol=1e-6)
        np.testing.assert_allclose(table[:, 0], frames.times(), rtol=1e-9)
        np.testing.assert_allclose(table[:, 1:2], frames.array("variables"), rtol=1e-9)
        np.testing.assert_allclose(table[:, 2], frames.array("bias_energy"), rtol=1e-9)
        weights = frames.array("log_weight")
        np.testing.assert_allclose(table[:, 3], kt(300.0) * weights, rtol=1e-9)
        assert np.ptp(weights) > 1


@pytest.mark.parametrize(
    ("run_of", "arguments", "message"),
    [
        ("biased", ["--colvar", "C", "--variables", "phi", "psi"], "--variables: 2 names"),
        ("biased", ["--colvar", "C"], "--variables: 0 names are given, but"),
        ("plain", ["--colvar", "C", "--variables", "phi"], "--colvar: the trajectory has no bias"),
        ("plain", ["--forces", "{}/biased/forces.h5"], "--forces: are those of another"),
        ("plain", ["--output", "run.xtc"], "'run.xtc' does not end with .trr"),
        ("nothing", [], "nothing/trajectory.h5: there is no such file"),
    ],
)
def test_bad_input(sampled, tmp_path, monkeypatch, run_of, arguments, message):
    monkeypatch.chdir(tmp_path)
    given = [one.format(sampled) for one in arguments]
    with pytest.raises(SystemExit) as ended:
        run(
            monkeypatch, "--trajectory", sampled / run_of / "trajectory.h5", "--output", "run.trr",
            *given,
        )  # fmt: skip
    assert message in str(ended.value)
    assert not list(tmp_path.glob("*.trr")) and not (tmp_path / "C").exists()


def test_walkers_in_turn_are_refused(tmp_path, monkeypatch):
    torsion.run(torsion.metadynamics(length=110.0, walkers=2), tmp_path).__exit__()
    with pytest.raises(SystemExit, match="several walkers in turn"):
        run(monkeypatch, "--trajectory", tmp_path / "trajectory.h5", "--output", tmp_path / "x.trr")


def test_what_is_there_is_not_overwritten(sampled, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.trr").write_text("mine")
    with pytest.raises(SystemExit, match=r"error: x.trr: already exists"):
        run(monkeypatch, "--trajectory", sampled / "plain" / "trajectory.h5", "--output", "x.trr")
    assert (tmp_path / "x.trr").read_text() == "mine"
