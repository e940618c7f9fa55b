"""Starts of CG runs of several molecules: from data of one box, spread along nearest images."""

import numpy as np
import pytest
from potential_examples import terms
from two_molecules import BETWEEN, BOX, ONE, TWO, apart, frames, write

from meanforce.dynamics.one_run import run_of
from meanforce.dynamics.starts import spread_starts
from meanforce.errors import InputError
from meanforce.jobs.simulate import SimulateJob

SIMULATION = {
    "chains": 12, "time_step": 0.0005, "friction": 1.0, "equilibration": 0.0, "length": 0.005,
    "until": None, "stride": 0.001, "device": "cpu", "compile": "never",
}  # fmt: skip


def job(temperature: float, windows=None) -> SimulateJob:
    return SimulateJob.of(
        simulation=SIMULATION,
        windows=windows,
        temperature=temperature,
        surface=["x"],
        collective_variables={"x": BETWEEN.model_dump()},
        seed=1,
    )


def run(paths: list, temperature: float, molecule=TWO, windows=None):
    return run_of(job(temperature, windows), terms("spline", 1, molecule), paths).starts


def frames_of(starts: np.ndarray, positions: np.ndarray) -> list[int]:
    """Number of the frame that each start is; fails where one is none of them."""
    same = (starts[:, None] == positions.astype(np.float32)[None]).all(axis=(2, 3))
    assert same.any(axis=1).all()
    return same.argmax(axis=1).tolist()


def test_starts_are_spread_along_variables_of_nearest_images(tmp_path):
    whole, moved = frames(300), apart(frames(300))
    rng = np.random.default_rng(1)
    chosen = spread_starts(whole.astype(np.float32), [BETWEEN], list(TWO.names), 12, rng)
    found = run([write(tmp_path / "data.h5", moved)], 300.0)
    assert frames_of(found.positions, moved) == frames_of(chosen, whole)


@pytest.fixture
def densities(tmp_path):
    """Datasets at 300 and 400 K, twice each, the hot ones in a larger box; and their frames."""
    positions = [frames(50, seed) for seed in range(4)]
    boxes = [BOX, 1.1 * BOX, 1.1 * BOX, BOX]
    paths = [
        write(tmp_path / f"{n}.h5", one, box=box, temperature=300.0 if box is BOX else 400.0)
        for n, (one, box) in enumerate(zip(positions, boxes, strict=True))
    ]
    return paths, positions


@pytest.mark.parametrize(("temperature", "own"), [(300.0, (0, 3)), (400.0, (1, 2))])
def test_a_run_has_the_box_and_the_starts_of_its_own_temperature(densities, temperature, own):
    paths, positions = densities
    starts = run(paths, temperature)
    np.testing.assert_array_equal(starts.cell, BOX if temperature == 300.0 else 1.1 * BOX)
    numbers = frames_of(starts.positions, np.concatenate([positions[n] for n in own]))
    assert {number // 50 for number in numbers} == {0, 1}
    # Each dataset keeps its own window.
    windows = [(0.0, 50.0)] * 4
    windows[own[0]], windows[own[1]] = (10.0, 20.0), (30.0, 40.0)
    some = np.concatenate([positions[own[0]][10:20], positions[own[1]][30:40]])
    assert len(frames_of(run(paths, temperature, windows=windows).positions, some)) == 12


def test_several_boxes_without_data_at_the_temperature_are_refused(densities):
    expected = (
        r"1\.h5: has another periodic box than .*0\.h5, but .* one box; allowed are training data "
        r"that all have the same one, .* \(0 of 4 datasets are at 350 K\)"
    )
    with pytest.raises(InputError, match=expected):
        run(densities[0], 350.0)


def test_several_boxes_at_the_temperature_are_refused(tmp_path, densities):
    paths = [*densities[0], write(tmp_path / "dense.h5", frames(50), box=0.9 * BOX)]
    expected = r"dense\.h5: has another periodic box than .*0\.h5.* \(3 of 5 datasets are at 300 K"
    with pytest.raises(InputError, match=expected):
        run(paths, 300.0)
    bare = write(tmp_path / "bare.h5", frames(50), box=None, temperature=500.0)
    with pytest.raises(InputError, match=r"bare\.h5: has another periodic box"):
        run([paths[0], bare], 350.0)


def test_one_box_serves_all_temperatures(tmp_path):
    """All data are starts, as of a single molecule in whatever boxes; some have no frames."""
    positions = [frames(50, 1), frames(50, 2)]
    for molecule, other in ((TWO, BOX), (ONE, 1.1 * BOX)):
        paths = [
            write(tmp_path / f"{n}.h5", one, molecule, box, 300.0 + 100.0 * n)
            for n, (one, box) in enumerate(zip(positions, (BOX, other), strict=True))
        ]
        for temperature in (300.0, 350.0):
            starts = run(paths, temperature, molecule)
            numbers = frames_of(starts.positions, np.concatenate(positions))
            assert {number // 50 for number in numbers} == {0, 1}
            assert (starts.cell is None) == (molecule is ONE)
        empty = write(tmp_path / "empty.h5", frames(0), molecule)
        assert len(run([*paths, empty], 300.0, molecule)) == 12


def test_a_run_has_the_box_of_its_own_state_point(densities, tmp_path):
    """As at a held-out density: no training data have that box."""
    paths, positions = densities
    wanted = 1.03 * BOX
    given = write(tmp_path / "held-out.h5", frames(5, 9), box=wanted)
    starts = run_of(job(300.0), terms("spline", 1, TWO), paths, given).starts
    np.testing.assert_allclose(starts.cell, wanted)
    # Of the nearest density; molecules keep their shapes, and centres their place in the box.
    known = np.concatenate([positions[0], positions[3]])

    def shape(x):
        return np.linalg.norm(x[:, 1::2] - x[:, ::2], axis=2)

    def place(x, box):
        return x.reshape(len(x), -1, 2, 3).mean(axis=2) @ np.linalg.inv(box)

    apart = abs(shape(starts.positions)[:, None] - shape(known)[None]).max(axis=2)
    assert apart.min(axis=1).max() < 1e-5
    own = apart.argmin(axis=1)
    np.testing.assert_allclose(
        place(starts.positions, wanted), place(known[own], BOX), rtol=0, atol=1e-5
    )
    # Data of that box are taken as they are, at whatever temperature.
    given = write(tmp_path / "dense.h5", frames(5, 9), box=1.1 * BOX)
    starts = run_of(job(300.0), terms("spline", 1, TWO), paths, given).starts
    np.testing.assert_array_equal(starts.cell, 1.1 * BOX)
    frames_of(starts.positions, np.concatenate(positions[1:3]))
