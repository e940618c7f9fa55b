"""Umbrella windows are pulled to their centres, and the log reports one that never got there."""

import math

import numpy as np
import openmm
import pytest
from interruptions import stopped_after, tampered
from openmm import app, unit

import torsion
from meanforce.core.beads import Beads
from meanforce.data.trajectory import TrajectoryReader
from meanforce.errors import InputError
from meanforce.restart.bundle import read_bundle
from meanforce.restart.job import BUNDLE
from meanforce.sampling.collective_variables import as_variable
from meanforce.sampling.engine import Engine
from meanforce.sampling.registry import dynamics_of
from meanforce.sampling.schedule import Schedule
from meanforce.sampling.task import Host, Task
from meanforce.settings.campaigns.umbrella import UmbrellaSettings
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.load import load_config
from meanforce.systems.prepared import Prepared

INTERNAL = {"internal": True}
STIFF = 300.0


def windows(**changes) -> UmbrellaSettings:
    values = {
        "kind": "umbrella", "collective_variables": ["phi"], "force_constant": [STIFF],
        "rows": [{"first": -2.8, "last": 2.8, "number": 8}], "windows_per_job": 8,
        "length": 5.0, "equilibration": 1.0, "pull": 10.0,
    }  # fmt: skip
    return UmbrellaSettings.model_validate(torsion.PROTOCOL | values | changes, context=INTERNAL)


def starting_phi() -> float:
    positions = torsion.molecule().positions.value_in_unit(unit.nanometer)
    return float(torsion.dihedral(np.array([positions], dtype=np.float32))[0])


def centers_on_the_way(campaign, folder) -> tuple[list[list[float]], list[str]]:
    """Centres of the first window at each step of the pull; and the lines of the log."""
    engine, job = torsion.make_engine(campaign, folder)
    lines, found = [], []
    engine._report = lines.append
    contexts = engine._dynamics._contexts
    move = engine._dynamics.pull

    def pull(fraction: float) -> None:
        move(fraction)
        found.append([context.getParameter("center0") for context in contexts])

    engine._dynamics.pull = pull
    found.append([context.getParameter("center0") for context in contexts])
    engine.run(job.load(), *(folder / name for name in ("t.h5", "l.csv", "s.csv")))
    return found, lines


def test_centers_move_evenly_along_the_shorter_way(tmp_path):
    campaign = windows()
    found, lines = centers_on_the_way(campaign, tmp_path / "a")
    found, start = np.array(found), starting_phi()
    assert found.shape == (201, 8)
    np.testing.assert_allclose(found[0], start, atol=1e-5)
    ends = np.array(campaign.windows())[:, 0]
    np.testing.assert_array_equal(found[-1], ends)
    way = (ends - start + math.pi) % (2 * math.pi) - math.pi
    # The last step may end where the centre belongs, a turn from where it came.
    steps = (np.diff(found, axis=0) + math.pi) % (2 * math.pi) - math.pi
    np.testing.assert_allclose(steps, np.broadcast_to(way / 200, (200, 8)), atol=1e-5)
    assert not any(line.startswith("warning") for line in lines)
    with TrajectoryReader(tmp_path / "a" / "t.h5") as frames:
        assert frames.n_frames == 8 * 50
        # Its own time: neither pull nor equilibration count.
        np.testing.assert_allclose(np.unique(frames.times()), 0.1 * np.arange(1, 51))
        phi, own = frames.array("variables")[:, 0], ends[frames.array("walker")]
    apart = (phi - own + math.pi) % (2 * math.pi) - math.pi
    # kT/k = 0.09², and the torsion pulls by at most 4/300.
    assert np.abs(apart).max() < 0.6
    assert np.sqrt((apart**2).mean()) == pytest.approx(math.sqrt(2.494 / STIFF), rel=0.2)


def test_without_a_pull_copies_are_torn_to_their_places(tmp_path):
    """Without the pull, the farthest window starts with 8 times the energy that it may have."""
    energies = []
    for pull in (0.0, 10.0):
        engine, _ = torsion.make_engine(windows(pull=pull), tmp_path / str(pull))
        energies.append(engine._dynamics.potential_energies().max())
    assert energies[0] > 800.0
    assert energies[1] < 100.0


@pytest.mark.parametrize("stretches", [3, 12, 30])
def test_a_killed_pull_goes_on_bit_by_bit(tmp_path, stretches):
    campaign = windows(length=2.0)
    whole = torsion.run(campaign, tmp_path / "whole")
    engine, job = torsion.make_engine(campaign, tmp_path / "parts")
    job.interval = 0.0
    stopped_after(engine, job, tmp_path / "parts", stretches)
    bundle = read_bundle(tmp_path / "parts" / BUNDLE)
    schedule = Schedule.of(campaign)
    assert 0 < bundle.info["tick"] < schedule.pull
    centers = np.array(campaign.windows())
    assert np.abs(bundle.arrays["bias_centers"] - centers).max() > 0.01
    again = torsion.run(campaign, tmp_path / "parts")
    np.testing.assert_array_equal(again.array("bias_energy"), whole.array("bias_energy"))
    ours, theirs = (frames.positions(slice(None)) for frames in (again, whole))
    np.testing.assert_array_equal(ours, theirs)


def test_on_another_machine_a_pull_goes_on_where_it_was(tmp_path):
    campaign = windows(length=2.0)
    engine, job = torsion.make_engine(campaign, tmp_path)
    job.interval = 0.0
    stopped_after(engine, job, tmp_path, 12)
    tampered(tmp_path, lambda arrays, info: info.update(made_on="OpenMM 1, CUDA"))
    # The energies of the bundle, bias included, are checked on loading.
    frames = torsion.run(campaign, tmp_path)
    assert frames.n_frames == 8 * 20


def double_well() -> Prepared:
    """A particle in a double well along y that is 200 kJ/mol high, and softly along x and z."""
    system = openmm.System()
    system.addParticle(20.0)
    force = openmm.CustomExternalForce("200*((y/0.5)^2-1)^2+500*(x^2+z^2)")
    force.addParticle(0)
    system.addForce(force)
    topology = app.Topology()
    residue = topology.addResidue("ONE", topology.addChain())
    topology.addAtom("A", app.Element.getBySymbol("C"), residue)
    return Prepared(system, topology, np.array([[0.0, -0.5, 0.0]]) * unit.nanometer)


def lines_of(folder, **changes) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The log, windows and values of two windows in y, one in each well."""
    y = CollectiveVariableSettings(kind="coordinate", mapping="all", beads=["A"], axis="y")
    beads = Beads.of_beads(
        names=("A",), atoms=((0,),), weights=((1.0,),), bonds=(), masses=np.ones(1)
    )
    campaign = windows(rows=None, centers=[[-0.5], [0.5]], **changes)
    prepared = double_well()
    task = Task(campaign, {"phi": as_variable(y, beads, "y")}, 300.0, 1)
    job, lines = torsion.job_in(folder), []
    engine = Engine(
        dynamics_of(task, Host(prepared)), campaign, 300.0, prepared.topology, job, lines.append
    )
    engine.run(job.load(), *(folder / name for name in ("t.h5", "l.csv", "s.csv")))
    with TrajectoryReader(folder / "t.h5") as frames:
        return lines, frames.array("walker"), frames.array("variables")[:, 0]


def test_a_window_that_never_reached_its_centre_is_told(tmp_path):
    # A spring that is too soft for the barrier.
    lines, walker, y = lines_of(tmp_path / "soft", force_constant=[150.0])
    assert y[walker == 1].max() < 0.0
    warnings = [line for line in lines if line.startswith("warning")]
    assert len(warnings) == 1
    assert "window 1 at (0.5) never reached its centre" in warnings[0]
    # √(kT/k) = 0.129 nm; the closest frame's distance is in the line.
    closest = (0.5 - y[walker == 1].max()) / math.sqrt(2.494 / 150.0)
    assert f"the closest {closest:.1f};" in warnings[0]
    lines, walker, y = lines_of(tmp_path / "stiff", force_constant=[3000.0])
    assert y[walker == 1].min() > 0.0
    assert not any(line.startswith("warning") for line in lines)


def test_a_slope_is_no_reason_to_warn(tmp_path):
    """Windows on the flank are a width and more from their centres, and reach them all the same."""
    campaign = windows(
        centers=[[0.25], [0.3]], rows=None, force_constant=[60.0], length=40.0, pull=5.0
    )
    found, lines = centers_on_the_way(campaign, tmp_path / "a")
    assert not any(line.startswith("warning") for line in lines)
    assert len(found) == 201


def test_settings_of_the_pull(config):
    campaigns = config["campaigns"]["capped_alanine"]
    campaigns["windows"] = campaigns["unbiased"] | {
        "kind": "umbrella", "collective_variables": ["phi"], "centers": [["1 rad"]],
        "force_constant": ["100 kJ/mol/rad^2"],
    }  # fmt: skip
    chosen = load_config(config).campaigns["capped_alanine"]["windows"]
    assert chosen.pull == 20.0
    schedule = Schedule.of(chosen)
    before = round((20.0 + chosen.equilibration) / chosen.time_step)
    assert (schedule.equilibration, schedule.pull) == (before, round(20.0 / chosen.time_step))
    campaigns["windows"]["pull"] = "0.1 fs"
    with pytest.raises(InputError, match=r"windows\.pull: is shorter than one time_step"):
        load_config(config)
