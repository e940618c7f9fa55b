"""Positions that a program rounded before it wrote them in a format with all digits."""

import dataclasses

import numpy as np
import pytest
from existing_runs import imported, job, write

from meanforce.errors import InputError
from meanforce.sampling.external.rounded import rounding

MESSAGE = r"positions that are rounded to 0\.001 nm, which is too coarse for recomputing forces"


def rounded(run, digits: int = 3, unit: float = 1.0):
    """A run after XTC, or another format with so many digits of a unit of length."""
    positions = (unit * np.round(run.positions / unit, digits)).astype("f4")
    return dataclasses.replace(run, positions=positions)


def written(tmp_path, kind, run) -> tuple[str, dict]:
    """A file, and what the trajectory needs beside it."""
    if kind == "npz":
        np.savez(tmp_path / "run.npz", positions=run.positions, forces=run.forces, time=run.times)
        return str(tmp_path / "run.npz"), {}
    if kind == "dump":
        with (tmp_path / "run.dump").open("w") as file:
            for number, frame in enumerate(run.positions):
                file.write(f"ITEM: TIMESTEP\n{number}\nITEM: NUMBER OF ATOMS\n{len(frame)}\n")
                file.write("ITEM: BOX BOUNDS pp pp pp\n" + "0 90\n" * 3)
                file.write("ITEM: ATOMS id type x y z\n")
                for atom, place in enumerate(10.0 * frame):
                    file.write(f"{atom + 1} 1 {place[0]:.8g} {place[1]:.8g} {place[2]:.8g}\n")
        return str(tmp_path / "run.dump"), {"units": "real", "time_step": 0.002}
    return write(tmp_path / f"run.{kind}", run), {}


@pytest.mark.parametrize("kind", ["trr", "npz", "dump", "dcd", "ncdf"])
def test_rounded_positions_are_refused_where_forces_are_recomputed(alanine, run, tmp_path, kind):
    file, keys = written(tmp_path, kind, rounded(run))
    with pytest.raises(InputError, match=MESSAGE) as error:
        imported(job([file], forces="recompute", **keys), alanine, tmp_path / "made")
    assert "\n" not in str(error.value)
    file, keys = written(tmp_path, kind, run)
    lines = imported(job([file], forces="recompute", **keys), alanine, tmp_path / "made")
    assert not [line for line in lines if "rounded" in line]


def test_rounded_positions_are_a_warning_where_forces_are_in_the_file(alanine, run, tmp_path):
    file = write(tmp_path / "run.trr", rounded(run))
    lines = imported(job([file], disagreement="warn"), alanine, tmp_path / "made")
    assert sum(line.startswith(f"warning: {file}: positions are rounded") for line in lines) == 1


def test_a_rounded_file_after_one_with_all_digits(alanine, run, tmp_path):
    """And one that is shorter than the frames that are looked at."""
    files = [
        write(tmp_path / "a.trr", run[:52]),
        write(tmp_path / "b.trr", rounded(run[52:])),
    ]
    with pytest.raises(InputError, match=rf"b\.trr: has {MESSAGE}"):
        imported(job(files, forces="recompute"), alanine, tmp_path / "made")


@pytest.mark.parametrize("shift", [0.0, 0.12345678])
@pytest.mark.parametrize(("digits", "unit"), [(3, 1.0), (2, 0.1), (2, 1.0), (3, 0.34)])
def test_grids_are_found_after_a_shift(run, digits, unit, shift):
    found = rounding(rounded(run, digits, unit).positions + np.float32(shift), unit)
    assert found == pytest.approx(unit * 10.0**-digits)


@pytest.mark.parametrize(("digits", "unit"), [(4, 1.0), (3, 0.1), (5, 1.0)])
def test_grids_that_are_fine_enough_are_none(run, digits, unit):
    assert rounding(rounded(run, digits, unit).positions, unit) is None


def test_molecules_made_whole_in_a_box_off_the_grid(run):
    """Parts of a molecule that a box had cut lie off the grid of the others."""
    positions = rounded(run).positions.copy()
    positions[:, ::2, 0] += np.float32(3.1234567)
    assert rounding(positions, 1.0) == pytest.approx(1e-3)


def test_no_grid_in_random_numbers():
    """2000 times; by chance half of 108 numbers would have to be within 5e-6 nm of a grid."""
    rng = np.random.default_rng(3)
    for size in (1.0, 5.0, 40.0, 300.0):
        for _ in range(500):
            positions = rng.uniform(-size, size, (3, 12, 3)).astype("f4")
            assert rounding(positions, 0.1) is None


def test_walls_and_planes_are_not_looked_at():
    rng = np.random.default_rng(4)
    positions = rng.normal(0.0, 1.0, (50, 8, 3)).astype("f4")
    positions[:, :, 2] = 0.0
    positions[:, :6] = np.round(positions[:1, :6], 2)
    assert rounding(positions, 1.0) is None
    positions[:, 6:] = np.round(positions[:, 6:], 3)
    assert rounding(positions, 1.0) == pytest.approx(1e-3)
