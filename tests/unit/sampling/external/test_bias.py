"""A biased run of our own, exported and imported again, and files of bias energies that are wrong.

The molecule is a chain of four atoms that metadynamics biases along its dihedral.
"""

import shutil
from pathlib import Path

import mdtraj
import numpy as np
import pytest
from existing_runs import imported, job
from MDAnalysis.lib.formats.libmdaxdr import TRRFile

import torsion
from meanforce.core.beads import Beads
from meanforce.data.formats.columns import read_columns
from meanforce.data.h5md import H5mdReader
from meanforce.data.trajectory import TrajectoryReader
from meanforce.errors import InputError
from meanforce.mapping.apply import Files, map_replica
from meanforce.mapping.beads_file import MappedSystem
from meanforce.mapping.system_atoms import SystemAtoms
from meanforce.sampling.recompute import recompute
from meanforce.settings.mappings import MappingSettings
from meanforce.units import kt

MAPPED = {"all": MappedSystem("all", 4, {"sum": torsion.BEADS})}
ENDS = Beads.of_beads(
    names=("A", "D"), atoms=((0,), (3,)), weights=((1.0,),) * 2, bonds=((0, 1),),
    masses=np.full(2, 12.0),
)  # fmt: skip
SETTINGS = MappingSettings(beads={name: f"name {name}" for name in "ABCD"}, force_map="slice")


@pytest.fixture(scope="module")
def sampled(tmp_path_factory) -> Path:
    """The run as it was sampled, and as other programs would have left it."""
    folder = tmp_path_factory.mktemp("sampled")
    torsion.run(torsion.metadynamics(length=130.0), folder).__exit__()
    torsion.molecule().write(folder / "prepared")
    with TrajectoryReader(folder / "trajectory.h5") as frames:
        positions, times = frames.positions(slice(None)), frames.times()
        bias, phi = frames.array("bias_energy"), frames.array("variables")[:, 0]
        log_weight = frames.array("log_weight")
    with TRRFile(str(folder / "run.trr"), "w") as file:
        for k, x in enumerate(positions):
            file.write(x, None, None, np.zeros((3, 3), "f4"), k, times[k], 0.0, 4)
    rows = np.column_stack([times, phi, bias, log_weight * kt(300.0)])
    # Twice as many rows as frames, as PLUMED may write them.
    between = rows[:-1] + 0.5 * np.diff(rows, axis=0)
    dense = np.empty((len(rows) + len(between), 4))
    dense[::2], dense[1::2] = rows, between
    write_colvar(folder / "COLVAR", dense)
    return folder


def write_colvar(path: Path, rows: np.ndarray) -> None:
    head = "#! FIELDS time phi metad.bias metad.rbias\n#! SET min_phi -pi\n#! SET max_phi pi\n"
    path.write_text(head + "".join(" ".join(f"{x:.6f}" for x in row) + "\n" for row in rows))


def biased(folder: Path, column: str = "metad.rbias", file: str = "COLVAR", **changes):
    values = {"biased": ["phi"], "collective_variables": {"phi": torsion.PHI}} | changes
    bias = {"file": str(folder / file), "column": column, "unit": 1.0}
    return job([str(folder / "run.trr")], forces="recompute", bias=bias, **values)


def dataset(folder: Path, beads: Beads) -> H5mdReader:
    """Positions, forces and weights of beads, from a trajectory in a folder."""
    work = torsion.job_in(folder / "f")
    recompute(torsion.molecule(), folder / "trajectory.h5", folder / "forces.h5", 1, work, print)
    topology = mdtraj.Topology.from_openmm(torsion.molecule().topology)
    output = folder / f"cg{len(beads.names)}.h5"
    files = Files(
        folder / "trajectory.h5", folder / "forces.h5", None, output, folder / "table.csv"
    )
    map_replica(SETTINGS, beads, SystemAtoms.of(topology), files, None, print)
    return H5mdReader(output)


@pytest.mark.parametrize("beads", [torsion.BEADS, ENDS], ids=["a function", "no function"])
def test_an_exported_run_gives_the_same_dataset(sampled, tmp_path, beads):
    own = tmp_path / "own"
    own.mkdir()
    shutil.copy(sampled / "trajectory.h5", own / "trajectory.h5")
    imported(biased(sampled), sampled / "prepared", tmp_path / "made", MAPPED)
    with dataset(own, beads) as first, dataset(tmp_path / "made", beads) as second:
        np.testing.assert_array_equal(second.positions(), first.positions())
        # Platforms differ in rounding.
        np.testing.assert_allclose(second.forces(), first.forces(), rtol=1e-3, atol=0.05)
        np.testing.assert_allclose(second.times(), first.times(), rtol=1e-6)
        np.testing.assert_allclose(
            second.observable("log_weight"), first.observable("log_weight"), atol=1e-6
        )
        for key in ("bead_names", "temperature", "bias_is_function_of_beads"):
            assert second.parameters[key] == first.parameters[key]
        assert second.parameters["bias_is_function_of_beads"] == (beads is torsion.BEADS)


def test_a_bias_along_undeclared_variables_is_no_function_of_the_beads(sampled, tmp_path):
    undeclared = biased(sampled, biased=[], collective_variables={})
    imported(undeclared, sampled / "prepared", tmp_path, MAPPED)
    with dataset(tmp_path, torsion.BEADS) as found:
        assert not found.parameters["bias_is_function_of_beads"]


@pytest.mark.parametrize("kind", ["csv", "npz"])
def test_bias_energies_from_tables(sampled, tmp_path, kind):
    with TrajectoryReader(sampled / "trajectory.h5") as frames:
        times, energies = frames.times(), frames.array("bias_energy")
    path = tmp_path / f"bias.{kind}"
    if kind == "npz":
        np.savez(path, time=times, V=energies / 4.184)
    else:
        rows = (f"{t:.9g},{v:.9g}\n" for t, v in zip(times, energies / 4.184, strict=True))
        path.write_text("time,V\n" + "".join(rows))
    wanted = biased(sampled)
    bias = wanted.trajectory.bias.model_copy(
        update={"file": str(path), "column": "V", "unit": 4.184}
    )
    trajectory = wanted.trajectory.model_copy(update={"bias": bias})
    wanted = wanted.model_copy(update={"trajectory": trajectory})
    imported(wanted, sampled / "prepared", tmp_path / "made", MAPPED)
    with TrajectoryReader(tmp_path / "made" / "trajectory.h5") as frames:
        np.testing.assert_allclose(frames.array("bias_energy"), energies, atol=1e-6)
        np.testing.assert_allclose(frames.array("log_weight"), energies / kt(300.0), atol=1e-6)


def rows_of(sampled: Path) -> np.ndarray:
    return np.loadtxt(sampled / "COLVAR")


WRONG = {
    "has no row for the frame at .* it belongs to other frames": lambda rows: rows[:100],
    "its rows go from": lambda rows: np.add(rows, [0.013, 0, 0, 0]),
    "which is before the row above it": lambda rows: rows[::-1],
    "its column 'phi' differs from the collective variable 'phi'": lambda rows: np.column_stack(
        [rows[:, 0], np.roll(rows[:, 1], 40), rows[:, 2:]]
    ),
    "the bias energy at .* ps is not a finite number": lambda rows: rows * [1, 1, 1, np.nan],
}


@pytest.mark.parametrize("message", WRONG)
def test_a_colvar_file_of_other_frames(sampled, tmp_path, message):
    write_colvar(tmp_path / "COLVAR", WRONG[message](rows_of(sampled)))
    shutil.copy(sampled / "run.trr", tmp_path / "run.trr")
    with pytest.raises(InputError, match=message):
        imported(biased(tmp_path), sampled / "prepared", tmp_path / "made", MAPPED)


def test_a_restarted_run_repeats_rows(sampled, tmp_path):
    """The later row counts, as it belongs to the trajectory that went on."""
    rows = rows_of(sampled)
    wrong = np.add(rows[50:51], [0, 0, 99, 99])
    write_colvar(tmp_path / "COLVAR", np.concatenate([rows[:50], wrong, rows[50:]]))
    shutil.copy(sampled / "run.trr", tmp_path / "run.trr")
    imported(biased(tmp_path), sampled / "prepared", tmp_path / "made", MAPPED)
    with TrajectoryReader(tmp_path / "made" / "trajectory.h5") as frames:
        np.testing.assert_allclose(frames.array("bias_energy"), rows[::2, 3], atol=1e-6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time phi\n0 1\n", "is neither a CSV or NPZ file nor a COLVAR file of PLUMED"),
        ("#! FIELDS time phi\n0.0 1.0\n", "has no column 'metad.rbias'; it has: time, phi"),
        ("#! FIELDS time phi metad.rbias\n0.0 1.0 2.0\n1.0 1\n", "has 2 values, but there are 3"),
        ("#! FIELDS time phi metad.rbias\n0 1 2\n1 2 3 4\n", "has 4 values, but there are 3"),
        (
            "#! FIELDS time phi metad.rbias\n0.0 1.0 2.0\n1.0 1.0 2",
            "its last line has no line break",
        ),
        (
            "#! FIELDS time phi metad.rbias\n0 1 2\n#! FIELDS time phi metad.bias\n1 2 3\n",
            r"has no column 'metad\.rbias' below line 3; it has: time, phi, metad\.bias",
        ),
        (
            "#! FIELDS time phi metad.rbias metad.rbias\n0 1 2 3\n",
            r"has 2 columns 'metad\.rbias'",
        ),
        ("#! FIELDS time phi metad.rbias\n0.0 1.0 x\n", "is not a complete table of numbers"),
    ],
)
def test_tables_that_cannot_be_read(sampled, tmp_path, text, message):
    (tmp_path / "COLVAR").write_text(text)
    shutil.copy(sampled / "run.trr", tmp_path / "run.trr")
    with pytest.raises(InputError, match=message):
        imported(biased(tmp_path), sampled / "prepared", tmp_path / "made", MAPPED)


def test_objects_in_an_archive_of_bias_energies_are_refused(sampled, tmp_path):
    np.savez(tmp_path / "b.npz", time=np.arange(3.0), V=np.array([object()] * 3))
    shutil.copy(sampled / "run.trr", tmp_path / "run.trr")
    with pytest.raises(InputError, match="Object arrays cannot be loaded"):
        imported(biased(tmp_path, "V", "b.npz"), sampled / "prepared", tmp_path / "made", MAPPED)


def test_a_restarted_run_with_other_columns(sampled, tmp_path):
    """Rows are read by the line of names above them."""
    rows = rows_of(sampled)
    text = "#! FIELDS time phi metad.bias metad.rbias\n"
    text += "".join(" ".join(f"{x:.6f}" for x in row) + "\n" for row in rows[:80])
    text += "#! FIELDS time metad.rbias phi\n#! SET min_phi -pi\n"
    text += "".join(" ".join(f"{x:.6f}" for x in row[[0, 3, 1]]) + "\n" for row in rows[80:])
    (tmp_path / "COLVAR").write_text(text)
    shutil.copy(sampled / "run.trr", tmp_path / "run.trr")
    imported(biased(tmp_path), sampled / "prepared", tmp_path / "made", MAPPED)
    with TrajectoryReader(tmp_path / "made" / "trajectory.h5") as frames:
        np.testing.assert_allclose(frames.array("bias_energy"), rows[::2, 3], atol=1e-6)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("time,V\n0,1\n1,2\n", [1.0, 2.0]),
        ("\ufefftime,V\n0,1\n1,2\n", [1.0, 2.0]),
        ("time,V,\n0,1,\n1,2,\n", [1.0, 2.0]),
        ("time,V\n0,1,\n# later\n\n1,2, \n", [1.0, 2.0]),
        ("time,V\n0,1,5\n1,2,5\n", r"the row '0,1,5' has 3 values, but there are 2 columns"),
        ("time,V,V\n0,1,5\n", r"has 2 columns 'V'"),
        ("time,V\n0,1\n1,2", r"its last line has no line break"),
        ("time,V\n0,1\n1,\n", r"is not a complete table of numbers"),
        ("", r"has no column 'time'"),
    ],
)
def test_csv_tables(tmp_path, text, found):
    path = tmp_path / "bias.csv"
    path.write_text(text, encoding="utf-8")
    if isinstance(found, list):
        np.testing.assert_array_equal(read_columns(path, ["time", "V"])["V"], found)
        return
    with pytest.raises(InputError, match=found) as error:
        read_columns(path, ["time", "V"])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", [complex, [("V", "f8")], "S4"])
def test_archives_of_bias_energies_that_are_not_numbers(tmp_path, kind):
    np.savez(tmp_path / "b.npz", time=np.arange(3.0), V=np.zeros(3, kind))
    with pytest.raises(InputError, match=r"its column 'V' is of type .*, not numbers"):
        read_columns(tmp_path / "b.npz", ["time", "V"])
