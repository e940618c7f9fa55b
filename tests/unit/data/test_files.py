"""Other programs can read datasets."""

import h5py
import MDAnalysis
import numpy as np
import pytest

from meanforce.data.chunks import CHUNK, GrowingArray, deflated
from meanforce.data.h5md import EACH, FrameBlock, H5mdReader, H5mdWriter, contents
from meanforce.errors import InputError


@pytest.fixture
def dataset(tmp_path):
    rng = np.random.default_rng(1)
    position, force = rng.normal(size=(7, 3, 3)), rng.normal(size=(7, 3, 3))
    parameters = {"bead_names": ["A", "B", "C"], "bonds": [[0, 1]], "temperature": 300.0}
    path = tmp_path / "dataset.h5"
    with H5mdWriter(path, np.array([12.0, 14.0, 16.0]), parameters, with_forces=True) as writer:
        for part in (slice(0, 4), slice(4, 7)):
            n = part.stop - part.start
            writer.append(FrameBlock(
                position[part], 0.2 * np.arange(part.start, part.stop), np.full(n, 1.5),
                np.full(n, 0.6), np.zeros(n, dtype=int), force=force[part],
            ))  # fmt: skip
    return path, position, force


def test_mdanalysis_reads_positions_forces_times_and_units(dataset):
    path, position, force = dataset
    universe = MDAnalysis.Universe.empty(3, trajectory=False)
    universe.load_new(str(path), format="H5MD")
    assert len(universe.trajectory) == 7
    for number, frame in enumerate(universe.trajectory):
        # MDAnalysis works in Å and kJ/mol/Å.
        np.testing.assert_allclose(frame.positions, 10 * position[number], rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(frame.forces, force[number] / 10, rtol=1e-5, atol=1e-6)
        assert frame.time == pytest.approx(0.2 * number)


def test_what_was_written_is_read(dataset):
    path, position, force = dataset
    with H5mdReader(path) as reader:
        np.testing.assert_allclose(reader.positions(), position, rtol=1e-6)
        np.testing.assert_allclose(reader.forces(slice(2, 5)), force[2:5], rtol=1e-6)
        assert reader.observable("bias_energy").tolist() == [1.5] * 7
        assert reader.masses.tolist() == [12.0, 14.0, 16.0]
        assert reader.parameters["bead_names"] == ["A", "B", "C"]


def test_damaged_file_is_refused(dataset):
    path, _, _ = dataset
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match="not a complete H5MD file"):
        H5mdReader(path)


@pytest.mark.parametrize("name", ["particles/beads/position/value", "observables/chain/value"])
def test_damaged_numbers_are_refused(dataset, name):
    path, _, _ = dataset
    with h5py.File(path) as file:
        place = file[name].id.get_chunk_info(0)
    text = bytearray(path.read_bytes())
    text[place.byte_offset + place.size // 2] ^= 1
    path.write_bytes(text)
    with H5mdReader(path) as reader, pytest.raises(InputError, match="not a complete H5MD file"):
        reader.positions()
        reader.observable("chain")


BOXES = {
    "cuboid": (np.diag([3.0, 4.0, 5.0]), [30, 40, 50, 90, 90, 90]),
    "dodecahedron": (
        np.array([[3.0, 0, 0], [0, 3.0, 0], [1.5, 1.5, 4.5**0.5]]), [30, 30, 30, 60, 60, 90],
    ),
}  # fmt: skip


@pytest.mark.parametrize("shape", BOXES)
def test_mdanalysis_reads_the_box(tmp_path, shape):
    box, dimensions = BOXES[shape]
    path, flat = tmp_path / "dataset.h5", np.zeros(3)
    with H5mdWriter(path, np.ones(2), {}, with_forces=False, box=box) as writer:
        writer.append(FrameBlock(np.zeros((3, 2, 3)), flat, flat, flat, flat))
    universe = MDAnalysis.Universe.empty(2, trajectory=False)
    universe.load_new(str(path), format="H5MD")
    for frame in universe.trajectory:
        np.testing.assert_allclose(frame.dimensions, dimensions, rtol=1e-6)
    with h5py.File(path) as file:
        assert file["particles/beads/box"].attrs["boundary"].tolist() == ["periodic"] * 3
        assert file["particles/beads/id"][:].tolist() == [0, 1]
    with H5mdReader(path) as reader:
        np.testing.assert_array_equal(reader.box(), box)
        np.testing.assert_array_equal(reader.boxes(), np.broadcast_to(box, (3, 3, 3)))
        assert reader.boxes(slice(1, 3)).shape == (2, 3, 3)


def test_without_a_box(dataset):
    path, _, _ = dataset
    universe = MDAnalysis.Universe.empty(3, trajectory=False)
    universe.load_new(str(path), format="H5MD")
    assert universe.dimensions is None
    with H5mdReader(path) as reader:
        assert reader.boxes() is None


def test_each_frame_has_its_own_box(tmp_path):
    """As at constant pressure, or of several chains of a CG run."""
    path, flat = tmp_path / "cg.h5", np.zeros(4)
    scales = np.array([1.0, 1.1, 0.9, 1.3])[:, None, None]
    boxes = scales * BOXES["dodecahedron"][0]
    boxes[2] = np.diag([2.0, 3.0, 4.0])
    with H5mdWriter(path, np.ones(2), {}, with_forces=False, box=EACH) as writer:
        for part in (slice(0, 1), slice(1, 4)):
            some = flat[part]
            writer.append(
                FrameBlock(np.zeros((len(some), 2, 3)), some, some, some, some, boxes=boxes[part])
            )
    universe = MDAnalysis.Universe.empty(2, trajectory=False)
    universe.load_new(str(path), format="H5MD")
    found = [frame.dimensions.copy() for frame in universe.trajectory]
    np.testing.assert_allclose(found[0], [30, 30, 30, 60, 60, 90], rtol=1e-6)
    np.testing.assert_allclose(found[1], [33, 33, 33, 60, 60, 90], rtol=1e-6)
    np.testing.assert_allclose(found[2], [20, 30, 40, 90, 90, 90], rtol=1e-6)
    with H5mdReader(path) as reader:
        np.testing.assert_array_equal(reader.boxes(), boxes)
        np.testing.assert_array_equal(reader.boxes(slice(1, None, 2)), boxes[1::2])
        with pytest.raises(InputError, match=r"cg\.h5: has a periodic box that changes"):
            reader.box()


@pytest.mark.parametrize("kind", ["f4", "f8", "i4", "i8"])
@pytest.mark.parametrize("values", ["noise", "zeros", "counting"])
def test_chunks_are_read_by_hdf5_alone(tmp_path, kind, values):
    """Blocks of any size, over several chunks, come back bit by bit and compressed."""
    n = 3 * CHUNK // (3 * np.dtype(kind).itemsize) + 17
    noise = np.random.default_rng(2).normal(0, 1000, (n, 3))
    data = {"noise": noise, "zeros": np.zeros((n, 3)), "counting": np.arange(3 * n).reshape(n, 3)}
    expected = data[values].astype(kind)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        array = GrowingArray(file, "value", (3,), kind)
        for part in np.array_split(expected, [1, 1, 5000, n - 1]):
            array.append(part)
        array.close()
    with h5py.File(tmp_path / "a.h5") as file:
        np.testing.assert_array_equal(file["value"][:], expected)
        size = file["value"].id.get_storage_size() / expected.nbytes
    # Beyond noise, some thousand bytes for a chunk that is not full.
    assert size < {"noise": 1.01, "zeros": 0.01, "counting": 0.6}[values]


def test_floats_compress_as_documented(tmp_path):
    """Positions in nm and forces in kJ/mol/nm: sign and exponent have little information."""
    rng = np.random.default_rng(3)
    for scale, most in ((0.3, 0.86), (2000.0, 0.86)):
        block = rng.normal(0, scale, (2000, 10, 3)).astype("f4")
        assert len(deflated(block)) < most * block.nbytes


def write(path, force: float = 1.0, temperature: float = 300.0, parts=(7,)) -> str:
    """Write seven frames of two beads, in parts; returns the identity of the file's contents."""
    with H5mdWriter(path, np.ones(2), {"temperature": temperature}, with_forces=True) as writer:
        start = 0
        for n in parts:
            zeros, time = np.zeros(n), np.arange(start, start + n)
            writer.append(
                FrameBlock(
                    np.zeros((n, 2, 3)), time, zeros, zeros, zeros, np.full((n, 2, 3), force)
                )
            )
            start += n
    return contents([path])[f"1 {path}"]


def test_files_are_told_apart_by_what_they_hold(tmp_path):
    first = write(tmp_path / "a.h5")
    assert first == write(tmp_path / "b.h5", parts=(3, 4))
    assert first != write(tmp_path / "c.h5", force=2.0)
    assert first != write(tmp_path / "d.h5", temperature=310.0)


def test_a_file_whose_writing_failed_is_refused(tmp_path):
    path = tmp_path / "a.h5"
    with pytest.raises(ZeroDivisionError), H5mdWriter(path, np.ones(2), {}, with_forces=False):
        _ = 1 / 0
    with pytest.raises(InputError, match="not a complete H5MD file"):
        H5mdReader(path)
