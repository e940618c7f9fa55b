"""Datasets are what others can read."""

import MDAnalysis
import numpy as np
import pytest

from meanforce.data.h5md import H5mdReader, H5mdWriter, contents
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
            writer.append(
                position[part], 0.2 * np.arange(part.start, part.stop), np.full(n, 1.5),
                np.full(n, 0.6), np.zeros(n, dtype=int), force=force[part],
            )  # fmt: skip
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


def test_damaged_numbers_are_refused(dataset):
    path, position, _ = dataset
    stored = position.astype("f4").tobytes()
    text = path.read_bytes()
    assert text.count(stored) == 1
    path.write_bytes(text.replace(stored, stored[:-1] + bytes([stored[-1] ^ 1])))
    with H5mdReader(path) as reader, pytest.raises(InputError, match="not a complete H5MD file"):
        reader.positions()


def write(path, force: float = 1.0, temperature: float = 300.0, parts=(7,)) -> str:
    """Write seven frames of two beads, in parts; returns what tells the file from others."""
    with H5mdWriter(path, np.ones(2), {"temperature": temperature}, with_forces=True) as writer:
        start = 0
        for n in parts:
            zeros, time = np.zeros(n), np.arange(start, start + n)
            writer.append(np.zeros((n, 2, 3)), time, zeros, zeros, zeros, np.full((n, 2, 3), force))
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
