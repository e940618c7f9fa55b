"""Metadynamics outside its grid: ends are suggested, and a run that leaves them ends."""

import math

import numpy as np
import openmm
import pytest
from two_particles import pair

import torsion
from meanforce.core.beads import Beads
from meanforce.data.trajectory import TrajectoryReader
from meanforce.errors import InputError, Stopped
from meanforce.sampling import metadynamics
from meanforce.sampling.grid import BiasGrid
from meanforce.settings.campaigns.metadynamics import MetadynamicsSettings
from meanforce.settings.collective_variables import CollectiveVariableSettings

DISTANCE = CollectiveVariableSettings(kind="distance", mapping="all", beads=["A", "B"])
BEADS = Beads.of_beads(
    names=("A", "B"), atoms=((0,), (1,)), weights=((1.0,), (1.0,)), bonds=(),
    masses=np.full(2, 20.0),
)  # fmt: skip


def campaign(lower: float, upper: float, **changes) -> MetadynamicsSettings:
    values = {
        "kind": "metadynamics", "collective_variables": ["d"], "height": 1.0, "width": [0.04],
        "pace": 0.25, "bias_factor": 10.0, "burn_in": 10.0, "lower": [lower], "upper": [upper],
        "length": 150.0,
    }  # fmt: skip
    return MetadynamicsSettings.model_validate(
        torsion.PROTOCOL | values | changes, context={"internal": True}
    )


@pytest.fixture
def engine_of(monkeypatch):
    monkeypatch.setattr(torsion, "PHI", DISTANCE)
    monkeypatch.setattr(torsion, "BEADS", BEADS)

    def make(settings, folder):
        return torsion.make_engine(settings, folder, system=pair())

    return make


def files(folder):
    return [folder / name for name in ("t.h5", "l.csv", "s.csv")]


def test_a_run_that_leaves_its_grid_ends_also_after_a_restart(tmp_path, engine_of, monkeypatch):
    """The bias drives the pair into the second well, beyond the end of the grid."""
    settings = campaign(0.25, 0.5)
    engine, _ = engine_of(settings, tmp_path / "whole")
    with pytest.raises(InputError) as whole:
        engine.run(None, *files(tmp_path / "whole"))
    text = str(whole.value)
    assert "the run has left the grid of the bias" in text
    assert "'d' was from 0." in text
    assert "but its grid is from 0.25 to 0.5 nm" in text
    engine, job = engine_of(settings, tmp_path / "parts")
    saved = []

    def stop_once(arrays, info, save=job.save):
        save(arrays, info)
        saved.append(info["tick"])
        # The second bundle comes after some hills.
        if len(saved) == 2:
            raise Stopped("stopped")

    monkeypatch.setattr(job, "save", stop_once)
    monkeypatch.setattr(job, "due", lambda: engine._tick > 4000)
    with pytest.raises(Stopped):
        engine.run(None, *files(tmp_path / "parts"))
    engine, job = engine_of(settings, tmp_path / "parts")
    bundle = job.load()
    assert len(bundle.arrays["bias_hills"]) > 5
    with pytest.raises(InputError) as parts:
        engine.run(bundle, *files(tmp_path / "parts"))
    assert str(parts.value) == text


def test_short_ways_beyond_an_end_are_reported(tmp_path, engine_of):
    """A grid that contains both wells, though not all of the second."""
    engine, _ = engine_of(campaign(0.25, 0.84, height=0.5), tmp_path)
    lines = []
    engine._report = lines.append
    engine.run(None, *files(tmp_path))
    warnings = [line for line in lines if "outside the grid" in line]
    assert len(warnings) == 1
    assert "% of the hills" in warnings[0]
    assert "its grid is from 0.25 to 0.84 nm" in warnings[0]
    with TrajectoryReader(tmp_path / "t.h5") as trajectory:
        outside, hills = trajectory.hills_outside()
    assert f"{outside / hills:.1%} of the hills" in warnings[0]
    assert hills == len(engine._dynamics._bias.hills) and 0 < outside <= 100


@pytest.mark.parametrize(
    ("outside", "hills", "ends"),
    [(100, 1000, False), (101, 1000, True), (101, 150, True), (140, 1500, False)],
)
def test_a_tenth_of_the_latest_hills_may_be_outside(outside, hills, ends):
    """Hills outside are spread evenly; only those among the latest 1000 count."""
    variables = (torsion.as_variable(DISTANCE, BEADS, "v"),)
    bias = metadynamics.WellTempered(campaign(0.25, 0.5), variables, 300.0)
    beyond = set(np.linspace(0, hills - 1, outside).astype(int).tolist())
    places = [0.6 if number in beyond else 0.3 for number in range(hills)]
    bias.hills = [
        (0.25 * number, metadynamics.OWN, 0, place, 1.0, 0.0) for number, place in enumerate(places)
    ]
    if ends:
        with pytest.raises(InputError, match=rf"{outside} of its latest {hills} hills"):
            bias._refuse_to_go_on_outside(1)
    else:
        bias._refuse_to_go_on_outside(1)


def test_which_values_are_outside():
    system = openmm.System()
    system.addParticle(1.0)
    kinds = [True, False]
    variables = tuple(
        torsion.as_variable(torsion.PHI if periodic else DISTANCE, beads, "v")
        for periodic, beads in zip(kinds, (torsion.BEADS, BEADS), strict=True)
    )
    grid = BiasGrid(variables, [-math.pi, 0.2], [math.pi, 1.0], [20, 20])
    found = grid.outside(np.array([[3.2, 0.5], [0.0, 0.19], [0.0, 1.01], [0.0, 1.0]]))
    assert found.tolist() == [[False, False], [False, True], [False, True], [False, False]]
