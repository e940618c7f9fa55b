"""The stage `map`: from a trajectory and its forces to a dataset; files that do not fit."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from meanforce.data.forces import force_type, write_forces
from meanforce.data.h5md import H5mdReader
from meanforce.data.trajectory import TrajectoryReader
from meanforce.data.trajectory_writer import frame_type, write_trajectory
from meanforce.errors import InputError
from meanforce.mapping.apply import Files, map_replica
from meanforce.mapping.configuration import build_beads
from meanforce.mapping.project import BLOCK, project
from meanforce.mapping.system_atoms import SystemAtoms
from meanforce.restart.records import RecordFile
from meanforce.settings.mappings import MappingSettings
from meanforce.settings.systems.peptide import PeptideSettings
from meanforce.systems.topology import input_topology

BOX = np.diag([30.0, 30.0, 40.0])
"""So large that no bond of these random positions crosses a boundary."""


@pytest.fixture(scope="module")
def topology(root):
    return input_topology(
        PeptideSettings(
            kind="peptide",
            structure=str(root / "resources" / "capped_alanine.pdb"),
            force_field=["amber99sbildn.xml", "amber99_obc.xml"],
        )
    )


def write_run(folder, topology, seed: int = 1, frames: int = 50) -> tuple:
    """Trajectory and forces of random numbers; returns their paths and these numbers."""
    folder.mkdir()
    n_atoms, rng = topology.n_atoms, np.random.default_rng(seed)
    kept = RecordFile(folder / "frames.raw", frame_type(n_atoms, 0))
    block = np.zeros(frames, kept.kind)
    block["positions"] = rng.normal(size=(frames, n_atoms, 3))
    block["time"] = 0.5 * np.arange(frames)
    kept.append(block)
    attributes = {"platform": "Reference", "temperature": 300.0, "time_step": 0.002}
    path = folder / "trajectory.h5"
    write_trajectory(path, topology.to_openmm(), kept, BOX, {}, attributes)
    with TrajectoryReader(path) as reader:
        content = reader.attributes["content"]
    records = RecordFile(folder / "forces.raw", force_type(n_atoms))
    labels = np.zeros(frames, records.kind)
    labels["forces"] = rng.normal(0, 1000, (frames, n_atoms, 3))
    records.append(labels)
    write_forces(folder / "forces.h5", records, {"trajectory": content})
    return path, folder / "forces.h5", block["positions"], labels["forces"]


def run(topology, trajectory, forces, output) -> None:
    settings = MappingSettings(template="heavy", force_map="slice")
    files = Files(trajectory, forces, None, output, output.with_suffix(".csv"))
    beads = build_beads(settings, topology, "m")
    map_replica(settings, beads, SystemAtoms.of(topology), files, None, lambda line: None)


def test_dataset_holds_mapped_frames_times_and_box(topology, tmp_path):
    trajectory, forces, positions, labels = write_run(tmp_path / "a", topology)
    run(topology, trajectory, forces, tmp_path / "heavy.h5")
    heavy = [atom.index for atom in topology.atoms if atom.element.symbol != "H"]
    with H5mdReader(tmp_path / "heavy.h5") as reader:
        np.testing.assert_array_equal(reader.positions(), positions[:, heavy])
        np.testing.assert_array_equal(reader.forces(), labels[:, heavy])
        np.testing.assert_array_equal(reader.times(), 0.5 * np.arange(50))
        np.testing.assert_array_equal(reader.box(), BOX)


def test_forces_of_another_run_are_refused(topology, tmp_path):
    trajectory, *_ = write_run(tmp_path / "a", topology, seed=1)
    _, forces, *_ = write_run(tmp_path / "b", topology, seed=2)
    with pytest.raises(InputError, match="has the forces of another run than"):
        run(topology, trajectory, forces, tmp_path / "heavy.h5")
    assert not (tmp_path / "heavy.h5").exists()


def test_a_trajectory_of_other_atoms_is_refused(topology, tmp_path):
    fewer = topology.subset(range(21))
    trajectory, forces, *_ = write_run(tmp_path / "a", fewer)
    with pytest.raises(InputError, match="has 21 atoms, but the prepared system 22"):
        run(topology, trajectory, forces, tmp_path / "heavy.h5")


@pytest.mark.parametrize("kind", ["one atom", "sums", "centres", "dense"])
@pytest.mark.parametrize("frames", [0, 1, BLOCK + 3])
def test_projection_is_the_sum_rounded_once(kind, frames):
    rng = np.random.default_rng(4)
    matrix = np.zeros((3, 30))
    if kind == "one atom":
        matrix[[0, 1, 2], [7, 2, 20]] = 1
    elif kind == "sums":
        matrix[0, 3:6] = matrix[1, 6:7] = matrix[2, 10:14] = 1
    elif kind == "centres":
        matrix[0, 3], matrix[1, 5:7], matrix[2, 9] = 0.5, [0.25, 0.75], -1
    else:
        matrix = rng.normal(size=(3, 30))
    given = rng.normal(0, 1000, (frames, 30, 3)).astype("f4")
    exact = np.einsum("bi,nid->nbd", matrix, given.astype(float))
    mapped = project(csr_array(matrix), given)
    assert mapped.dtype == np.float32
    assert mapped.shape == (frames, 3, 3)
    # Half a unit in the last place of float32, and what double precision itself rounds.
    np.testing.assert_allclose(mapped, exact, rtol=2.0**-24 * 1.001, atol=1e-9)
