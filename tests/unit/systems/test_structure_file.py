"""The file of a prepared structure keeps atoms, names and bonds, whatever mmCIF readers assume."""

import mdtraj
import numpy as np
import pytest
from openmm import app, unit

from meanforce.errors import InputError
from meanforce.systems.structure_file import (
    as_written,
    bonds_of,
    read_topology,
    with_bonds,
    write_structure,
)
from meanforce.systems.topology import prepared_topology

GLYCINE = ("N", "CA", "C", "O")
WITHIN = ((0, 1), (1, 2), (2, 3))


def glycines(chains: int, bonded: bool, name: str = "GLY", ids=(None, None)) -> app.Topology:
    """Two residues in one chain or two, with a peptide bond or without."""
    topology, atoms = app.Topology(), []
    chain = topology.addChain("A")
    for number in range(2):
        if number and chains == 2:
            chain = topology.addChain("A")
        residue = topology.addResidue(name, chain, ids[number])
        atoms += [topology.addAtom(a, app.Element.getBySymbol(a[0]), residue) for a in GLYCINE]
    for first in (0, 4):
        for i, j in WITHIN:
            topology.addBond(atoms[first + i], atoms[first + j])
    if bonded:
        topology.addBond(atoms[2], atoms[4])
    return topology


def positions(topology) -> unit.Quantity:
    n = topology.getNumAtoms()
    return np.column_stack([0.15 * np.arange(n), np.zeros(n), np.zeros(n)]) * unit.nanometer


def read_back(topology, path):
    with path.open("w") as file:
        write_structure(topology, positions(topology), file)
    return read_topology(path)


@pytest.mark.parametrize("name", ["GLY", "XYZ"])
@pytest.mark.parametrize("bonded", [True, False])
@pytest.mark.parametrize("chains", [1, 2])
def test_bonds_are_kept(tmp_path, chains, bonded, name):
    topology = as_written(glycines(chains, bonded, name), positions(glycines(1, True)))
    path = tmp_path / "topology.cif"
    found = read_back(topology, path)
    assert bonds_of(found) == bonds_of(glycines(chains, bonded, name))
    assert len(list(found.bonds())) == 6 + bonded
    assert found.getNumChains() == chains and found.getNumResidues() == 2
    assert prepared_topology(path) == mdtraj.Topology.from_openmm(topology)
    # Other readers take the file as well.
    assert app.PDBxFile(str(path)).topology.getNumAtoms() == 8


def test_bonds_that_readers_make_are_not_written(tmp_path):
    path = tmp_path / "topology.cif"
    read_back(glycines(1, True), path)
    assert "meanforce" not in path.read_text()
    read_back(glycines(1, False), path)
    assert "_meanforce_bond" in path.read_text()


def test_equal_numbers_and_chains_get_new_ones():
    topology = glycines(1, False, ids=("7", "7"))
    assert [r.id for r in with_bonds(topology, set()).residues()] == ["1", "2"]
    topology = glycines(2, False, ids=("7", "7"))
    found = as_written(topology, positions(topology))
    assert [c.id for c in found.chains()] == ["A", "Ax2"]
    assert [r.id for r in found.residues()] == ["7", "7"]


def test_names_become_those_of_openmm():
    topology = glycines(1, True, name="HSD")
    assert {r.name for r in as_written(topology, positions(topology)).residues()} == {"HIS"}


def test_names_that_cannot_be_written():
    topology = glycines(1, True, name="A B")
    with pytest.raises(InputError, match=r"cannot be written to an mmCIF file"):
        as_written(topology, positions(topology))


def test_the_box_is_kept(tmp_path):
    topology = glycines(1, True)
    box = np.array([[3.0, 0.0, 0.0], [1.0, 2.8, 0.0], [-1.0, 1.3, 2.4]])
    topology.setPeriodicBoxVectors(box * unit.nanometer)
    found = read_back(topology, tmp_path / "topology.cif")
    exact = as_written(topology, positions(topology))
    for one, allowed in ((found, 1e-4), (exact, 0.0)):
        vectors = [v.value_in_unit(unit.nanometer) for v in one.getPeriodicBoxVectors()]
        np.testing.assert_allclose(vectors, box, rtol=0, atol=allowed)
