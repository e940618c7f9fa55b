"""Torques on pendant atoms: their mean is zero, mapped forces keep the exact mean, with less noise.

Seeds are fixed. A mean is allowed 5.5 standard errors: one of the 50 comparisons here fails by
chance with a probability below 1e-5.
"""

import mdtraj
import numpy as np
import openmm
import pytest
import torch
from openmm import app
from scipy.spatial.transform import Rotation

from meanforce.errors import InputError
from meanforce.mapping import columns as columns_module
from meanforce.mapping.block_force_maps import (
    BlockForceMaps,
    MappedMolecule,
    fixed_force_maps,
    optimal_force_maps,
)
from meanforce.mapping.columns import Columns, columns_of
from meanforce.mapping.configuration import build_beads
from meanforce.mapping.groups import Moments, groups_of
from meanforce.mapping.pendants import EACH, Pendants, pendants_of
from meanforce.mapping.project import project
from meanforce.mapping.system_atoms import SystemAtoms
from meanforce.mapping.unwrap import make_whole, tree_of
from meanforce.mapping.virtual_sites import refuse_placed_atoms
from meanforce.settings.mappings import MappingSettings

KT = 2.494
FRAMES = 20000
ALLOWED = 5.5

# A hydrogen on the last of three atoms, which are the beads and stay where they are.
BEADS = np.array([[0.15, 0.05, 0.0], [0.0, 0.0, 0.0], [0.03, 0.15, 0.0]])
BOND, ANGLE, STIFF, BENDING, TWISTING = 0.109, 2.4, 1e5, 200.0, 6.0


def topology(symbols: str, bonds: list[tuple[int, int]]) -> mdtraj.Topology:
    found = mdtraj.Topology()
    residue = found.add_residue("MOL", found.add_chain())
    atoms = [
        found.add_atom(f"{symbol}{number}", mdtraj.element.get_by_symbol(symbol), residue)
        for number, symbol in enumerate(symbols)
    ]
    for first, second in bonds:
        found.add_bond(atoms[first], atoms[second])
    return found


def molecule_of(plain: mdtraj.Topology, constraints, **settings) -> MappedMolecule:
    beads = build_beads(MappingSettings(**settings), plain, "m")
    names = [str(atom) for atom in plain.atoms]
    groups = groups_of(SystemAtoms.of(plain, list(constraints)), "none")
    return MappedMolecule(beads, plain.n_atoms, list(constraints), names, groups)


def pendants_in(case: MappedMolecule, plain: mdtraj.Topology):
    return pendants_of(SystemAtoms.of(plain, case.constraints), case.beads.matrix(case.n_atoms))


def maps_of(case: MappedMolecule, columns: Columns, fitted: np.ndarray) -> BlockForceMaps:
    """The optimal force maps, each block's fitted to the other blocks."""
    wide = case.with_columns(columns.torques, columns.covariates)
    moments = Moments(wide.groups, len(fitted))
    moments.add(0, fitted)
    return optimal_force_maps(wide, moments, None)


def energy(positions: torch.Tensor) -> torch.Tensor:
    """Of the bond to the hydrogen, its angle, and the twist about the bond before it."""
    first, second, third, hydrogen = positions.unbind(1)
    arm, back = hydrogen - third, second - third
    size = arm.norm(dim=1)
    angle = torch.acos((arm * back).sum(1) / size / back.norm(dim=1))
    before, after = torch.linalg.cross(first - second, back), torch.linalg.cross(back, arm)
    # The sine of the angle in it keeps it smooth where the three atoms are on a line.
    twist = (before * after).sum(1) / before.norm(dim=1) / back.norm(dim=1) / size
    return STIFF / 2 * (size - BOND) ** 2 + BENDING / 2 * (angle - ANGLE) ** 2 + TWISTING * twist


def forces_at(positions: np.ndarray) -> np.ndarray:
    leaf = torch.tensor(positions, requires_grad=True)
    return -torch.autograd.grad(energy(leaf).sum(), leaf)[0].numpy()


def with_hydrogen(size: np.ndarray, cosine: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """The beads, and the hydrogen in spherical coordinates about the last one."""
    sine = np.sqrt(1 - cosine**2)
    arm = size[:, None] * np.stack([sine * np.cos(turn), sine * np.sin(turn), cosine], axis=1)
    beads = np.broadcast_to(BEADS, (len(arm), 3, 3))
    return np.concatenate([beads, (BEADS[2] + arm)[:, None]], axis=1)


def aggregated(forces: np.ndarray) -> np.ndarray:
    return forces[:, :3] + np.eye(3)[2][:, None] * forces[:, 3:]


def exact(rigid: bool) -> np.ndarray:
    """Mean force on the beads, with the hydrogen's force on the last one, by quadrature."""
    sizes = np.array([BOND]) if rigid else BOND + 0.005 * np.linspace(-6, 6, 41)
    cosines, weights = np.polynomial.legendre.leggauss(300)
    turns = np.arange(60) * 2 * np.pi / 60
    grid = np.meshgrid(sizes, cosines, turns, indexing="ij")
    positions = with_hydrogen(*(values.ravel() for values in grid))
    density = np.exp(-energy(torch.tensor(positions)).numpy() / KT) * grid[0].ravel() ** 2
    density *= np.broadcast_to(weights[:, None], grid[0].shape).ravel()
    return np.einsum("n,nbx->bx", density / density.sum(), aggregated(forces_at(positions)))


def drawn(rigid: bool, rng: np.random.Generator) -> np.ndarray:
    """Independent draws, by rejection."""
    found, count = [], 0
    while count < FRAMES:
        tries = 400000
        size = np.full(tries, BOND) if rigid else rng.normal(BOND, np.sqrt(KT / STIFF), tries)
        positions = with_hydrogen(size, rng.uniform(-1, 1, tries), rng.uniform(0, 2 * np.pi, tries))
        left = energy(torch.tensor(positions)).numpy() - STIFF / 2 * (size - BOND) ** 2
        chance = np.exp(-(left + TWISTING) / KT) * (size / (BOND + 0.03)) ** 2
        found.append(positions[rng.uniform(size=tries) < chance])
        count += len(found[-1])
    return np.concatenate(found)[:FRAMES]


@pytest.mark.parametrize("rigid", [True, False])
def test_mapped_forces_keep_the_exact_mean_and_lose_their_noise(rigid):
    rng = np.random.default_rng(3)
    bodies = drawn(rigid, rng)
    turns = Rotation.random(FRAMES, rng=rng).as_matrix()
    positions = np.einsum("nxy,nay->nax", turns, bodies)
    forces = np.einsum("nxy,nay->nax", turns, forces_at(bodies))
    plain = topology("CCCH", [(0, 1), (1, 2), (2, 3)])
    beads = {"A": "index 0", "B": "index 1", "C": "index 2"}
    case = molecule_of(plain, [(2, 3)] if rigid else [], beads=beads)
    pendants = pendants_in(case, plain)
    columns = Columns(pendants)
    applied = columns.applied(positions, forces.astype(np.float32))
    mapped = maps_of(case, columns, applied).apply(0, FRAMES, applied)
    mapped = np.einsum("nyx,nby->nbx", turns, mapped)
    known = exact(rigid)
    plainly = np.einsum("nyx,nby->nbx", turns, aggregated(forces))
    for each in (mapped, plainly):
        error = each.std(axis=0) / np.sqrt(FRAMES)
        # Along the normal of the beads' plane both are zero, but for rounding.
        deviation = np.abs(each.mean(axis=0) - known) / np.maximum(error, 0.05)
        assert deviation.max() < ALLOWED
    ratio = mapped.var(axis=0).sum() / plainly.var(axis=0).sum()
    print(f"variance with torques over that without: {ratio:.1e}")
    assert ratio < 0.01


@pytest.fixture(scope="module")
def dynamics():
    """Frames and forces of capped alanine with rigid bonds to hydrogen, 20 fs apart."""
    file = app.PDBFile("resources/capped_alanine.pdb")
    field = app.ForceField("amber99sbildn.xml", "amber99_obc.xml")
    system = field.createSystem(file.topology, constraints=app.HBonds)
    integrator = openmm.LangevinMiddleIntegrator(300.0, 5.0, 0.002)
    integrator.setRandomNumberSeed(7)
    context = openmm.Context(system, integrator, openmm.Platform.getPlatformByName("Reference"))
    context.setPositions(file.positions)
    openmm.LocalEnergyMinimizer.minimize(context)
    context.setVelocitiesToTemperature(300.0, 7)
    integrator.step(2500)
    positions, forces = np.empty((2, 4000, 22, 3))
    for frame in range(len(positions)):
        integrator.step(10)
        state = context.getState(positions=True, forces=True)
        positions[frame] = state.getPositions(asNumpy=True)._value
        forces[frame] = state.getForces(asNumpy=True)._value
    constraints = [system.getConstraintParameters(k)[:2] for k in range(system.getNumConstraints())]
    return mdtraj.Topology.from_openmm(file.topology), constraints, positions, forces


def largest_deviation(pendants: Pendants, positions: np.ndarray, forces: np.ndarray) -> float:
    """Of the torques' components in their frames from zero, in standard errors."""
    vectors = pendants.vectors(positions, forces)
    assert vectors.shape == (len(positions), pendants.count, 3)
    at, first, _ = (positions[:, column] for column in pendants.frames.T)
    along = (first - at) / np.linalg.norm(first - at, axis=2, keepdims=True)
    # Those that point along the first axis are this axis times a component.
    vectors = vectors.reshape(*along.shape[:2], EACH, 3)[:, :, :3]
    components = np.einsum("npkx,npx->npk", vectors, along)
    blocks = components.reshape(50, len(positions) // 50, -1).mean(axis=1)
    return (np.abs(blocks.mean(axis=0)) / blocks.std(axis=0, ddof=1)).max() * np.sqrt(50)


def test_torques_in_a_force_field_have_no_mean(dynamics):
    plain, constraints, positions, forces = dynamics
    found = pendants_in(molecule_of(plain, constraints, template="heavy"), plain)
    assert len(found.frames) == 6
    right = largest_deviation(found, positions, forces)
    print(f"largest deviation from zero: {right:.1f} standard errors")
    assert right < ALLOWED


def test_torques_in_a_frame_that_turns_with_the_atom_have_a_mean():
    """Then the divergence of the turn is not zero, and this test would see it."""
    positions = drawn(True, np.random.default_rng(4))
    forces = forces_at(positions)
    hydrogen, owner = np.array([3]), np.array([0])
    found = [
        largest_deviation(Pendants(np.array([frame]), hydrogen, owner), positions, forces)
        for frame in ([2, 1, 0], [2, 1, 3])
    ]
    print("largest deviation from zero: {:.1f} and {:.1f} standard errors".format(*found))
    assert found[0] < ALLOWED < found[1]


def test_few_frames_are_enough_where_the_mean_force_is_explained(dynamics):
    """As covariates, vectors between near beads keep it from drawing the coefficients."""
    plain, constraints, positions, forces = dynamics
    case = molecule_of(plain, constraints, template="heavy")
    mapping = MappingSettings(template="heavy", force_map="optimal")
    columns = columns_of(mapping, case, SystemAtoms.of(plain, case.constraints), print)
    assert (columns.torques, columns.covariates) == (6 * EACH, 2 * (9 + 11))
    forces = forces.astype(np.float32)
    applied = columns.applied(positions, forces)
    beads = project(case.beads.matrix(case.n_atoms), positions)
    fitted = columns.fitted(positions, forces, beads)
    few, others = slice(0, 1200), slice(1200, None)
    plainly = fixed_force_maps(case, "aggregate").apply(0, 2800, forces[others])
    gains = []
    for own, data in ((columns, fitted), (Columns(columns.pendants), applied)):
        # That of any block serves for frames that are in none.
        matrix = maps_of(case, own, data[few]).matrices[0]
        assert not matrix[:, applied.shape[1] :].nnz
        mapped = project(matrix[:, : applied.shape[1]], applied[others])
        gains.append(((plainly**2).mean() - (mapped**2).mean()) / 41.84**2)
    print("noise that is gone: {:.1f}, without covariates {:.1f} (kcal/mol/Å)²".format(*gains))
    assert gains[0] > 17
    assert gains[0] > gains[1] + 3


def test_too_many_columns_are_left_out(dynamics, monkeypatch):
    plain, constraints, _, _ = dynamics
    case, lines = molecule_of(plain, constraints, template="heavy"), []
    mapping = MappingSettings(template="heavy", force_map="optimal")
    for most, found in ((104, (54, 40)), (103, (54, 0)), (63, (0, 40)), (49, (0, 0))):
        monkeypatch.setattr(columns_module, "MOST", most)
        columns = columns_of(mapping, case, SystemAtoms.of(plain, case.constraints), lines.append)
        assert (columns.torques, columns.covariates) == found
    wanted = "no torques in the force map: 64 coefficients for each bead are too many, allowed are"
    assert lines == [f"{wanted} 63", f"{wanted} 49"]
    none = MappingSettings(template="heavy", force_map="optimal", control_variates="none")
    monkeypatch.undo()
    assert columns_of(none, case, SystemAtoms.of(plain, case.constraints), print).torques == 0
    assert (
        columns_of(MappingSettings(template="heavy"), case, SystemAtoms.of(plain), print)
        == Columns()
    )


def test_torques_turn_with_the_molecule(dynamics):
    plain, constraints, positions, forces = dynamics
    pendants = pendants_in(molecule_of(plain, constraints, template="heavy"), plain)
    turn = Rotation.from_rotvec([0.3, -1.0, 2.0]).as_matrix()
    positions, forces = positions[:20], forces[:20]
    wanted = pendants.vectors(positions, forces) @ turn.T
    found = pendants.vectors(positions @ turn.T + 0.7, forces @ turn.T)
    np.testing.assert_allclose(found, wanted, atol=2e-3)


def test_hydrogens_of_cut_molecules_are_put_beside_their_atoms(dynamics):
    plain, constraints, positions, forces = dynamics
    case = molecule_of(plain, constraints, template="heavy")
    mapping = MappingSettings(template="heavy", force_map="optimal")
    columns = columns_of(mapping, case, SystemAtoms.of(plain, case.constraints), print)
    box = np.diag([2.0, 2.1, 2.2])
    # The molecule's centre is at a corner, so that each frame is cut into eight parts.
    centred = positions[:50] - positions[:50].mean(axis=1, keepdims=True)
    cut = centred - np.floor(centred @ np.linalg.inv(box)) @ box
    whole = make_whole(cut.copy(), tree_of(plain, case.beads, columns.atoms), box)
    wanted, found = (columns.applied(one, forces[:50]) for one in (centred, whole))
    np.testing.assert_allclose(found, wanted, atol=2e-3)
    apart = make_whole(cut.copy(), tree_of(plain, case.beads), box)
    assert np.abs(columns.applied(apart, forces[:50]) - wanted).max() > 100


@pytest.mark.parametrize(
    ("template", "constraints", "owners"),
    [
        ("heavy", [], "ACE1-CH3 ALA2-N ALA2-CA ALA2-CB NME3-N NME3-C"),
        # The oxygens are in no bead, and beyond C there are further atoms.
        ("core_beta", [], "ACE1-CH3 ACE1-C ALA2-N ALA2-CA ALA2-CB ALA2-C NME3-N NME3-C"),
        # A bond of the nitrogen beside that to its hydrogen: their angle is in the metric.
        ("heavy", [("ALA2-N", "ALA2-H"), ("ALA2-N", "ALA2-CA")],
         "ACE1-CH3 ALA2-CA ALA2-CB NME3-N NME3-C"),
        # The same bond where that to the hydrogen may stretch.
        ("heavy", [("ALA2-N", "ALA2-CA")],
         "ACE1-CH3 ALA2-N ALA2-CA ALA2-CB NME3-N NME3-C"),
        # An angle that is held keeps the hydrogen from turning.
        ("heavy", [("ALA2-HA", "ALA2-CB")],
         "ACE1-CH3 ALA2-N ALA2-CB NME3-N NME3-C"),
        ("all", [], ""),
    ],
)  # fmt: skip
def test_which_atoms_carry_pendant_ones(dynamics, template, constraints, owners):
    plain = dynamics[0]
    names = [f"{atom.residue.name}{atom.residue.resSeq}-{atom.name}" for atom in plain.atoms]
    pairs = [tuple(map(names.index, pair)) for pair in constraints]
    beads = molecule_of(plain, [], template=template).beads
    found = pendants_of(SystemAtoms.of(plain, pairs), beads.matrix(plain.n_atoms))
    assert owners.split() == ([] if found is None else [names[i] for i in found.frames[:, 0]])


def test_sites_without_mass_are_in_no_frame():
    """A lone pair that the hydrogen places turns with it."""
    plain = topology("CCOH", [(0, 1), (1, 2), (2, 3)])
    site = plain.add_atom("LP", mdtraj.element.virtual, plain.residue(0))
    plain.add_bond(plain.atom(2), site)
    case = molecule_of(plain, [], beads={"A": "index 0", "B": "index 1", "C": "index 2"})
    found = pendants_in(case, plain)
    assert (found.frames.tolist(), found.members.tolist()) == ([[2, 1, 0]], [3])


def test_atoms_that_do_not_move_freely_are_sites_whatever_their_element():
    plain = topology("CCCCHHH", [(0, 1), (1, 2), (2, 3), (1, 4), (2, 5), (3, 6)])
    system = openmm.System()
    for mass in (12.0, 12.0, 12.0, 0.0, 1.0, 0.0, 1.0):
        system.addParticle(mass)
    # The hydrogen of the second atom moves, that of the third is placed by others, and the last
    # carbon is held in place.
    system.setVirtualSite(5, openmm.TwoParticleAverageSite(1, 2, 0.5, 0.5))
    beads = {"A": "index 0", "B": "index 1", "C": "index 2"}
    case = molecule_of(plain, [], beads=beads)
    every, moving = SystemAtoms.of(plain), SystemAtoms.moving(plain, system, case.beads)
    assert groups_of(every, "whole").count == 7
    assert groups_of(moving, "whole").of_atom.tolist() == [0, 1, 2, -1, 3, -1, 4]
    matrix = case.beads.matrix(case.n_atoms)
    found = [pendants_of(each, matrix) for each in (every, moving)]
    assert [each.frames[:, 0].tolist() for each in found] == [[1, 2, 3], [1]]
    # A bead that is held in place keeps the force on its atom, and one that is placed has none.
    held = molecule_of(plain, [], beads=beads | {"D": "index 3"})
    moving = SystemAtoms.moving(plain, system, held.beads)
    assert groups_of(moving, "whole").of_atom.tolist() == [0, 1, 2, 3, 4, -1, 5]
    for atom in plain.atoms:
        atom.element = mdtraj.element.virtual
    moving = SystemAtoms.moving(plain, system, case.beads)
    assert groups_of(moving, "whole").of_atom.tolist() == [0, 1, 2, -1, 3, -1, 4]
    placed = molecule_of(plain, [], beads=beads | {"H": "index 5"}).beads
    refuse_placed_atoms(held.beads, system, plain, "mappings.m")
    with pytest.raises(InputError, match=r"mappings\.m\.beads\.H: .* is a site without mass"):
        refuse_placed_atoms(placed, system, plain, "mappings.m")


def test_molecules_without_beads_have_no_columns():
    chain = [(0, 1), (1, 2), (2, 3)]
    plain = topology("CCCH" * 3, [(4 * k + i, 4 * k + j) for k in range(3) for i, j in chain])
    case = molecule_of(plain, [], beads={"A": "index 4", "B": "index 5"})
    assert pendants_in(case, plain).frames[:, 0].tolist() == [6]


@pytest.mark.parametrize(
    ("symbols", "bonds", "bead"),
    [
        # Water, ethane and an ion: no frame of three atoms.
        ("OHH", [(0, 1), (0, 2)], "index 0"),
        ("CCHHHHHH", [(0, 1), (0, 2), (0, 3), (0, 4), (1, 5), (1, 6), (1, 7)], "type C"),
        ("CH", [(0, 1)], "index 0"),
    ],
)
def test_small_molecules_have_none(symbols, bonds, bead):
    plain = topology(symbols, bonds)
    assert pendants_in(molecule_of(plain, [], beads={"A": bead}), plain) is None
