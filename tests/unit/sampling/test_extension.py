"""A longer campaign continues a finished or stopped shorter one, with the frames of one run."""

import dataclasses
import math
import os
import shutil
from pathlib import Path

import h5py
import mdtraj
import numpy as np
import openmm
import pytest
from openmm import app, unit

import torsion
from meanforce.errors import InputError, Stopped
from meanforce.jobs.sample import SampleJob
from meanforce.mapping.beads_file import MASSES, MappedSystem
from meanforce.mapping.configuration import build_beads
from meanforce.restart.bundle import read_bundle
from meanforce.restart.ended import ended_folder
from meanforce.restart.job import BUNDLE, Job, resumable
from meanforce.sampling.extension import Extension
from meanforce.sampling.one_job import SampleInputs, sample
from meanforce.settings.mappings import MappingSettings
from meanforce.systems.prepared import Prepared

BIASED = {"collective_variables": ["phi"]}
CAMPAIGNS = {
    "unbiased": {"kind": "unbiased"},
    "static": {"kind": "static", "formula": "-2*cos(phi)", **BIASED},
    "metadynamics": {
        "kind": "metadynamics", "height": 0.5, "width": [0.3], "pace": 0.25, "bias_factor": 5.0,
        "burn_in": 3.0, "walkers": 2, **BIASED,
    },
    "umbrella": {
        "kind": "umbrella", "force_constant": [50.0], "centers": [[-1.0], [0.5], [2.0]],
        "windows_per_job": 3, "pull": 1.0, **BIASED,
    },
    "replica_exchange": {
        "kind": "replica_exchange", "highest": 500.0, "levels": 3, "exchange_every": 0.4,
    },
}  # fmt: skip
PROTOCOL = torsion.PROTOCOL | {"equilibration": 2.0, "stride": 0.15}
SHORT, LONG = 20.0, 47.0
ANEW = "sampling starts anew"
DECIDED_BY_LENGTH = (
    "checked_frames", "checked_forces", "checked_bias_forces", "whole_positions", "whole_forces",
)  # fmt: skip


def job_of(kind: str, length: float, **changes) -> SampleJob:
    campaign = PROTOCOL | CAMPAIGNS[kind] | {"length": length} | changes
    biased = "collective_variables" in campaign
    return SampleJob.of(
        campaign=campaign, job=1, temperature=300.0, seed=5,
        collective_variables={"phi": torsion.PHI} if biased else {},
    )  # fmt: skip


@dataclasses.dataclass
class Place:
    """A folder with a prepared system, and what a job there reported."""

    folder: Path

    @property
    def trajectory(self) -> Path:
        return self.folder / "trajectory.h5"

    def run(self, job: SampleJob, code: str = "1", stop=lambda: None) -> list[str]:
        """As `sample.py` runs a job, after Snakemake has deleted its outputs."""
        self.trajectory.unlink(missing_ok=True)
        beads = self.folder.parent / "beads.json"
        biased = bool(job.campaign.biased_variables)
        inputs = SampleInputs(self.folder.parent / "prepared", beads=(beads,) if biased else ())
        lines: list[str] = []
        with resumable(self.trajectory, inputs.identity(job), interval=math.inf) as work:
            work.stop = stop
            extension = Extension(job.campaign, self.trajectory, code)
            extension.begin(work, lines.append)
            sample(job, inputs, 1, work, lines.append)
            extension.end(work, lines.append)
            (work.folder / "trajectory.h5").replace(self.trajectory)
        return lines


@pytest.fixture
def place(tmp_path):
    """Function that makes a place by its name."""
    prepared = torsion.molecule()
    prepared.write(tmp_path / "prepared")
    topology = mdtraj.Topology.from_openmm(prepared.topology)
    beads = build_beads(MappingSettings(beads={n: f"name {n}" for n in "ABCD"}), topology, "all")
    path = tmp_path / "beads.json"
    MappedSystem("all", topology.n_atoms, dict.fromkeys(MASSES, beads)).write(path)

    def make(name: str) -> Place:
        (tmp_path / name).mkdir()
        return Place(tmp_path / name)

    return make


def contents(path: Path) -> dict[str, np.ndarray | str]:
    """All arrays and attributes of an HDF5 file."""
    found = {}
    with h5py.File(path, "r") as file:
        file.visititems(
            lambda name, item: found.update({name: item[()]} if hasattr(item, "shape") else {})
        )
        found["settings"] = file["meanforce"].attrs["settings"]
    return found


def assert_same_run(one: Path, other: Path) -> None:
    """Bit for bit, but for which frames have in-run forces."""
    first, second = contents(one), contents(other)
    assert first.keys() == second.keys()
    for name in first.keys() - {f"meanforce/{name}" for name in DECIDED_BY_LENGTH}:
        assert np.array_equal(first[name], second[name]), name


@pytest.mark.parametrize("kind", CAMPAIGNS)
def test_longer_run_has_the_frames_of_one_run(place, kind):
    once, extended = place("once"), place("extended")
    once.run(job_of(kind, LONG))
    extended.run(job_of(kind, SHORT))
    n_short = len(contents(extended.trajectory)["time"])
    lines = extended.run(job_of(kind, LONG))
    assert "continuing a run with a length of 20 ps; the length is now 47 ps" in lines
    assert any("going on at 20" in line or "going on at 19.9" in line for line in lines)
    assert 0 < n_short < len(contents(once.trajectory)["time"])
    assert_same_run(once.trajectory, extended.trajectory)


def test_longer_run_of_which_the_solute_is_stored_has_the_frames_of_one_run(place, tmp_path):
    prepared = torsion.molecule()
    prepared.system.addParticle(16.0)
    water = openmm.CustomExternalForce("20*(x^2+y^2+z^2)")
    water.addParticle(4)
    prepared.system.addForce(water)
    residue = prepared.topology.addResidue("HOH", next(prepared.topology.chains()))
    prepared.topology.addAtom("O", app.Element.getBySymbol("O"), residue)
    positions = np.vstack([prepared.positions.value_in_unit(unit.nanometer), [0.5, 0.0, 0.0]])
    whole = Prepared(prepared.system, prepared.topology, positions * unit.nanometer)
    once, extended = place("once"), place("extended")
    whole.write(tmp_path / "prepared")
    once.run(job_of("unbiased", LONG, store="solute"))
    extended.run(job_of("unbiased", SHORT, store="solute"))
    lines = extended.run(job_of("unbiased", LONG, store="solute"))
    assert "continuing a run with a length of 20 ps; the length is now 47 ps" in lines
    assert contents(once.trajectory)["meanforce/forces"].shape[1:] == (4, 3)
    assert_same_run(once.trajectory, extended.trajectory)


def test_in_run_forces_cover_the_extension(place):
    """They are those of their frames in a run in one go, where it has them as well."""
    extended, once = place("extended"), place("once")
    for length in (SHORT, LONG):
        extended.run(job_of("static", length))
    once.run(job_of("static", LONG))
    first, second = contents(extended.trajectory), contents(once.trajectory)
    frames = [found["meanforce/checked_frames"] for found in (first, second)]
    assert frames[0][-1] >= frames[1][-1] > 0
    shared, ours, theirs = np.intersect1d(*frames, return_indices=True)
    assert len(shared) > 50
    for name in ("meanforce/checked_forces", "meanforce/checked_bias_forces"):
        assert np.array_equal(first[name][ours], second[name][theirs])


def test_run_can_be_extended_twice_and_stopped_in_between(place):
    once, extended = place("once"), place("extended")
    once.run(job_of("metadynamics", 2 * LONG))
    extended.run(job_of("metadynamics", SHORT))
    looks = iter(range(20))
    with pytest.raises(Stopped):
        extended.run(
            job_of("metadynamics", LONG),
            stop=lambda: None if next(looks, None) is not None else "test",
        )
    bundle = read_bundle(extended.folder / ".trajectory.h5.work" / BUNDLE)
    assert bundle.info["tick"] * 0.005 > SHORT
    # An unfinished run may become longer, too.
    lines = extended.run(job_of("metadynamics", 2 * LONG))
    assert any("continuing a run with a length of 47 ps" in line for line in lines)
    assert_same_run(once.trajectory, extended.trajectory)


def test_a_job_that_is_forced_to_run_again_starts_anew(place):
    here = place("here")
    here.run(job_of("unbiased", SHORT))
    before = contents(here.trajectory)
    lines = here.run(job_of("unbiased", SHORT))
    assert not any("going on" in line or "continuing" in line for line in lines)
    assert np.array_equal(contents(here.trajectory)["coordinates"], before["coordinates"])


def test_other_settings_start_anew_without_a_word(place):
    here = place("here")
    here.run(job_of("unbiased", SHORT))
    lines = here.run(job_of("unbiased", LONG, friction=6.0))
    assert not any("continu" in line for line in lines)


def test_changed_code_starts_anew_and_gives_the_reason(place):
    here = place("here")
    here.run(job_of("unbiased", SHORT), code="1")
    lines = here.run(job_of("unbiased", LONG), code="2")
    assert any(f"{ANEW}: the code of the program has changed since" in line for line in lines)
    assert not any("going on" in line for line in lines)


@pytest.mark.parametrize("name", ["coordinates", "meanforce/walker"])
def test_altered_frames_are_not_continued(place, name):
    here, once = place("here"), place("once")
    here.run(job_of("static", SHORT))
    with h5py.File(here.trajectory, "r+") as file:
        file[name][0] = file[name][1] + 1
    lines = here.run(job_of("static", LONG))
    assert any(ANEW in line and "was altered since it was written" in line for line in lines)
    once.run(job_of("static", LONG))
    assert_same_run(once.trajectory, here.trajectory)


def test_missing_frames_are_not_continued(place):
    here = place("here")
    here.run(job_of("unbiased", SHORT))
    (ended_folder(here.trajectory) / "trajectory.h5").unlink()
    lines = here.run(job_of("unbiased", LONG))
    assert any(ANEW in line for line in lines)


def test_last_state_takes_no_space_of_its_own(place):
    here = place("here")
    here.run(job_of("unbiased", SHORT))
    kept = ended_folder(here.trajectory) / "trajectory.h5"
    assert kept.samefile(here.trajectory)


def test_without_hard_links_the_run_reports_that_it_cannot_be_extended(place, monkeypatch):
    def refuse(*arguments):
        raise OSError("no links here")

    here = place("here")
    monkeypatch.setattr(os, "link", refuse)
    lines = here.run(job_of("unbiased", SHORT))
    assert any("no hard links" in line and "will start anew" in line for line in lines)
    assert sorted(path.name for path in here.folder.iterdir()) == ["trajectory.h5"]


def test_stopped_run_beyond_the_new_length_is_refused(place):
    here = place("here")
    looks = iter(range(60))
    with pytest.raises(Stopped):
        here.run(
            job_of("metadynamics", LONG),
            stop=lambda: None if next(looks, None) is not None else "test",
        )
    with pytest.raises(InputError, match=r"campaign.length was 47.0 and is 3.2"):
        here.run(job_of("metadynamics", 3.2))


def test_a_copied_folder_of_results_can_be_extended(place, tmp_path):
    """A copy has a trajectory of its own in place of the link."""
    here = place("here")
    here.run(job_of("unbiased", SHORT))
    shutil.copytree(here.folder, tmp_path / "copy")
    lines = Place(tmp_path / "copy").run(job_of("unbiased", LONG))
    assert any("continuing" in line for line in lines)


def test_jobs_without_a_kept_state_are_sampled_as_before(tmp_path):
    lines: list[str] = []
    job = job_of("unbiased", LONG)
    work = Job(tmp_path, {"settings": job.plain()})
    Extension(job.campaign, tmp_path / "trajectory.h5", "1").begin(work, lines.append)
    assert not lines and work.load() is None
