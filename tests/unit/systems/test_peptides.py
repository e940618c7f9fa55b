"""Peptides with side chains, several chains and disulphides, by OpenMM's force fields."""

import numpy as np
import pytest
from openmm import app, unit
from whole_path import check_mapped, sampled_and_mapped, system_of

from meanforce.errors import InputError
from meanforce.mapping.configuration import build_beads
from meanforce.settings.mappings import MappingSettings
from meanforce.systems.atoms import input_atoms
from meanforce.systems.masses import particle_masses
from meanforce.systems.registry import build
from meanforce.systems.topology import input_topology

SULPHUR, BRIDGE = 0.181, 0.204
"""Lengths of the bonds CB-SG and SG-SG, nm."""


def bridged_cysteines(root, path, chains: str = "AB") -> str:
    """Two capped cysteines, the second one turned by 180° about an axis, with an S-S bond.

    Of each capped alanine, SG takes the place of a hydrogen of CB. No CONECT records are written.
    """
    alanine = app.PDBFile(str(root / "resources" / "capped_alanine.pdb"))
    start = alanine.getPositions(asNumpy=True).value_in_unit(unit.nanometer)
    atoms = list(alanine.topology.atoms())
    index = {a.name: a.index for a in atoms if a.residue.name == "ALA"}
    outward = start[index["HB1"]] - start[index["CB"]]
    outward /= np.linalg.norm(outward)
    sulphur = start[index["CB"]] + SULPHUR * outward
    # The axis is across the bond S-S, whose angle with CB-SG is about 104°.
    sideways = np.cross(outward, [0.3, 0.2, 1.0])
    sideways /= np.linalg.norm(sideways)
    along = np.cos(np.radians(76)) * outward + np.sin(np.radians(76)) * sideways
    middle = sulphur + 0.5 * BRIDGE * along
    axis = np.cross(along, outward)
    axis /= np.linalg.norm(axis)
    # Away from the first molecule: a turn of 180° about an axis across S-S keeps the middle.
    turn = 2.0 * np.outer(axis, axis) - np.eye(3)
    rows, number = [], 0
    for copy, chain in enumerate(chains):
        for atom in atoms:
            place, name = start[atom.index], atom.name
            if atom.index == index["HB1"]:
                place, name = sulphur, "SG"
            if copy:
                place = middle + turn @ (place - middle)
            residue = "CYX" if atom.residue.name == "ALA" else atom.residue.name
            number += 1
            resid = int(atom.residue.id) + (3 * copy if chains[0] == chains[1] else 0)
            rows.append(
                f"ATOM  {number:5d} {name:^4s} {residue} {chain}{resid:4d}    "
                + "".join(f"{10 * x:8.3f}" for x in place)
                + f"  1.00  0.00          {name[0]:>2s}"
            )
        rows.append("TER")
    path.write_text("\n".join([*rows, "END", ""]))
    return str(path)


def peptide(structure: str, **more):
    files = ["amber99sbildn.xml", "amber99_obc.xml"]
    return system_of(kind="peptide", structure=structure, force_field=files, **more)


def test_heavy_hydrogens_in_implicit_solvent(root):
    """Masses move from heavy atoms to their hydrogens; beads keep those of the force field."""
    structure = str(root / "resources" / "capped_alanine.pdb")
    plain, heavy = peptide(structure), peptide(structure, hydrogen_mass=4.0)
    before, after = (particle_masses(build(one, 0).system) for one in (plain, heavy))
    hydrogens = np.array([a.element.symbol == "H" for a in input_topology(heavy).atoms])
    assert after[hydrogens] == pytest.approx(np.full(12, 4.0))
    assert after.sum() == pytest.approx(before.sum())
    np.testing.assert_array_equal(*(input_atoms(one).masses for one in (plain, heavy)))
    with pytest.raises(InputError, match=r"hydrogen_mass: 6 u leaves -?\d.* u for the atom ACE1-"):
        build(peptide(structure, hydrogen_mass=6.0), 0)


@pytest.mark.parametrize("chains", ["AB", "AA"])
def test_a_disulphide_between_two_chains(root, tmp_path, chains):
    chosen = peptide(bridged_cysteines(root, tmp_path / "two.pdb", chains))
    built = build(chosen, 0)
    bridges = [
        bond for bond in built.topology.bonds() if {a.name for a in bond} == {"SG"}
    ]  # fmt: skip
    assert len(bridges) == 1
    one, other = (built.positions[a.index].value_in_unit(unit.nanometer) for a in bridges[0])
    assert np.linalg.norm(np.subtract(one, other)) == pytest.approx(BRIDGE, abs=0.01)
    # Residues of one chain that are neighbours, but not bonded.
    assert built.topology.getNumBonds() == input_topology(chosen).n_bonds == 2 * 21 + 1


def test_beads_of_two_chains(root, tmp_path):
    chosen = peptide(bridged_cysteines(root, tmp_path / "two.pdb"))
    found = sampled_and_mapped(chosen, {"template": "ca_side_chain"}, tmp_path)
    names = ("A-CYS2-CA", "A-CYS2-SC", "B-CYS2-CA", "B-CYS2-SC")
    assert found.beads.names == names
    # The bridge is a bond of the side chains.
    assert found.beads.bonds == ((0, 1), (1, 3), (2, 3))
    check_mapped(found)


def test_chains_without_a_bridge_are_two_molecules(root, tmp_path):
    path = tmp_path / "two.pdb"
    bridged_cysteines(root, path)
    alanines = [
        line.replace("CYX", "ALA").replace(" SG ", " HB1").replace("           S", "           H")
        for line in path.read_text().splitlines()
    ]
    path.write_text("\n".join(alanines))
    topology = input_topology(peptide(str(path)))
    settings = MappingSettings.model_validate(
        {"molecules": {"ACE-ALA-NME": {"template": "core_beta"}}}
    )
    beads = build_beads(settings, topology, "m")
    assert beads.n_molecules == 2
    assert beads.names[0] == "ACE-ALA-NME#1-ACE1-C"
