"""What readers give of files that MDAnalysis, MDTraj, NumPy and LAMMPS wrote."""

import mdtraj
import numpy as np
import pytest
from existing_runs import Run, write
from MDAnalysis.lib.formats.libmdaxdr import TRRFile, XTCFile

from meanforce.data.formats.base import Opened
from meanforce.data.formats.registry import FORMATS, open_frames
from meanforce.data.formats.units import STYLES, reduced
from meanforce.errors import InputError
from meanforce.settings.campaigns.file_formats import FILE_FORMATS, format_of
from meanforce.units import KCAL

ATOMS = Opened(12)


@pytest.fixture(scope="module")
def run() -> Run:
    rng = np.random.default_rng(1)
    shape = (23, 12, 3)
    box = np.array([[3.0, 0, 0], [0.5, 3.1, 0], [-0.4, 0.3, 3.3]])
    return Run(
        rng.uniform(0, 3, shape).astype("f4"), rng.normal(0, 500, shape).astype("f4"),
        np.arange(23) * 0.5 + 10.0, box,
    )  # fmt: skip


def save(path, run: Run, kind: str) -> str:
    if kind == "npz":
        np.savez_compressed(
            path, positions=run.positions, forces=run.forces, time=run.times, box=run.box
        )
    elif kind == "mdtraj_hdf5":
        topology = mdtraj.Topology()
        residue = topology.add_residue("X", topology.add_chain())
        for _ in range(12):
            topology.add_atom("C", mdtraj.element.carbon, residue)
        frames = mdtraj.Trajectory(run.positions, topology, time=run.times)
        frames.unitcell_vectors = np.broadcast_to(run.box, (23, 3, 3))
        frames.save_hdf5(str(path))
    elif kind == "xtc":
        with XTCFile(str(path), "w") as file:
            for number, (x, t) in enumerate(zip(run.positions, run.times, strict=True)):
                file.write(x, run.box.astype("f4"), number, t, 1000)
    else:
        options = {
            "netcdf": {"forces": True},
            "h5md": {"lengthunit": "nm", "timeunit": "ps", "forceunit": "kJ/(mol*nm)"},
            "dcd": {"dt": 0.5, "istart": 20},
        }
        write(path, run, **options.get(kind, {}))
    return str(path)


def opened(tmp_path, run: Run, kind: str):
    path = tmp_path / f"run{FILE_FORMATS[kind].suffixes[0]}"
    save(path, run, kind)
    return open_frames(path, kind, ATOMS)


OF_ATOMS = [name for name, one in FILE_FORMATS.items() if one.suffixes and name != "lammps_dump"]
"""Formats of atomistic programs, which their suffix shows."""


def test_settings_and_readers_have_the_same_formats():
    assert set(FORMATS) == set(FILE_FORMATS)
    assert format_of("a/B.NC") == "netcdf" and format_of("a.b") is None


@pytest.mark.parametrize("kind", OF_ATOMS)
def test_a_file_gives_what_was_written(tmp_path, run, kind):
    """In blocks of any size, with a stride, and again from the beginning."""
    tolerance = 6e-4 if kind == "xtc" else 5e-7
    with opened(tmp_path, run, kind) as file:
        assert (file.n_frames, file.n_atoms) == (23, 12)
        assert file.has_forces == (FILE_FORMATS[kind].has_forces and kind != "mdtraj_hdf5")
        assert file.precision == (0.001 if kind == "xtc" else None)
        for start, stop, stride, size in ((0, 23, 1, 7), (3, 20, 4, 2), (0, 99, 1, 100)):
            blocks = list(file.blocks(start, stop, stride, size))
            chosen = slice(start, stop, stride)
            count = len(run.times[chosen])
            assert [len(b) for b in blocks[:-1]] == [size] * (len(blocks) - 1)
            assert sum(len(b) for b in blocks) == count

            def joined(name, blocks=blocks):
                return np.concatenate([getattr(block, name) for block in blocks])

            np.testing.assert_allclose(
                joined("positions"), run.positions[chosen], atol=tolerance, rtol=0
            )
            np.testing.assert_allclose(joined("times"), run.times[chosen], rtol=1e-6)
            np.testing.assert_allclose(
                joined("boxes"), np.broadcast_to(run.box, (count, 3, 3)), atol=2e-6
            )
            if file.has_forces:
                np.testing.assert_allclose(joined("forces"), run.forces[chosen], rtol=1e-6)


@pytest.mark.parametrize("lacking", ["positions", "forces"])
def test_frames_of_trr_that_hold_other_things(tmp_path, run, lacking):
    """As where nstxout and nstfout of GROMACS differ: what a frame lacks is marked."""
    with TRRFile(str(tmp_path / "run.trr"), "w") as file:
        for k, time in enumerate(run.times):
            given = {"positions": run.positions[k], "forces": run.forces[k]}
            if k % 3 != 1:
                given[lacking] = None
            values = (given["positions"], None, given["forces"])
            file.write(*values, run.box.astype("f4"), k, time, 0.0, 12)
    there = np.arange(23) % 3 == 1
    with open_frames(tmp_path / "run.trr", "trr", ATOMS) as file:
        assert file.has_forces
        blocks = list(file.blocks(0, 23, 1, 8))
        without = np.concatenate([block.without for block in blocks])
        place = ("positions", "forces").index(lacking)
        np.testing.assert_array_equal(without[:, place], ~there)
        assert not without[:, 1 - place].any()
        for name in ("positions", "forces"):
            found = np.concatenate([getattr(block, name) for block in blocks])
            chosen = there if name == lacking else np.ones(23, dtype=bool)
            np.testing.assert_array_equal(found[chosen], getattr(run, name)[chosen])
            assert np.isnan(found[~chosen]).all()
    with open_frames(tmp_path / "run.trr", "trr", Opened(12, forces=False)) as file:
        assert not file.has_forces
        assert all(block.forces is None for block in file.blocks(0, 23, 1, 8))


def test_forces_in_mdtraj_hdf5(tmp_path, run):
    h5py = pytest.importorskip("h5py")
    path = save(tmp_path / "run.h5", run, "mdtraj_hdf5")
    with h5py.File(path, "a") as file:
        file["forces"] = run.forces
    with open_frames(tmp_path / "run.h5", "mdtraj_hdf5", ATOMS) as file:
        (block,) = file.blocks(0, 23, 1, 50)
    np.testing.assert_array_equal(block.forces, run.forces)
    with h5py.File(path, "a") as file:
        file["forces"].attrs["units"] = "kilocalories/mole/angstrom"
    with pytest.raises(
        InputError, match=r"'forces' are in kilocalories/mole/angstrom, not in kilo"
    ):
        open_frames(tmp_path / "run.h5", "mdtraj_hdf5", ATOMS)


def test_arrays_of_archives_have_names_and_units(tmp_path, run):
    path = tmp_path / "cg.npz"
    np.savez(path, coords=10.0 * run.positions, forces=run.forces / (10 * KCAL))
    known = Opened(12, STYLES["real"], arrays={"positions": "coords"})
    with open_frames(path, "npz", known) as file:
        (block,) = file.blocks(0, 23, 1, 50)
    np.testing.assert_allclose(block.positions, run.positions, rtol=1e-6)
    np.testing.assert_allclose(block.forces, run.forces, rtol=1e-6)
    assert block.times is None and block.boxes is None


@pytest.mark.parametrize(
    ("box", "wanted"),
    [
        (np.array([2.0, 3.0, 4.0]), np.diag([2.0, 3.0, 4.0])),
        (np.full((23, 3), 2.0), 2.0 * np.eye(3)),
        (np.broadcast_to(np.eye(3), (23, 3, 3)), np.eye(3)),
    ],
)
def test_boxes_of_archives(tmp_path, run, box, wanted):
    np.savez(tmp_path / "a.npz", positions=run.positions, box=box)
    with open_frames(tmp_path / "a.npz", "npz", ATOMS) as file:
        for block in file.blocks(1, 23, 3, 4):
            np.testing.assert_array_equal(block.boxes, np.broadcast_to(wanted, (len(block), 3, 3)))


class Rude:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return (print, ("never",))


def test_archives_that_are_pickles_or_no_frames_are_refused(tmp_path, run, capfd):
    cases = {
        "'positions' holds Python objects, a pickle": {"positions": np.array([Rude()] * 3)},
        "no array 'positions'; there are: x": {"x": run.positions},
        r"has the shape \(23, 36\), not \(frames, atoms, 3\)": {
            "positions": run.positions.reshape(23, 36)
        },
        r"'forces' has the shape \(22, 12, 3\)": {
            "positions": run.positions, "forces": run.forces[1:],
        },
        "Fortran's order": {"positions": np.asfortranarray(run.positions)},
    }  # fmt: skip
    for message, arrays in cases.items():
        np.savez(tmp_path / "bad.npz", **arrays)
        with pytest.raises(InputError, match=message):
            open_frames(tmp_path / "bad.npz", "npz", ATOMS)
    assert "never" not in capfd.readouterr().out


@pytest.mark.parametrize("kind", OF_ATOMS)
@pytest.mark.parametrize("content", [b"", b"not a trajectory\n" * 50], ids=["empty", "text"])
def test_files_of_another_kind_are_refused(tmp_path, kind, content):
    path = tmp_path / f"x{FILE_FORMATS[kind].suffixes[0]}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"{path}: is not a complete \w+"):
        open_frames(path, kind, ATOMS)
    path.unlink()
    with pytest.raises(InputError, match=f"{path}: does not exist"):
        open_frames(path, kind, ATOMS)


@pytest.mark.parametrize("kind", ["trr", "xtc", "netcdf", "npz", "h5md", "mdtraj_hdf5", "dcd"])
def test_a_file_that_was_cut_short_gives_good_frames_only(tmp_path, run, kind):
    """It is refused as a whole, or its good frames come first and the damage is named."""
    path = tmp_path / f"run{FILE_FORMATS[kind].suffixes[0]}"
    save(path, run, kind)
    # HDF5 keeps what it knows of a file that it has written.
    whole, path = path, path.with_stem("cut")
    path.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.6)])
    good = 0
    with (
        pytest.raises(InputError, match=r"is not a complete|frames 0 to \d+ are good") as error,
        open_frames(path, kind, ATOMS) as file,
    ):
        for block in file.blocks(0, file.n_frames, 1, 4):
            part = run.positions[good : good + len(block)]
            np.testing.assert_allclose(block.positions, part, atol=6e-4)
            good += len(block)
    if kind in ("trr", "xtc"):
        assert f"frame {good} cannot be read" in str(error.value)
        assert f"frames 0 to {good - 1} are good" in str(error.value)
        assert 8 < good < 16


def test_a_dump_that_was_cut_short(root, tmp_path):
    whole = (root / "tests/data/lammps/real.dump").read_text().splitlines(keepends=True)
    known = Opened(4, STYLES["real"], time_step=0.001)
    for lines, good in ((whole, 6), (whole[:-1], 5), (whole[: 13 * 5 + 3], 5)):
        (tmp_path / "run.dump").write_text("".join(lines))
        found = 0
        with open_frames(tmp_path / "run.dump", "lammps_dump", known) as file:
            try:
                for block in file.blocks(0, file.n_frames, 1, 4):
                    found += len(block)
            except InputError as error:
                assert f"frame {good} cannot be read" in str(error)
                assert len(lines) < len(whole)
            else:
                assert lines is whole
        assert found == good


def test_unit_styles():
    """1 kcal/mol/Å, 1 eV/Å and 1 hartree/bohr in kJ/mol/nm; 1 pN is 0.602 kJ/mol/nm."""
    assert STYLES["real"].force == pytest.approx(41.84)
    assert STYLES["metal"].force == pytest.approx(964.853321, rel=1e-8)
    assert STYLES["electron"].force == pytest.approx(49614.75, rel=1e-6)
    assert STYLES["nano"].force == pytest.approx(0.602214076)
    assert STYLES["si"].force == pytest.approx(STYLES["cgs"].force * 1e5)
    argon = reduced(0.34, 0.998)
    assert (argon.length, argon.force) == (0.34, pytest.approx(0.998 / 0.34))
