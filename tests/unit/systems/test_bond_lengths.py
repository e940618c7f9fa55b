"""Coordinates that no molecule can have are refused when a run is planned."""

import numpy as np
import pytest
from openmm import unit

from meanforce.errors import InputError
from meanforce.systems.bond_lengths import check_bond_lengths
from meanforce.systems.peptide import read_structure


@pytest.fixture
def structure(root):
    pdb = read_structure(str(root / "resources" / "capped_alanine.pdb"))
    return pdb.topology, np.array(pdb.positions.value_in_unit(unit.nanometer))


@pytest.mark.parametrize(
    ("factor", "sentence"),
    [
        (0.1, r"is 0\.0\d+ nm long, and 20 more are as wrong; allowed are 0\.05 to 0\.3 nm"),
        (3.0, r"nm long, and \d+ more are as wrong"),
        (0.0, r"is 0 nm long, and 20 more"),
    ],
)
def test_other_units_and_no_coordinates(structure, factor, sentence):
    topology, positions = structure
    with pytest.raises(InputError, match=sentence):
        check_bond_lengths(topology, factor * positions)


def test_a_gap_in_the_chain(structure):
    topology, positions = structure
    check_bond_lengths(topology, positions)
    last = [atom.index for atom in list(topology.residues())[-1].atoms()]
    positions[last] += 0.5
    with pytest.raises(InputError, match=r"bond between ALA2-C and NME3-N is 0\.\d+ nm long; all"):
        check_bond_lengths(topology, positions)
