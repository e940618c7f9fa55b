"""Molecules that are bonded to their own periodic image across the box."""

import numpy as np
import pytest
from openmm import app

from meanforce.errors import InputError
from meanforce.systems import from_files

BOX = np.diag([1.2, 1.3, 1.4])


def chain(closed: bool) -> tuple[app.Topology, np.ndarray]:
    """Eight carbons along the whole box; closed: the last one is bonded to the first."""
    topology = app.Topology()
    residue = topology.addResidue("POL", topology.addChain())
    atoms = [topology.addAtom(f"C{n}", app.element.carbon, residue) for n in range(8)]
    for number in range(8 if closed else 7):
        topology.addBond(atoms[number], atoms[(number + 1) % 8])
    along = np.zeros((8, 3))
    along[:, 0] = 0.15 * np.arange(8) + 0.5
    return topology, along


def described(topology: app.Topology, positions: np.ndarray, box: np.ndarray | None):
    return from_files.described(topology, positions, box, "'a' and 'b'", lambda: None)


def test_a_bond_to_the_own_image_is_refused():
    expected = r"the bond of POL1-C\d and POL1-C\d in 'a' and 'b' connects .* own periodic image"
    with pytest.raises(InputError, match=expected) as caught:
        described(*chain(closed=True), BOX)
    assert "\n" not in str(caught.value)


def test_without_a_box_the_bond_is_just_too_long():
    with pytest.raises(InputError, match=r"POL1-C7 in 'a' and 'b' is 1\.05 nm long"):
        described(*chain(closed=True), None)


def test_a_chain_that_the_box_cuts_is_made_whole():
    topology, positions = chain(closed=False)
    wrapped = positions.copy()
    wrapped[:, 0] %= 1.2
    found = described(topology, wrapped, BOX).positions
    np.testing.assert_allclose(found - found[0], positions - positions[0], atol=1e-6)
