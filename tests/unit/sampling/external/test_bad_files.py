"""What is wrong with files of a user is named in one sentence."""

import dataclasses

import numpy as np
import pytest
from existing_runs import Run, imported, job, write
from MDAnalysis.lib.formats.libmdaxdr import XTCFile

from meanforce.data.trajectory import TrajectoryReader
from meanforce.errors import InputError


def refused(message: str, files, folder, tmp_path, **changes) -> None:
    with pytest.raises(InputError, match=message) as error:
        imported(job([str(file) for file in files], **changes), folder, tmp_path / "made")
    assert "\n" not in str(error.value)


def test_forces_are_missing(alanine, run, tmp_path):
    files = [write(tmp_path / "run.ncdf", run, forces=False)]
    refused("has no forces, but the campaign has 'forces: file'", files, alanine, tmp_path)


def test_another_number_of_atoms(alanine, run, tmp_path):
    fewer = Run(run.positions[:, 1:], run.forces[:, 1:], run.times)
    files = [write(tmp_path / "run.trr", fewer)]
    refused("has 21 atoms, but the system has 22", files, alanine, tmp_path)


@pytest.mark.parametrize("what", ["positions", "forces"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite(alanine, run, tmp_path, what, value):
    values = getattr(run, what).copy()
    values[41, 3, 1] = value
    files = [write(tmp_path / "run.trr", dataclasses.replace(run, **{what: values}))]
    message = rf"run\.trr: frame 41 has {what} that are not finite"
    refused(message, files, alanine, tmp_path)
    if what == "forces":
        # Where they are recomputed, those of the file do not matter.
        imported(job(files, forces="recompute"), alanine, tmp_path / "made")


def test_a_file_that_was_cut_short_and_what_is_left_of_it(alanine, run, tmp_path):
    path = tmp_path / "run.trr"
    write(path, run)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.62)])
    message = r"frame 37 cannot be read .* frames 0 to 36 are good; set the trajectory's 'end'"
    refused(message, [path], alanine, tmp_path)
    imported(job([str(path)], end=float(run.times[36])), alanine, tmp_path / "made")
    with TrajectoryReader(tmp_path / "made" / "trajectory.h5") as frames:
        assert frames.n_frames == 37


def test_times_that_repeat_or_go_back(alanine, run, tmp_path):
    for value, message in ((0.4, "which repeats the time 0.4 ps"), (0.1, "which is not after")):
        times = run.times.copy()
        times[21] = value
        files = [write(tmp_path / "run.trr", dataclasses.replace(run, times=times))]
        refused(rf"frame 21 has the time {value} ps, {message}", files, alanine, tmp_path)
    files = [write(tmp_path / "b.trr", run[30:]), write(tmp_path / "a.trr", run[:30])]
    refused(r"a\.trr: frame 0 has the time 0 ps, which is not after", files, alanine, tmp_path)


@pytest.mark.parametrize("value", [np.inf, np.nan])
@pytest.mark.parametrize("frame", [0, 59])
def test_times_that_are_not_finite(alanine, run, tmp_path, value, frame):
    times = run.times.copy()
    times[frame] = value
    files = [write(tmp_path / "run.trr", dataclasses.replace(run, times=times))]
    refused(f"frame {frame} has a time that is not a finite number", files, alanine, tmp_path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"positions": lambda x: x + 0.001j}, r"'positions' is of type complex\d+, not of real"),
        ({"forces": lambda x: x.astype("c8")}, r"'forces' is of type complex64, not of real"),
        (
            {"time": lambda x: np.array([(t,) for t in x], [("t", "f8")])},
            r"'time' is of type .*'t'.*, not of real numbers",
        ),
        ({"time": lambda x: x.astype("S8")}, r"'time' is of type \|S8, not of real numbers"),
        ({"positions": np.asfortranarray}, r"Fortran's order.* numpy\.ascontiguousarray"),
    ],
)
def test_arrays_of_other_types(alanine, run, tmp_path, changed, message):
    arrays = {"positions": run.positions, "forces": run.forces, "time": run.times}
    arrays |= {name: change(arrays[name]) for name, change in changed.items()}
    np.savez(tmp_path / "run.npz", **arrays)
    refused(message, [tmp_path / "run.npz"], alanine, tmp_path)


def test_a_folder_in_place_of_a_file(alanine, tmp_path):
    (tmp_path / "run.trr").mkdir()
    refused(r"run\.trr: is a folder, not a file", [tmp_path / "run.trr"], alanine, tmp_path)


def test_times_that_are_missing(alanine, run, tmp_path):
    path = tmp_path / "run.npz"
    np.savez(path, positions=run.positions, forces=run.forces)
    refused("has no times; give .* 'interval'", [path], alanine, tmp_path)
    imported(job([str(path)], interval=0.5), alanine, tmp_path / "made")
    with TrajectoryReader(tmp_path / "made" / "trajectory.h5") as frames:
        np.testing.assert_allclose(frames.times(), 0.5 * np.arange(60))


def test_a_range_without_frames(alanine, run, tmp_path):
    files = [write(tmp_path / "run.trr", run)]
    message = r"no frame is left from 100 ps to the end; the last frame that was read has 1\.18 ps"
    refused(message, files, alanine, tmp_path, begin=100.0)


def test_positions_that_are_rounded(alanine, run, tmp_path):
    path = tmp_path / "run.xtc"
    for precision in (1000, 100000):
        with XTCFile(str(path), "w") as file:
            for number, x in enumerate(run.positions):
                file.write(x, np.eye(3, dtype="f4"), number, run.times[number], precision)
        if precision == 1000:
            message = r"rounded to 0\.001 nm, which is too coarse for recomputing forces"
            refused(message, [path], alanine, tmp_path, forces="recompute")
    lines = imported(job([str(path)], forces="recompute"), alanine, tmp_path / "made")
    assert f"{path}: positions are rounded to 1e-05 nm" in lines


@pytest.mark.parametrize(
    ("factor", "message"),
    [
        (1 / 4.184, r"multiplied by 4\.184 \(kcal/mol instead of kJ/mol\), they would agree"),
        (1 / 41.84, r"multiplied by 41\.84 \(kcal/mol/Å instead of kJ/mol/nm\)"),
        (0.1, r"multiplied by 10 \(1/Å instead of 1/nm\)"),
        (10.0, r"multiplied by 0\.1 \(converted once too often, as if they were in 1/Å"),
        (-1.0, r"multiplied by -1 \(gradients instead of forces\)"),
        (0.5, r"multiplied by 2, they would agree"),
    ],
)
def test_forces_in_other_units(alanine, run, tmp_path, factor, message):
    other = dataclasses.replace(run, forces=(factor * run.forces).astype("f4"))
    files = [write(tmp_path / "run.trr", other)]
    refused(message, files, alanine, tmp_path)
    lines = imported(job(files, disagreement="warn"), alanine, tmp_path / "made")
    assert [line for line in lines if line.startswith("warning: ") and "multiplied by" in line]


def test_forces_that_no_factor_mends(alanine, run, tmp_path):
    """A restraint on one atom, and forces of the frame before."""
    forces = run.forces.copy()
    forces[:, 5, 0] += 800.0
    files = [write(tmp_path / "run.trr", dataclasses.replace(run, forces=forces))]
    refused("no factor mends it", files, alanine, tmp_path)
    shifted = dataclasses.replace(run, forces=np.roll(run.forces, 1, axis=0))
    files = [write(tmp_path / "run.trr", shifted)]
    refused("no factor mends it: .* positions of other frames", files, alanine, tmp_path)


def test_an_unknown_kind_of_archive(alanine, run, tmp_path):
    path = tmp_path / "run.npz"
    np.savez(path, positions=np.array([object()] * 3))
    refused("holds Python objects, a pickle, which is never opened", [path], alanine, tmp_path)
