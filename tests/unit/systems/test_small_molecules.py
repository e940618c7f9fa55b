"""Ethanol with one force field in files of three programs: the same system on the same way."""

import ethanol
import numpy as np
import openmm
import pytest
from whole_path import (
    check_mapped,
    energy_and_forces,
    sampled_and_mapped,
    system_of,
)

from meanforce.errors import InputError
from meanforce.systems.atoms import input_atoms
from meanforce.systems.registry import build, describe

HEAVY = {"template": "heavy", "weights": "geometry"}
FREE = {"nonbonded_method": "none", "constraints": "none"}


def gromacs(folder, **changes):
    files = {
        "topology": str(ethanol.top(folder)), "structure": str(ethanol.gro(folder / "e.gro")),
        "include": [str(folder / "types")],
    }  # fmt: skip
    return system_of(kind="gromacs", **(files | FREE | changes))


def charmm(folder, **changes):
    files = {
        "topology": str(ethanol.psf(folder / "e.psf")),
        "parameters": [str(ethanol.charmm_parameters(folder / "e.prm"))],
        "structure": str(ethanol.crd(folder / "e.crd")),
    }
    return system_of(kind="charmm", **(files | FREE | changes))


def force_field(folder, **changes):
    files = {
        "structure": str(ethanol.pdb(folder / "e.pdb")),
        "force_field": [str(ethanol.ffxml(folder / "e.xml"))], "constraints": "none",
    }  # fmt: skip
    return system_of(kind="peptide", **(files | changes))


def serialised(folder, **changes):
    built = build(force_field(folder), 0)
    (folder / "system.xml").write_text(openmm.XmlSerializer.serialize(built.system))
    files = {"system": str(folder / "system.xml"), "structure": str(folder / "e.pdb")}
    return system_of(kind="openmm", **(files | changes))


KINDS = {"gromacs": gromacs, "charmm": charmm, "peptide": force_field, "openmm": serialised}


def test_energies_and_forces_are_the_same(tmp_path):
    results = [energy_and_forces(describe(make(tmp_path))) for make in KINDS.values()]
    (energy, forces), *others = results
    # By hand: the bonds alone.
    lengths = [
        np.linalg.norm(np.subtract(*ethanol.POSITIONS[list(pair)])) for pair in ethanol.BONDS
    ]
    bonds = sum(
        0.5 * k * (r - length) ** 2
        for r, (length, k) in zip(
            lengths, (ethanol.bond_type(*pair) for pair in ethanol.BONDS), strict=True
        )
    )
    described = describe(gromacs(tmp_path))
    system = described.parametrised()
    for number in reversed(range(system.getNumForces())):
        if not isinstance(system.getForce(number), openmm.HarmonicBondForce):
            system.removeForce(number)
    assert energy_and_forces(described, system)[0] == pytest.approx(bonds, rel=1e-6)
    for other, other_forces in others:
        assert other == pytest.approx(energy, rel=1e-7)
        # Structure files hold three or five digits behind the point.
        np.testing.assert_allclose(other_forces, forces, atol=2e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_it_builds_samples_and_maps(tmp_path, kind):
    found = sampled_and_mapped(KINDS[kind](tmp_path), HEAVY, tmp_path)
    assert found.beads.names == ("EOH1-C1", "EOH1-C2", "EOH1-O")
    assert found.beads.bonds == ((0, 1), (1, 2))
    # The C, with its hydrogens.
    assert found.beads.masses[0] == pytest.approx(15.035, abs=0.01)
    check_mapped(found)


def test_bonds_to_hydrogen_are_held_rigid(tmp_path):
    for make in (gromacs, charmm, force_field):
        settings = make(tmp_path, constraints="h_bonds")
        assert build(settings, 0).system.getNumConstraints() == 6
    with pytest.raises(InputError, match=r"slice.*constrained|constrained.*slice"):
        sampled_and_mapped(
            gromacs(tmp_path, constraints="h_bonds"),
            {"template": "heavy", "force_map": "slice"},
            tmp_path / "run",
        )


def test_hydrogens_become_heavier(tmp_path):
    for make in (gromacs, charmm):
        system = describe(make(tmp_path, hydrogen_mass=3.0)).parametrised()
        masses = [system.getParticleMass(i)._value for i in range(9)]
        assert masses[3:] == pytest.approx([3.0] * 6)
        assert sum(masses) == pytest.approx(sum(map(ethanol.mass, ethanol.NAMES)), abs=0.01)


def test_hydrogens_that_are_too_heavy(tmp_path):
    for make in (gromacs, charmm):
        with pytest.raises(
            InputError, match=r"hydrogen_mass: 6 u leaves -2.97 u for the atom EOH1-C1; give l"
        ):
            describe(make(tmp_path, hydrogen_mass=6.0)).parametrised()


def test_a_template_needs_bonds(tmp_path):
    settings = force_field(tmp_path)
    ethanol.pdb(tmp_path / "e.pdb", bonded=False)
    with pytest.raises(InputError, match=r"e\.pdb' \(No template found for residue 0 \(EOH\)"):
        build(settings, 0)


def test_charges_are_those_of_the_files(tmp_path):
    for make in KINDS.values():
        np.testing.assert_allclose(input_atoms(make(tmp_path)).charges, ethanol.CHARGES, atol=1e-6)
