"""Damaged bundles, records, trajectories, forces and systems are refused in one sentence."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import mdtraj
import numpy as np
import pytest

from meanforce.data.forces import ForcesReader
from meanforce.data.trajectory import TrajectoryReader
from meanforce.errors import InputError
from meanforce.restart.bundle import Bundle, read_bundle, write_bundle
from meanforce.restart.job import BUNDLE, Job
from meanforce.restart.records import RecordFile
from meanforce.sampling.recompute import recompute
from meanforce.systems.prepared import Prepared
from torsion import job_in, metadynamics, molecule
from torsion import run as sample

FLIPS = 250
CUTS = 40


def damages(good: bytes, seed: int, flips: int = FLIPS):
    """Copies with one altered byte each, and copies cut short."""
    moments = random.Random(seed)  # noqa: S311
    for place in moments.sample(range(len(good)), min(flips, len(good))):
        content = bytearray(good)
        content[place] ^= moments.randrange(1, 256)
        yield f"byte {place}", bytes(content)
    for size in moments.sample(range(len(good)), CUTS):
        yield f"cut to {size}", good[:size]


def refusals(path: Path, read, seed: int, same, flips: int = FLIPS) -> int:
    """How many damaged copies are refused; all others must read as the good one does.

    Anything else, an error of another kind or other content, fails the test.
    """
    good, expected, refused = path.read_bytes(), read(path), 0
    for what, content in damages(good, seed, flips):
        path.write_bytes(content)
        try:
            assert same(read(path), expected), what
        except InputError:
            refused += 1
    path.write_bytes(good)
    return refused


def same_arrays(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)


# Bundles and records


def test_damaged_bundle_is_refused(tmp_path):
    path = tmp_path / BUNDLE
    write_bundle(path, Bundle({"x": np.arange(50.0), "n": np.arange(7)}, {"tick": 3, "a": None}))

    def same(one: Bundle, other: Bundle) -> bool:
        return one.info == other.info and same_arrays(one.arrays, other.arrays)

    # Every byte is covered by the header or by the checksum.
    assert refusals(path, read_bundle, 1, same) == FLIPS + CUTS
    path.write_bytes(b"")
    with pytest.raises(InputError, match=r"damaged.*delete the folder"):
        read_bundle(path)


def test_no_bundle_is_no_error_and_a_dying_writer_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / BUNDLE
    assert read_bundle(path) is None
    write_bundle(path, Bundle({}, {"tick": 1}))
    monkeypatch.setattr(os, "fsync", lambda handle: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_bundle(path, Bundle({}, {"tick": 2}))
    assert read_bundle(path).info == {"tick": 1}


def test_bundle_of_other_settings_is_refused_with_both_values(tmp_path):
    Job(tmp_path, {"settings": {"campaign": {"friction": 1.0, "kind": "x"}}}).save({}, {})
    other = Job(tmp_path, {"settings": {"campaign": {"friction": 2.0, "kind": "x"}}})
    with pytest.raises(InputError, match=r"settings\.campaign\.friction was 1\.0 and is 2\.0"):
        other.load()


def records_in(path: Path) -> RecordFile:
    return RecordFile(path, np.dtype([("a", "f8"), ("b", "i4", (3,))]))


def test_damaged_records_are_refused_and_later_ones_dropped(tmp_path):
    path = tmp_path / "records.raw"
    file = records_in(path)
    kind, content = file.kind, np.zeros(40, file.kind)
    content["a"], content["b"] = np.arange(40.0), np.arange(120).reshape(40, 3)
    file.append(content[:30])
    position = file.position()
    file.append(content[30:])
    file.position()
    file.close()
    whole = path.read_bytes()

    def read(path: Path) -> dict:
        file = RecordFile(path, kind, position)
        rows = np.concatenate([*file.blocks(7)])
        file.close()
        return {"rows": rows}

    good = 30 * kind.itemsize
    moments = random.Random(2)  # noqa: S311
    for _ in range(100):
        damaged = bytearray(whole)
        place = moments.randrange(len(whole))
        damaged[place] ^= moments.randrange(1, 256)
        path.write_bytes(damaged)
        if place < good:
            with pytest.raises(InputError, match=r"altered.*delete the folder"):
                read(path)
        else:
            # Bytes after the bundle's position are dropped in any case.
            assert np.array_equal(read(path)["rows"], content[:30])
    for size in (0, 1, good // 2, good - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"shorter than its restart bundle requires"):
            read(path)
    path.unlink()
    with pytest.raises(InputError, match=r"shorter than its restart bundle requires"):
        read(path)


# Trajectories and forces


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    sample(metadynamics(length=110.0), folder).__exit__()
    forces, job = folder / "forces.h5", job_in(folder / "forces")
    recompute(molecule(), folder / "trajectory.h5", forces, 1, job, lambda line: None)
    return folder


@pytest.mark.slow
def test_damaged_trajectory_is_refused(made):
    import h5py

    path = made / "trajectory.h5"
    with h5py.File(path) as file:
        names = list(file["meanforce"])

    def read(path: Path) -> dict:
        with TrajectoryReader(path) as frames:
            with frames._checked():
                topology = frames._file["topology"][0]
            return {name: frames.array(name) for name in names} | {
                "positions": frames.positions(slice(None)),
                "times": frames.times(),
                "attributes": json.dumps(frames.attributes, sort_keys=True),
                "shape": (frames.n_frames, frames.n_atoms),
                "topology": topology,
            }

    # Space that HDF5 leaves unused, a tenth of so small a file, carries no checksum.
    assert refusals(path, read, 3, same_arrays) > 0.7 * FLIPS


@pytest.mark.slow
def test_damaged_forces_are_refused(made):
    def read(path: Path) -> dict:
        with ForcesReader(path) as file:
            return {
                "forces": file.forces(slice(None)),
                "trajectory": file.trajectory,
                "shape": (file.n_frames, file.n_atoms),
            }

    # Energies, which no stage reads, and unused space are the rest.
    assert refusals(made / "forces.h5", read, 4, same_arrays) > 0.3 * FLIPS


def test_texts_lie_where_hdf5_has_checksums(made):
    import h5py

    for name in ("trajectory.h5", "forces.h5"):
        with h5py.File(made / name) as file:
            places = [file]
            file.visititems(lambda _, item, places=places: places.append(item))
            for item in places:
                for key, value in item.attrs.items():
                    assert not isinstance(value, str), f"{name}: {item.name}: {key}"
                if isinstance(item, h5py.Dataset) and item.size:
                    assert item.fletcher32, f"{name}: {item.name}"


def test_mdtraj_reads_the_trajectory(made):
    import mdtraj

    whole = mdtraj.load(str(made / "trajectory.h5"))
    with TrajectoryReader(made / "trajectory.h5") as frames:
        np.testing.assert_array_equal(whole.xyz, frames.positions(slice(None)))
        np.testing.assert_allclose(whole.time, frames.times())
    assert [atom.name for atom in whole.topology.atoms] == ["A", "B", "C", "D"]


# Files that other files depend on

WRITER = """
import errno, resource, sys
from pathlib import Path
import numpy as np
from meanforce.data.h5md import FrameBlock, H5mdWriter
from meanforce.data.hdf5 import new_file
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
folder, n = Path(sys.argv[1]), 5000
try:
    if sys.argv[2] == "H5MD":
        with H5mdWriter(folder / "a.h5", np.ones(1), {}, with_forces=False) as writer:
            writer.append(FrameBlock(np.zeros((n, 1, 3)), *np.arange(4.0 * n).reshape(4, n)))
    else:
        with new_file(folder / "a.h5") as file:
            file.create_dataset("x", data=np.arange(n))
            file.create_dataset("y", data=np.arange(n))
except OSError as error:
    assert error.errno == errno.EFBIG, error
    print("said")
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["H5MD", "plain"])
def test_hdf5_files_end_in_good_order_where_there_is_no_room(root, tmp_path, kind):
    result = subprocess.run(
        [sys.executable, "-c", WRITER, tmp_path, kind], capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(root / "workflow/scripts")},
    )  # fmt: skip
    # HDF5 by itself would crash when the program ends.
    assert (result.returncode, result.stdout, result.stderr) == (0, "said\n", "")


@pytest.mark.parametrize("name", ["system.xml", "state.xml", "topology.cif"])
@pytest.mark.parametrize("part", [0.0, 0.3, 0.9])
def test_prepared_system_cut_short_is_refused(tmp_path, name, part):
    molecule().write(tmp_path)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(part * len(content))])
    with pytest.raises(InputError, match="is not a prepared system"):
        Prepared.read(tmp_path)


@pytest.mark.parametrize("reader", [TrajectoryReader, ForcesReader])
def test_deleting_a_file_of_the_user_is_never_advised(reader, tmp_path):
    """A trajectory that another program made, given by mistake, may be the only copy."""
    path = tmp_path / "mine.h5"
    mdtraj.load(str(Path(__file__).parents[3] / "resources" / "capped_alanine.pdb")).save(str(path))
    with pytest.raises(InputError, match="of meanforce") as raised:
        reader(path)
    assert "delete" not in str(raised.value)
