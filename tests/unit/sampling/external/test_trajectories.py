"""Which frames of which files are used, and how a trajectory's parts follow each other."""

import dataclasses

import numpy as np
import pytest
from existing_runs import imported, job, write

from meanforce.data.forces import ForcesReader
from meanforce.data.trajectory import TrajectoryReader


def times_and_forces(folder) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    with (
        TrajectoryReader(folder / "trajectory.h5") as frames,
        ForcesReader(folder / "forces.h5") as forces,
    ):
        assert forces.n_frames == frames.n_frames
        return frames.times(), frames.positions(slice(None)), forces.forces(slice(None))


@pytest.mark.parametrize(
    ("changes", "chosen"),
    [
        ({}, range(60)),
        ({"stride": 7}, [*range(0, 25, 7), *range(25, 60, 7)]),
        ({"begin": 0.3, "end": 0.9}, range(15, 46)),
        ({"begin": 0.5, "stride": 2}, range(25, 60, 2)),
    ],
)
def test_parts_of_a_run_strides_and_ranges(alanine, run, tmp_path, changes, chosen):
    files = [write(tmp_path / "a.trr", run[:25]), write(tmp_path / "b.ncdf", run[25:], forces=True)]
    imported(job(files, **changes), alanine, tmp_path / "made")
    times, positions, forces = times_and_forces(tmp_path / "made")
    chosen = list(chosen)
    np.testing.assert_allclose(times, run.times[chosen], rtol=1e-6)
    np.testing.assert_allclose(positions, run.positions[chosen], atol=2e-7)
    np.testing.assert_allclose(forces, run.forces[chosen], rtol=1e-6, atol=1e-3)


def test_a_part_that_begins_with_the_last_frame_before_it(alanine, run, tmp_path):
    files = [write(tmp_path / "a.trr", run[:26]), write(tmp_path / "b.trr", run[25:])]
    lines = imported(job(files), alanine, tmp_path / "made")
    assert f"{files[1]}: its first frame repeats the last one before it" in lines
    np.testing.assert_allclose(times_and_forces(tmp_path / "made")[0], run.times, rtol=1e-6)


def test_a_part_with_only_the_last_frame_before_it(alanine, run, tmp_path):
    """As a restart leaves it that was killed at once."""
    parts = (run[:26], run[25:26], run[26:])
    files = [write(tmp_path / f"{n}.trr", part) for n, part in enumerate(parts)]
    imported(job(files), alanine, tmp_path / "made")
    np.testing.assert_allclose(times_and_forces(tmp_path / "made")[0], run.times, rtol=1e-6)


def test_interval_counts_over_all_files(alanine, run, tmp_path):
    wrong = dataclasses.replace(run, times=np.zeros(60))
    files = [write(tmp_path / "a.trr", wrong[:20]), write(tmp_path / "b.trr", wrong[20:])]
    imported(job(files, interval=0.1, stride=4, begin=1.0), alanine, tmp_path / "made")
    np.testing.assert_allclose(times_and_forces(tmp_path / "made")[0], 0.1 * np.arange(12, 60, 4))


def test_contents_do_not_depend_on_how_frames_are_cut_into_files(alanine, run, tmp_path):
    whole = [write(tmp_path / "run.trr", run)]
    parts = [write(tmp_path / f"{k}.trr", run[k : k + 20]) for k in (0, 20, 40)]
    found = []
    for number, files in enumerate((whole, parts)):
        imported(job(files), alanine, tmp_path / str(number))
        with TrajectoryReader(tmp_path / str(number) / "trajectory.h5") as frames:
            found.append(frames.attributes["content"])
    assert found[0] == found[1]


def test_many_files_are_not_open_at_once(alanine, run, tmp_path, monkeypatch):
    import meanforce.sampling.external.stream as stream

    monkeypatch.setattr(stream, "MOST_OPEN", 2)
    files = [write(tmp_path / f"{k}.trr", run[k : k + 10]) for k in range(0, 60, 10)]
    imported(job(files), alanine, tmp_path / "made")
    np.testing.assert_allclose(times_and_forces(tmp_path / "made")[0], run.times, rtol=1e-6)
