"""Which frames of which files are used, and how a trajectory's parts follow each other."""

import dataclasses

import numpy as np
import pytest
from existing_runs import imported, job, write
from MDAnalysis.lib.formats.libmdaxdr import TRRFile

from meanforce.data.forces import ForcesReader
from meanforce.data.trajectory import TrajectoryReader
from meanforce.errors import InputError


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


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_interval_counts_a_repeated_frame_once(alanine, run, tmp_path, stride):
    """Frame k has the time k·interval, also behind parts that begin with the frame before them.

    A stride takes frames of each part from its first one on, so it may use the repeated frame.
    """
    wrong = dataclasses.replace(run, times=np.zeros(60))
    parts = (range(26), range(25, 40), range(39, 60))
    files = [
        write(tmp_path / f"{n}.trr", wrong[part.start : part.stop]) for n, part in enumerate(parts)
    ]
    lines = imported(job(files, interval=0.1, stride=stride), alanine, tmp_path / "made")
    times, positions, forces = times_and_forces(tmp_path / "made")
    chosen = sorted({number for part in parts for number in part[::stride]})
    np.testing.assert_allclose(times, 0.1 * np.array(chosen))
    np.testing.assert_allclose(positions, run.positions[chosen], atol=2e-7)
    np.testing.assert_allclose(forces, run.forces[chosen], rtol=1e-6, atol=1e-3)
    if stride == 1:
        assert sum("repeats the last one before it" in line for line in lines) == 2


def sparse_trr(path, run, n_every: dict[str, int]) -> str:
    """Frames with positions and forces only in every n-th of them, as GROMACS may write them."""
    with TRRFile(str(path), "w") as file:
        for k, time in enumerate(run.times):
            x, f = (
                getattr(run, name)[k] if k % every == every - 1 else None
                for name, every in n_every.items()
            )
            file.write(x, None, f, np.zeros((3, 3), "f4"), k, time, 0.0, run.positions.shape[1])
    return str(path)


def test_frames_without_forces_do_not_matter_where_these_are_recomputed(alanine, run, tmp_path):
    path = sparse_trr(tmp_path / "run.trr", run, {"positions": 1, "forces": 3})
    imported(job([path], forces="recompute"), alanine, tmp_path / "made")
    with TrajectoryReader(tmp_path / "made" / "trajectory.h5") as frames:
        np.testing.assert_array_equal(frames.positions(slice(None)), run.positions)


def test_only_frames_that_are_used_need_forces(alanine, run, tmp_path):
    """Frame 0 has none; neither do frames before 'begin'."""
    path = sparse_trr(tmp_path / "run.trr", run, {"positions": 1, "forces": 30})
    later = dataclasses.replace(run[30:], times=run.times[30:])
    files = [path, write(tmp_path / "b.trr", later)]
    with pytest.raises(InputError, match=r"run\.trr: frame 0 has no forces.* 'begin' and 'end'"):
        imported(job(files), alanine, tmp_path / "made")
    imported(job([path], begin=0.58, end=0.58), alanine, tmp_path / "made")
    times, _, forces = times_and_forces(tmp_path / "made")
    np.testing.assert_allclose(times, [0.58], rtol=1e-6)
    np.testing.assert_array_equal(forces, run.forces[29:30])


def test_frames_without_positions_are_named(alanine, run, tmp_path):
    path = sparse_trr(tmp_path / "run.trr", run, {"positions": 2, "forces": 1})
    with pytest.raises(InputError, match=r"frame 0 has no positions, which the run wrote less"):
        imported(job([path]), alanine, tmp_path / "made")


def test_a_trr_file_without_any_forces(alanine, run, tmp_path):
    path = sparse_trr(tmp_path / "run.trr", run, {"positions": 1, "forces": 1000})
    with pytest.raises(InputError, match=r"run\.trr: has no forces, but the campaign has"):
        imported(job([path]), alanine, tmp_path / "made")
