"""Molecules that a periodic boundary cuts are made whole."""

import dataclasses
import itertools

import numpy as np
import openmm
import pytest
from openmm import app, unit

from meanforce.data.forces import force_type, write_forces
from meanforce.data.h5md import H5mdReader
from meanforce.data.trajectory import TrajectoryReader
from meanforce.data.trajectory_writer import frame_type, write_trajectory
from meanforce.errors import InputError
from meanforce.mapping.apply import Files, map_replica
from meanforce.mapping.configuration import build_beads
from meanforce.mapping.system_atoms import SystemAtoms
from meanforce.mapping.unwrap import AT_ONCE, bond_tree, make_whole
from meanforce.restart.records import RecordFile
from meanforce.settings.job import validated
from meanforce.settings.mappings import MappingSettings
from meanforce.settings.systems.peptide import PeptideSettings
from meanforce.settings.systems.registry import System
from meanforce.systems import force_field
from meanforce.systems.atoms import input_atoms
from meanforce.systems.peptide import read_structure
from meanforce.systems.solvated_peptide import solvate
from meanforce.systems.topology import input_topology

CUBE = 2.2 * np.eye(3)
# The reduced form of a rhombic dodecahedron, and a box that is skewed as much as OpenMM allows.
DODECAHEDRON = 2.2 * np.array([[1, 0, 0], [0, 1, 0], [0.5, 0.5, 0.5**0.5]])
SKEWED = np.array([[2.2, 0, 0], [1.1, 2.3, 0], [-1.1, 1.15, 2.4]])
BOXES = {"cube": CUBE, "dodecahedron": DODECAHEDRON, "skewed": SKEWED}

MAPPINGS = {
    "heavy": MappingSettings(template="heavy"),
    "core_beta": MappingSettings(template="core_beta"),
    # Atoms that only further atoms connect.
    "ends": MappingSettings(
        beads={"A": "resname ACE and name CH3", "B": "resname NME", "C": "name CB"}
    ),
}


@pytest.fixture(scope="module")
def alanine(root):
    """Topology, and positions, shape (22, 3)."""
    path = str(root / "resources" / "capped_alanine.pdb")
    settings = PeptideSettings(kind="peptide", structure=path, force_field=["amber99sbildn.xml"])
    positions = read_structure(path).getPositions(asNumpy=True).value_in_unit(unit.nanometer)
    return input_topology(settings), np.array(positions)


def wrap(positions: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Every atom in the box by itself."""
    return positions - np.floor(positions @ np.linalg.inv(box)) @ box


def relative(beads, n_atoms: int, positions: np.ndarray) -> np.ndarray:
    """Bead positions seen from the first bead, shape (n_frames, n_beads, 3)."""
    mapped = beads.matrix(n_atoms).toarray() @ positions
    return mapped - mapped[:, :1]


@pytest.mark.parametrize("name", MAPPINGS)
@pytest.mark.parametrize("box", BOXES)
def test_a_molecule_across_faces_edges_and_corners(alanine, box, name):
    topology, positions = alanine
    vectors = BOXES[box]
    beads = build_beads(MAPPINGS[name], topology, "m")
    # The middle of the molecule on each face, each edge, the corner, and inside.
    places = np.array(list(itertools.product([0.0, 0.5], repeat=3))) @ vectors
    frames = positions - positions.mean(axis=0) + places[:, None]
    cut = wrap(frames, vectors)
    whole = make_whole(cut.copy(), bond_tree(topology, beads.atoms), vectors)
    expected = relative(beads, 22, frames)
    np.testing.assert_allclose(relative(beads, 22, whole), expected, atol=1e-12)
    # The test is sensitive: without a change, only the last of the eight is right.
    wrong = abs(relative(beads, 22, cut) - expected).max(axis=(1, 2)) > 0.1
    assert wrong.tolist() == [True] * 7 + [False]


@pytest.mark.parametrize("box", BOXES)
def test_any_lattice_translation_of_any_atom_changes_nothing(alanine, box):
    topology, positions = alanine
    vectors = BOXES[box]
    beads = build_beads(MAPPINGS["heavy"], topology, "m")
    shifts = np.random.default_rng(5).integers(-3, 4, (200, 22, 3)) @ vectors
    whole = make_whole(positions + shifts, bond_tree(topology, beads.atoms), vectors)
    expected = relative(beads, 22, positions[None])
    np.testing.assert_allclose(
        relative(beads, 22, whole), np.broadcast_to(expected, (200, 10, 3)), atol=1e-12
    )


@pytest.mark.parametrize("box", BOXES)
def test_bonds_of_all_lengths_that_a_box_allows(alanine, box):
    topology, _ = alanine
    vectors, rng = BOXES[box], np.random.default_rng(6)
    tree = bond_tree(topology, [[4], [5], [6]])
    narrowest = 1 / np.linalg.norm(np.linalg.inv(vectors), axis=0).max()
    positions = np.zeros((2 * AT_ONCE + 7, 22, 3))
    for parents, children in tree.levels:
        steps = rng.normal(size=(len(positions), len(children), 3))
        lengths = rng.uniform(0, 0.4999 * narrowest, steps.shape[:2])[:, :, None]
        steps *= lengths / np.linalg.norm(steps, axis=2, keepdims=True)
        positions[:, children] = positions[:, parents] + steps
    shifts = rng.integers(-1, 2, positions.shape) @ vectors
    # Most frames are whole, as in a run, so that cut ones have to be found among them.
    shifts[rng.random(len(shifts)) < 0.9] = 0
    whole = make_whole(positions + shifts, tree, vectors)
    moved = whole - whole[:, [tree.levels[0][0][0]]]
    own = positions - positions[:, [tree.levels[0][0][0]]]
    np.testing.assert_allclose(moved[:, tree.atoms], own[:, tree.atoms], atol=1e-12)


def test_single_precision_stays_in_place_and_without_a_box_nothing_moves(alanine):
    topology, positions = alanine
    beads = build_beads(MAPPINGS["heavy"], topology, "m")
    tree = bond_tree(topology, beads.atoms)
    cut = wrap(positions[None], CUBE).astype(np.float32)
    before = cut.copy()
    assert make_whole(cut, tree, None) is cut
    np.testing.assert_array_equal(cut, before)
    assert make_whole(cut, tree, CUBE) is cut
    assert cut.dtype == np.float32
    np.testing.assert_allclose(
        relative(beads, 22, cut), relative(beads, 22, positions[None]), atol=1e-6
    )


def test_only_atoms_that_beads_need_are_moved(alanine):
    topology, _ = alanine
    names = [str(topology.atom(i)) for i in bond_tree(topology, [[4], [14]]).atoms]
    assert names == ["ACE1-C", "ALA2-N", "ALA2-CA", "ALA2-C"]
    assert bond_tree(topology, [[4]]).levels == ()


@pytest.fixture(scope="module")
def water(root):
    """Capped alanine in a small box of water: topology, positions, box."""
    settings = validated(
        System,
        {
            "kind": "solvated_peptide", "box": 2.0, "nonbonded_cutoff": 0.9,
            "structure": str(root / "resources" / "capped_alanine.pdb"),
            "force_field": ["amber99sbildn.xml", "tip3p.xml"],
        },
        "system",
    )  # fmt: skip
    field = force_field.load(settings.force_field)
    return solvate(settings, field, read_structure(settings.structure), 2.0, seed=1)


def openmm_wrapped(water: app.Modeller, shift: np.ndarray) -> np.ndarray:
    """Positions as OpenMM wraps them, molecule by molecule, shape (n_atoms, 3)."""
    system = openmm.System()
    box = water.topology.getPeriodicBoxVectors()
    system.setDefaultPeriodicBoxVectors(*box)
    bonds = openmm.HarmonicBondForce()
    bonds.setUsesPeriodicBoundaryConditions(True)
    for _ in water.topology.atoms():
        system.addParticle(1.0)
    for first, second in water.topology.bonds():
        bonds.addBond(first.index, second.index, 0.1, 1.0)
    system.addForce(bonds)
    platform = openmm.Platform.getPlatformByName("Reference")
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), platform)
    context.setPositions(np.array(water.positions.value_in_unit(unit.nanometer)) + shift)
    state = context.getState(positions=True, enforcePeriodicBox=True)
    return state.getPositions(asNumpy=True).value_in_unit(unit.nanometer)


def test_a_real_box_of_water(water):
    """Solute and water as beads: as OpenMM wraps them, and with every atom wrapped by itself."""
    import mdtraj

    topology = mdtraj.Topology.from_openmm(water.topology)
    box = np.array(water.topology.getPeriodicBoxVectors().value_in_unit(unit.nanometer))
    original = np.array(water.positions.value_in_unit(unit.nanometer))
    solute = build_beads(MAPPINGS["heavy"], topology, "m").atoms
    oxygens = topology.select("water and name O")
    waters = [[o, o + 1, o + 2] for o in oxygens[:50]]
    tree = bond_tree(topology, [*solute, *waters])
    assert len(tree.atoms) == 10 + 150
    everything = [[i for bead in solute for i in bead], *waters]
    center = original[:22].mean(axis=0)
    frames = np.array([openmm_wrapped(water, k * box.sum(axis=0) / 4 - center) for k in range(4)])
    cut = wrap(frames, box)
    # The test is sensitive: a box of 2 nm cuts some of them.
    assert any(np.ptp(cut[:, members], axis=1).max() > 1.0 for members in everything)
    for positions in (frames, cut):
        whole = make_whole(positions.copy(), tree, box)
        for members in ([i for bead in solute for i in bead], *waters):
            inside = whole[:, members] - whole[:, members[:1]]
            expected = original[members] - original[members[:1]]
            np.testing.assert_allclose(inside, np.broadcast_to(expected, inside.shape), atol=1e-6)


def test_beads_whose_atoms_no_bonds_connect(water):
    """Two waters in one bead, on two sides of the boundary: they are put side by side."""
    import mdtraj

    topology = mdtraj.Topology.from_openmm(water.topology)
    oxygens = topology.select("water and name O")
    positions = np.zeros((1, topology.n_atoms, 3))
    first, second, third = oxygens[:3]
    positions[0, [first, second, third]] = [[0.1, 1.0, 0.0], [1.9, 1.0, 0.1], [0.2, 1.0, 1.8]]
    beads = [(first, second), (third, second + 1)]
    positions[0, second + 1] = [-0.1, 1.1, 0.1]
    whole = make_whole(positions, bond_tree(topology, beads), 2.0 * np.eye(3))[0]
    np.testing.assert_allclose(whole[second] - whole[first], [-0.2, 0.0, 0.1])
    np.testing.assert_allclose(whole[second + 1] - whole[second], [0.0, 0.1, 0.0], atol=1e-12)
    np.testing.assert_allclose(whole[third] - whole[second + 1], [0.3, -0.1, -0.3], atol=1e-12)


def replica(folder, topology: app.Topology, frames: np.ndarray, box: np.ndarray):
    """A trajectory of the given frames, and forces of its own."""
    n_atoms = frames.shape[1]
    folder.mkdir()
    with_frames = RecordFile(folder / "frames.raw", frame_type(n_atoms, 0))
    records = np.zeros(len(frames), with_frames.kind)
    records["positions"], records["time"] = frames, np.arange(len(frames))
    with_frames.append(records)
    about = {"temperature": 300.0, "time_step": 0.002, "platform": "Reference"}
    write_trajectory(folder / "t.h5", topology, with_frames, box, {}, about)
    with_forces = RecordFile(folder / "forces.raw", force_type(n_atoms))
    with_forces.append(np.zeros(len(frames), with_forces.kind))
    with TrajectoryReader(folder / "t.h5") as trajectory:
        content = trajectory.attributes["content"]
    write_forces(folder / "f.h5", with_forces, {"trajectory": content})
    return folder / "t.h5", folder / "f.h5"


def test_datasets_do_not_depend_on_how_frames_were_wrapped(alanine, root, tmp_path):
    topology, positions = alanine
    path = str(root / "resources" / "capped_alanine.pdb")
    settings = PeptideSettings(kind="peptide", structure=path, force_field=["amber99sbildn.xml"])
    start = input_atoms(settings)
    places = np.array(list(itertools.product([0.0, 0.5], repeat=3))) @ SKEWED
    frames = positions - positions.mean(axis=0) + places[:, None]
    boxed = dataclasses.replace(start, box=SKEWED)
    beads = build_beads(MAPPINGS["heavy"], topology, "m", boxed)
    mapped, parameters = [], []
    for name, wrapped in (("whole", frames), ("cut", wrap(frames, SKEWED))):
        openmm_topology = read_structure(path).topology
        trajectory, forces = replica(tmp_path / name, openmm_topology, wrapped, SKEWED)
        output = tmp_path / f"{name}.h5"
        files = Files(trajectory, forces, None, output, tmp_path / f"{name}.csv")
        map_replica(MAPPINGS["heavy"], beads, SystemAtoms.of(topology), files, None, print)
        with H5mdReader(output) as dataset:
            mapped.append(dataset.positions() - dataset.positions()[:, :1])
            parameters.append(dataset.parameters)
    np.testing.assert_allclose(mapped[1], mapped[0], atol=1e-6)
    for found in parameters:
        assert found["stereo_centers"] == [[4, 3, 5, 6, -1]]
        assert found["bead_residues"] == [["ACE", 0]] * 3 + [["ALA", 1]] * 5 + [["NME", 2]] * 2
        assert found["bead_types"][2] == "ACE-O(C:CN)"


def test_trajectories_of_other_atoms_are_not_mapped(alanine, root, tmp_path):
    topology, positions = alanine
    other = read_structure(str(root / "resources" / "capped_alanine.pdb")).topology
    next(residue for residue in other.residues() if residue.name == "ALA").name = "GLY"
    trajectory, forces = replica(tmp_path / "other", other, positions[None], CUBE)
    with pytest.raises(InputError, match=r"t\.h5: its atom number 7 is GLY2-N, but ALA2-N in the"):
        map_replica(
            MAPPINGS["heavy"], build_beads(MAPPINGS["heavy"], topology, "m"),
            SystemAtoms.of(topology),
            Files(trajectory, forces, None, tmp_path / "x.h5", tmp_path / "x.csv"), None, print,
        )  # fmt: skip
