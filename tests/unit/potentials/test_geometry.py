"""Internal coordinates: values, gradients and invariances."""

import math

import pytest
import torch

from meanforce.core.coordinates import CoordinateList
from meanforce.core.topology import Topology
from meanforce.potentials.geometry import InternalCoordinates

BONDS = ((0, 1), (1, 2), (1, 3), (3, 4), (4, 5), (4, 6), (6, 7), (6, 8), (8, 9))
ALANINE = Topology.of_beads(tuple("abcdefghij"), tuple("abcdefghij"), BONDS)


@pytest.fixture
def positions() -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(20, 10, 3, generator=generator, dtype=torch.float64)


def everything() -> CoordinateList:
    bonded = ALANINE.all_coordinates()
    return CoordinateList(((0, 1), (3, 2)), bonded.distances, bonded.angles, bonded.dihedrals)


def test_capped_alanine_has_its_bonded_coordinates():
    bonded = ALANINE.all_coordinates()
    assert (len(bonded.distances), len(bonded.angles), len(bonded.dihedrals)) == (45, 11, 10)


def test_written_out_gradient_equals_automatic_differentiation(positions):
    internal = InternalCoordinates(everything(), 10, torch.float64)
    positions.requires_grad_(True)
    values, vectors = internal.evaluate(positions)
    gradient = torch.randn(values.shape, dtype=torch.float64)
    (expected,) = torch.autograd.grad((values * gradient).sum(), positions)
    torch.testing.assert_close(internal.pull_back(gradient, vectors), expected)


def test_a_dihedral_of_known_sign():
    # Looking along the middle bond, the last atom is turned clockwise by 60 degrees: +60 (IUPAC).
    angle = math.radians(60)
    atoms = [[1.0, 0, 0], [0, 0, 0], [0, 0, 1], [math.cos(angle), math.sin(angle), 1]]
    internal = InternalCoordinates(CoordinateList(dihedrals=((0, 1, 2, 3),)), 4, torch.float64)
    values, _ = internal.evaluate(torch.tensor([atoms], dtype=torch.float64))
    import mdtraj
    import numpy as np

    trajectory = mdtraj.Trajectory(np.array([atoms]), None)
    expected = mdtraj.compute_dihedrals(trajectory, [[0, 1, 2, 3]])[0, 0]
    assert values.item() == pytest.approx(float(expected), abs=1e-6)
    assert values.item() == pytest.approx(angle, abs=1e-9)


def test_invariance_and_parity(positions):
    bonded = ALANINE.all_coordinates()
    internal = InternalCoordinates(bonded, 10, torch.float64)
    rotation, _ = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64))
    rotation = rotation * torch.sign(torch.det(rotation))
    values, _ = internal.evaluate(positions)
    moved, _ = internal.evaluate(positions @ rotation.T + 4.2)
    torch.testing.assert_close(moved, values)
    mirrored, _ = internal.evaluate(-positions)
    n = len(bonded.dihedrals)
    torch.testing.assert_close(mirrored[:, :-n], values[:, :-n])
    torch.testing.assert_close(mirrored[:, -n:], -values[:, -n:])
