"""Rotations about bonds: which there are, and that they turn torsions by what they should."""

import free_molecules
import numpy as np
import openmm
import pytest
from peptides import PEPTIDE, peptide

import torsion
from meanforce.core.topology import Topology
from meanforce.mapping.rotations import MOST, balances, rotations


def test_parts_beyond_bonds():
    found = {one.torsion[1:3]: set(one.turned.tolist()) for one in rotations(PEPTIDE)}
    # ω, φ, ψ and ω of capped alanine; each part holds the second bead of its bond.
    assert set(found) == {(1, 3), (3, 4), (4, 6), (6, 8)}
    assert found[4, 6] == {6, 7, 8, 9} and found[3, 4] == {4, 5, 6, 7, 8, 9}


def test_bonds_of_rings_and_short_molecules_have_none():
    ring = Topology.of_beads("ABCD", "ABCD", ((0, 1), (1, 2), (2, 3), (0, 3)))
    assert not rotations(ring)
    assert not rotations(Topology.of_beads("ABC", "ABC", ((0, 1), (1, 2))))
    long = Topology.of_beads(*[[f"B{i}" for i in range(90)]] * 2, [(i, i + 1) for i in range(89)])
    assert len(rotations(long)) == MOST


def test_a_rotation_turns_its_torsion_by_its_angle():
    """τ of a potential of the torsion alone is −∂V/∂φ, and φ is the one of the molecule."""
    positions, _ = free_molecules.chain(50, seed=3)
    phi = torsion.dihedral(positions)
    force = openmm.CustomTorsionForce("3*sin(theta)")
    force.addTorsion(0, 1, 2, 3, [])
    pull, energy = free_molecules.forces_of(force, positions)
    np.testing.assert_allclose(energy, 3 * np.sin(phi), atol=1e-5)
    about = rotations(Topology.of_beads("ABCD", "ABCD", ((0, 1), (1, 2), (2, 3))))
    sine, cosine = balances(about, positions, pull, 0.0).T
    np.testing.assert_allclose(sine, np.sin(phi) * -3 * np.cos(phi), atol=1e-4)
    np.testing.assert_allclose(cosine, np.cos(phi) * -3 * np.cos(phi), atol=1e-4)
    with_heat = balances(about, positions, pull, 2.0)
    np.testing.assert_allclose(with_heat[:, 0] - sine, 2 * np.cos(phi), atol=1e-4)
    np.testing.assert_allclose(with_heat[:, 1] - cosine, -2 * np.sin(phi), atol=1e-4)


def test_torsions_of_a_peptide():
    """The other end of the fragment does not matter: rigid rotation moves all of it."""
    rng = np.random.default_rng(1)
    phi, psi = rng.uniform(-3, 3, (2, 20))
    positions = peptide(phi, psi, np.full((20, 2), np.pi), np.zeros((20, 3)))
    heat = balances(rotations(PEPTIDE), positions, 0 * positions, 1.0)
    places = {one.torsion: 2 * number for number, one in enumerate(rotations(PEPTIDE))}
    column = places[1, 3, 4, 5] if (1, 3, 4, 5) in places else places[1, 3, 4, 6]
    shift = 2.1 if (1, 3, 4, 5) in places else 0.0
    assert heat[:, column] == pytest.approx(np.cos(phi - shift), abs=1e-4)
