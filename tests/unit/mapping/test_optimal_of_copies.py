"""Optimal force maps of many molecules: shared coefficients, and the exact mean force."""

import dataclasses
import time

import mdtraj
import numpy as np
import pytest
from molecule_boxes import topology_of

from meanforce.errors import InputError
from meanforce.mapping.block_force_maps import MappedMolecule, optimal_force_maps
from meanforce.mapping.configuration import build_beads
from meanforce.mapping.copies import CopiedMoments, copied_molecules
from meanforce.mapping.groups import BLOCKS, Groups, Moments, groups_of
from meanforce.mapping.system_atoms import SystemAtoms
from meanforce.settings.job import validated
from meanforce.settings.mappings import MappingSettings

BEADS = {
    "ETH": {"beads": {"A": ["C1", "H11", "H12", "H13"], "B": ["C2", "H21", "H22", "H23"]}},
    "HOH": {"beads": {"W": ["O", "H1", "H2"]}},
}
KT = 2.494


def plain(names: list[str]) -> mdtraj.Topology:
    return mdtraj.Topology.from_openmm(topology_of(names))


def case(names: list[str], rigid=lambda name, first: [], beads=BEADS) -> MappedMolecule:
    """Molecules with beads, and constraints by name and first atom."""
    topology, first, constraints = plain(names), 0, []
    for residue in topology.residues:
        constraints += rigid(residue.name, first)
        first += residue.n_atoms
    given = {name: beads[name] for name in sorted(set(names)) if name in beads}
    settings = validated(MappingSettings, {"molecules": given, "force_map": "optimal"}, "m")
    molecule = MappedMolecule(
        build_beads(settings, topology, "m"), topology.n_atoms, constraints,
        [str(atom) for atom in topology.atoms], Groups(np.zeros(0, int), 0),
    )  # fmt: skip
    return dataclasses.replace(
        molecule, copies=copied_molecules(molecule, SystemAtoms.of(topology))
    )


def water_is_rigid(name: str, first: int) -> list[tuple[int, int]]:
    return [(first, first + 1), (first, first + 2)] if name == "HOH" else []


def maps_of(molecule: MappedMolecule, forces: np.ndarray, stiffness: float | None = None):
    moments = CopiedMoments(molecule, len(forces))
    for start in range(0, len(forces), 17):
        moments.add(start, forces[start : start + 17])
    return moments, moments.optimal(stiffness)


@pytest.mark.parametrize("stiffness", [None, 40.0])
def test_a_single_molecule_has_the_map_of_a_solute(stiffness):
    """One copy among others of another type: its block is what the molecule alone would have."""
    rng = np.random.default_rng(1)
    molecule = case(["HOH", "ETH", "HOH"], water_is_rigid)
    forces = rng.normal(0, 100, (200, molecule.n_atoms, 3)).astype(np.float32)
    _, maps = maps_of(molecule, forces, stiffness)
    topology = plain(["ETH"])
    settings = validated(MappingSettings, {"beads": BEADS["ETH"]["beads"]}, "m")
    alone = MappedMolecule(
        build_beads(settings, topology, "m"), 8, [], [str(a) for a in topology.atoms],
        groups_of(SystemAtoms.of(topology), "whole"),
    )  # fmt: skip
    moments = Moments(alone.groups, 200)
    moments.add(0, forces[:, 3:11])
    known = optimal_force_maps(alone, moments, stiffness)
    # Waters come first among the beads.
    for block in range(BLOCKS):
        own = maps.matrices[block].toarray()[2:]
        np.testing.assert_allclose(own[:, 3:11], known.matrices[block].toarray(), atol=1e-10)
        assert not own[:, :3].any() and not own[:, 11:].any()
        if stiffness is not None:
            noise = maps.of_noise[block].toarray()
            np.testing.assert_allclose(noise[2:, 2:], known.of_noise[block].toarray(), atol=1e-10)


def test_copies_share_coefficients_and_constraints_are_kept():
    rng = np.random.default_rng(2)
    names = ["HOH", "ETH"] * 20
    molecule = case(names, water_is_rigid)
    forces = rng.normal(0, 100, (60, molecule.n_atoms, 3)).astype(np.float32)
    moments, maps = maps_of(molecule, forces)
    for matrix in maps.matrices:
        dense = matrix.toarray()
        np.testing.assert_allclose(
            dense @ molecule.beads.matrix(molecule.n_atoms).toarray().T, np.eye(60), atol=1e-10
        )
        ethane = [dense[20 + 2 * k : 22 + 2 * k, 11 * k + 3 : 11 * k + 11] for k in range(20)]
        for one in ethane[1:]:
            np.testing.assert_array_equal(one, ethane[0])
        # A rigid water has one coefficient.
        np.testing.assert_allclose(dense[0, :3], 1.0, atol=1e-12)
    squares = moments.squares()
    mapped = maps.apply(0, 60, forces).astype(float)
    blocks = np.arange(60) * BLOCKS // 60
    direct = np.array([(mapped[blocks == b] ** 2).sum(axis=(0, 2)) for b in range(BLOCKS)])
    means = [direct[:, :20].mean(1), direct[:, 20::2].mean(1), direct[:, 21::2].mean(1)]
    # By name: ethane comes after water, as among the beads.
    np.testing.assert_allclose(squares["optimal"], np.array(means).T, rtol=1e-5)
    aggregate = molecule.fixed("aggregate") @ forces.astype(float).transpose(1, 0, 2).reshape(
        molecule.n_atoms, -1
    )
    total = (aggregate.reshape(60, 60, 3) ** 2).sum(axis=(1, 2))
    assert squares["aggregate"][:, 0].sum() == pytest.approx(total[:20].mean(), rel=1e-5)


def test_mean_forces_of_tethered_copies_are_exact():
    """Gaussian molecules of two beads: optimal forces have the mean force, with less noise.

    30 × 8 copies of 200 frames; 5.5 standard errors of 36 means are passed by chance in 1 of 10⁶
    cases. Copies of a frame are independent.
    """
    names, n_frames, rng = ["ETH"] * 30, 1600, np.random.default_rng(3)
    molecule = case(names)
    hessian = np.diag([300.0, 150.0] + 6 * [0.0])
    for i, j in [(0, 1), (0, 2), (0, 3), (0, 4), (1, 5), (1, 6), (1, 7)]:
        hessian[np.ix_([i, j], [i, j])] += 500.0 * (1 + 0.1 * j) * np.array([[1, -1], [-1, 1]])
    covariance = KT * np.linalg.inv(hessian)
    draws = rng.standard_normal((n_frames, 30, 3, 8)) @ np.linalg.cholesky(covariance).T
    forces = -(draws @ hessian).transpose(0, 1, 3, 2).reshape(n_frames, -1, 3)
    _, maps = maps_of(molecule, forces.astype(np.float32))
    mapped = maps.apply(0, n_frames, forces.astype(np.float32)).reshape(n_frames, 30, 2, 3)
    matrix = molecule.copies[0].one.beads.matrix(8).toarray()
    beads = np.einsum("bi,ncdi->ncbd", matrix, draws)
    exact = -KT * np.linalg.inv(matrix @ covariance @ matrix.T) @ beads
    residual = (mapped - exact).transpose(0, 1, 3, 2).reshape(-1, 2)
    factors = beads.transpose(0, 1, 3, 2).reshape(-1, 2)
    products = residual[:, :, None] * factors[:, None]
    score = products.mean(0) / (products.std(0) / np.sqrt(len(products)))
    assert abs(score).max() < 5.5
    plain_forces = molecule.fixed("aggregate") @ forces.transpose(1, 0, 2).reshape(240, -1)
    plain_forces = plain_forces.reshape(30, 2, n_frames, 3).transpose(2, 0, 1, 3)
    assert residual.var() < 0.5 * (plain_forces - exact).var()


def test_atoms_without_freedom_have_no_coefficient_in_any_copy():
    """A carbon's hydrogen that is held in one molecule; its force has a mean."""
    names = ["ETH"] * 3
    molecule, topology = case(names), plain(names)
    held = topology.n_atoms - 1
    atoms = SystemAtoms.of(topology, without_freedom=np.arange(topology.n_atoms) == held)
    copies = copied_molecules(molecule, atoms)
    assert copies[0].one.groups.of_atom.tolist() == [0, 1, 2, 3, 4, 5, 6, -1]
    forces = np.random.default_rng(2).normal(0, 10, (50, topology.n_atoms, 3))
    _, maps = maps_of(dataclasses.replace(molecule, copies=copies), forces.astype(np.float32))
    for matrix in maps.matrices:
        assert (abs(matrix[:, [held, held - 8]]).sum(axis=0) == 0).all()
        assert (abs(matrix[:, [held - 1]]).sum(axis=0) > 0).all()


def test_1500_molecules_cost_no_larger_matrices_than_one():
    molecule = case(["HOH"] * 1500, water_is_rigid)
    forces = np.random.default_rng(4).normal(size=(10, 4500, 3)).astype(np.float32)
    start = time.perf_counter()
    moments, maps = maps_of(molecule, forces)
    assert [own.matrices.shape for own in moments.moments] == [(BLOCKS, 1, 1)]
    assert maps.matrices[0].nnz == 4500
    # Moments of all groups at once would take 18 MB and minutes.
    assert time.perf_counter() - start < 60


def test_molecules_with_other_constraints_than_the_first():
    def some(name: str, first: int) -> list[tuple[int, int]]:
        return [(first, first + 1)] if first else []

    with pytest.raises(InputError, match=r"molecules\.HOH: its molecules have different constr"):
        case(["HOH", "HOH"], some)


def test_constraints_between_molecules_are_refused():
    molecule = case(["HOH"] * 3, lambda name, first: [(first, first + 3)] if first < 6 else [])
    forces = np.ones((10, 9, 3), dtype=np.float32)
    with pytest.raises(InputError, match=r"'optimal' (gives|breaks)"):
        maps_of(molecule, forces)


@pytest.mark.parametrize("kind", ["mass", "geometry", "charge"])
def test_weights_by_molecule_type(kind):
    """A mapping of a mixture: each type by its own kind of weights."""
    from meanforce.systems.atoms import Atoms

    names, box = ["HOH", "ETH", "HOH"], 3.0 * np.eye(3)
    charges = np.array([-0.8, 0.4, 0.4, *[-0.18, -0.18, *6 * [0.06]], -0.8, 0.4, 0.4])
    positions = np.random.default_rng(1).random((14, 3))
    given = {"HOH": BEADS["HOH"] | {"weights": kind}, "ETH": BEADS["ETH"]}
    settings = validated(MappingSettings, {"molecules": given, "weights": "geometry"}, "m")
    beads = build_beads(settings, plain(names), "m", Atoms(charges, positions, box))
    masses = np.array([15.99943, 1.007947, 1.007947])
    rows = {"mass": masses / masses.sum(), "geometry": np.ones(3) / 3, "charge": [0.5, 0.25, 0.25]}
    for bead in (0, 1):
        np.testing.assert_allclose(beads.weights[bead], rows[kind], atol=1e-5)
    np.testing.assert_allclose(beads.weights[2], 0.25)
    charges[[0, 1, 2]] = 0.0
    if kind == "charge":
        with pytest.raises(InputError, match=r"molecules\.HOH\.weights: 'charge' gives bead 'W' n"):
            build_beads(settings, plain(names), "m", Atoms(charges, positions, box))
