"""Order of the directions of molecules: parallel, at random, and across the box's faces."""

import dataclasses

import numpy as np
import pytest
from comparisons import by_name
from gases import ATOM, BENT, CUBOID, gas, liquid_comparison, nothing
from scipy.spatial.transform import Rotation

from meanforce.analysis.metrics import nematic
from meanforce.core.topology import Topology

MOLECULES = 40
CHAINS = Topology(((BENT, MOLECULES),))


def turned(sample, seed: int):
    """The same with each molecule of each frame turned at random."""
    n = len(sample.positions)
    beads = sample.positions.reshape(n * MOLECULES, 3, 3).astype(float)
    middle = beads.mean(axis=1, keepdims=True)
    turns = Rotation.random(len(beads), random_state=seed).as_matrix()
    beads = middle + np.einsum("nxy,nby->nbx", turns, beads - middle)
    return dataclasses.replace(sample, positions=beads.reshape(n, -1, 3))


def test_parallel_molecules_are_ordered_and_random_ones_are_not():
    model, reference = gas(200, 1, CHAINS), turned(gas(200, 2, CHAINS), seed=3)
    rows = by_name(nematic.rows(liquid_comparison(model, reference, nothing())))
    assert rows["nematic_order"].value > 0.98
    # The mean of tr Q² is 3/(2N), of which the largest eigenvalue has a little more than half.
    found = nematic.order(reference)[:, 0]
    isotropic = np.sqrt(1.5 / MOLECULES)
    assert 0.6 * isotropic < found.mean() < isotropic
    assert rows["nematic_order_reference"].value == pytest.approx(found.mean())
    error = rows["nematic_order_error"]
    assert error.value == pytest.approx(rows["nematic_order"].value - found.mean())
    assert error.value > 20 * error.stderr


def test_molecules_that_lie_across_the_faces_of_the_box_count_as_whole():
    sample = turned(gas(3, 4, CHAINS), seed=5)
    edges = np.diag(CUBOID)
    wrapped = dataclasses.replace(sample, positions=sample.positions % edges)
    assert np.abs(wrapped.positions - sample.positions).max() > 1
    for frame, found in enumerate(nematic.order(wrapped)[:, 0]):
        total = np.zeros((3, 3))
        for number in range(MOLECULES):
            vector = sample.positions[frame, 3 * number + 2] - sample.positions[frame, 3 * number]
            unit = vector / np.linalg.norm(vector)
            total += (3 * np.outer(unit, unit) - np.eye(3)) / 2 / MOLECULES
        assert found == pytest.approx(np.linalg.eigvalsh(total)[-1], abs=1e-5)


def test_molecules_without_two_ends_have_no_order():
    atoms = gas(20, 1, Topology(((ATOM, 30),)))
    assert nematic.rows(liquid_comparison(atoms, atoms, nothing())) == []
    one = gas(20, 1, Topology(((ATOM, 30), (BENT, 1))))
    assert nematic.rows(liquid_comparison(one, one, nothing())) == []
