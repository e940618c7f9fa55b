"""Datasets as views: what is chosen, in which order, and that choosing reads nothing."""

import json

import h5py
import numpy as np
import pytest

from meanforce.data.dataset import Dataset, Part
from meanforce.data.h5md import EACH, FrameBlock, H5mdWriter
from meanforce.errors import InputError

LENGTHS = (101, 40, 3000)


def write(path, n, number=0, times=None, names=("A", "B"), bonds=((0, 1),)):
    """Positions that identify file and frame."""
    parameters = {
        "bead_names": list(names),
        "bonds": [list(pair) for pair in bonds],
        "temperature": 300.0 + number,
    }
    label = 10000.0 * number + np.arange(n)
    positions = np.broadcast_to(label[:, None, None], (n, len(names), 3))
    with H5mdWriter(path, np.ones(len(names)), parameters, with_forces=True) as writer:
        writer.append(FrameBlock(
            positions, 0.5 * np.arange(n) if times is None else times, label, label,
            np.zeros(n, int), -positions,
        ))  # fmt: skip
    return path


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("datasets")
    return [write(folder / f"{i}.h5", n, i) for i, n in enumerate(LENGTHS)]


def labels(dataset: Dataset) -> list[float]:
    return dataset.positions()[:, 0, 0].tolist()


def expected(choose) -> list[float]:
    return [
        float(10000 * i + frame) for i, n in enumerate(LENGTHS) for frame in choose(list(range(n)))
    ]


def test_concatenation(paths):
    whole = Dataset.of(paths)
    assert len(whole) == sum(LENGTHS)
    assert labels(whole) == expected(lambda frames: frames)
    assert labels(whole) == labels(Dataset.of(paths[:1]) + Dataset.of(paths[1:]))
    np.testing.assert_array_equal(whole.forces(), -whole.positions())
    assert whole.observable("log_weight").tolist() == labels(whole)
    assert whole.positions().dtype == np.float32
    assert np.unique(whole.temperatures()).tolist() == [300.0, 301.0, 302.0]


def test_boxes_follow_the_frames(tmp_path, paths):
    assert Dataset.of(paths).boxes() is None
    for number, name in enumerate(("a", "b")):
        box = EACH if number else 2.0 * np.eye(3)
        parameters = {"bead_names": ["A", "B"], "bonds": [[0, 1]], "temperature": 300.0}
        with H5mdWriter(tmp_path / f"{name}.h5", np.ones(2), parameters, True, box) as writer:
            flat, beads = np.zeros(6), np.zeros((6, 2, 3))
            boxes = (3.0 + np.arange(6))[:, None, None] * np.eye(3) if number else None
            writer.append(
                FrameBlock(beads, np.arange(6.0), flat, flat, flat.astype(int), beads, boxes=boxes)
            )
    both = Dataset.of([tmp_path / "a.h5", tmp_path / "b.h5"])
    edges = [2.0] * 6 + [3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    assert both.boxes()[:, 1, 1].tolist() == edges
    assert both.stride(2).boxes()[:, 2, 2].tolist() == edges[::2]
    with pytest.raises(InputError, match=r"0\.h5: has no periodic box, but .*a\.h5 has one"):
        (both + Dataset.of(paths[:1])).boxes()


@pytest.mark.parametrize("step", [1, 2, 7, 200])
def test_stride_starts_anew_in_each_file(paths, step):
    assert labels(Dataset.of(paths).stride(step)) == expected(lambda frames: frames[::step])


@pytest.mark.parametrize(("step", "order"), [(5, "in turn"), (6, "apart"), (4, "apart")])
def test_stride_leaves_out_no_walker(tmp_path, step, order):
    """Four walkers that take turns, 120 frames each; 4 and 6 share a factor with them."""
    path, n = tmp_path / "a.h5", 480
    parameters = {"bead_names": ["A"], "bonds": [], "temperature": 300.0}
    walkers = np.arange(n) % 4
    label = np.arange(n, dtype=float)
    positions = np.broadcast_to(label[:, None, None], (n, 1, 3))
    with H5mdWriter(path, np.ones(1), parameters, with_forces=True) as writer:
        writer.append(
            FrameBlock(positions, 0.5 * (np.arange(n) // 4), label, label, walkers, positions)
        )
    some = Dataset.of([path]).stride(step)
    found = [int(value) for value in labels(some)]
    if order == "in turn":
        assert found == list(range(0, n, step))
    else:
        assert found == [4 * t + walker for walker in range(4) for t in range(0, 120, step)]
    counts = np.bincount(some.observable("chain"))
    assert counts.max() - counts.min() <= 1 and len(counts) == 4
    # Frames of one time are in one block, whoever has them.
    blocks = some.block_numbers(5)
    times = some.times()
    assert (blocks == (times // 12.0).astype(int)).mean() > 0.9
    # One step after the other is the product of both.
    twice = Dataset.of([path]).stride(step).stride(2)
    assert len(np.unique(twice.observable("chain"))) == 4


def test_choices_can_follow_each_other(paths):
    chosen = Dataset.of(paths).stride(3).window(10.0, 19.5).stride(2)
    # Times are 0.5 ps apart.
    assert labels(chosen) == expected(
        lambda frames: [f for f in frames[::3] if 10.0 <= 0.5 * f < 19.5][::2]
    )
    np.testing.assert_array_equal(chosen.times(), 0.5 * (chosen.positions()[:, 0, 0] % 10000))


def test_an_empty_window_is_empty(paths):
    none = Dataset.of(paths).window(1e6, 2e6)
    assert len(none) == 0
    assert none.positions().shape == (0, 2, 3)
    assert labels(none.stride(2)) == []


def test_a_window_needs_frames_in_order(tmp_path):
    path = write(tmp_path / "a.h5", 3, times=np.array([0.0, 2.0, 1.0]))
    with pytest.raises(InputError, match="has frames that are not in order of time"):
        Dataset.of([path]).window(0.0, 1.0)


@pytest.mark.parametrize("number", [1, 4, 20])
def test_blocks_are_contiguous_and_of_one_file(paths, number):
    whole = Dataset.of(paths).stride(2)
    blocks = whole.blocks(number)
    assert len(blocks) == 3 * number
    assert [x for block in blocks for x in labels(block)] == labels(whole)
    found = np.repeat(np.arange(len(blocks)), [len(block) for block in blocks])
    np.testing.assert_array_equal(whole.block_numbers(number), found)
    sizes = [len(block) for block in blocks]
    for i in range(3):
        own = sizes[i * number : (i + 1) * number]
        assert max(own) - min(own) <= 1


def test_chunks_cover_all_frames_in_order(paths):
    whole = Dataset.of(paths).stride(3)
    chunks = list(whole.chunks(64))
    assert max(len(chunk) for chunk in chunks) == 64
    assert all(len(chunk.parts) == 1 for chunk in chunks)
    assert [x for chunk in chunks for x in labels(chunk)] == labels(whole)


def test_choosing_reads_no_frames(paths, monkeypatch):
    def refuse(*unused):
        raise AssertionError("frames were read")

    monkeypatch.setattr(Part, "read", refuse)
    whole = Dataset.of(paths).stride(2)
    assert len(whole.blocks(5)) == 15
    assert len(list(whole.chunks(100))) == 1 + 1 + 15


def test_datasets_that_do_not_fit_are_refused(tmp_path):
    first = write(tmp_path / "a.h5", 5)
    other = write(tmp_path / "b.h5", 5, names=("A", "C"))
    loose = write(tmp_path / "c.h5", 5, bonds=())
    with pytest.raises(InputError, match=r"b\.h5: has other beads than .*a\.h5"):
        Dataset.of([first, other])
    with pytest.raises(InputError, match=r"c\.h5: has other bonds than .*a\.h5"):
        Dataset.of([first, loose])
    with h5py.File(first, "r+") as file:
        file["particles/beads/position/value"].attrs["unit"] = "Angstrom"
    with pytest.raises(InputError, match=r"position/value in 'Angstrom', not in 'nm'"):
        Dataset.of([first])


def test_parameters_are_those_of_the_first_file(paths):
    assert Dataset.of(paths).parameters["temperature"] == 300.0
    assert json.dumps(Dataset.of(paths).parameters)
