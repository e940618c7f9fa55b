"""GROMACS and OpenMM agree on systems from the same topology and structure."""

import dataclasses
import importlib.util
from pathlib import Path

import numpy as np
import openmm
import pytest
from gmx import (
    IN_WATER,
    VACUUM,
    Evaluation,
    capped_alanine_pdb,
    evaluate,
    needs_gmx,
    peptide_files,
)
from whole_path import check_mapped, energy_and_forces, sampled_and_mapped, system_of

from meanforce.mapping.configuration import build_beads
from meanforce.settings.mappings import MappingSettings
from meanforce.systems.input_files import files_of
from meanforce.systems.registry import describe
from meanforce.systems.topology import described_topology

FOUND = importlib.util.find_spec("openmmtools")
FIRST, LAST = 25, 37
"""Residues YTIGIGHLLTKSP of lysozyme, of which glycine, histidine and proline are special."""
FREE = {"nonbonded_method": "none", "constraints": "none"}
BOXED = {"nonbonded_method": "pme", "constraints": "none", "rigid_water": False}

pytestmark = needs_gmx


def settings(folder: Path, **changes):
    files = {"topology": str(folder / "peptide.top"), "structure": str(folder / "peptide.gro")}
    return system_of(kind="gromacs", **(files | changes))


@pytest.fixture(scope="module")
def part(tmp_path_factory) -> Path:
    """Thirteen residues with side chains, whose ends will be charged."""
    if FOUND is None:
        pytest.skip("openmmtools, which has the structure, is missing")
    whole = Path(FOUND.origin).parent / "data" / "T4-lysozyme-L99A-implicit" / "receptor.pdb"
    rows = [row for row in whole.read_text().splitlines() if row.startswith("ATOM")]
    kept = [row.replace("HIE", "HIS") for row in rows if FIRST <= int(row[22:26]) <= LAST]
    path = tmp_path_factory.mktemp("part") / "part.pdb"
    path.write_text("\n".join([*kept, "TER", "END", ""]))
    return path


@pytest.fixture(scope="module")
def vacuum(part, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("vacuum")
    peptide_files(folder, part, 12.0, "amber99sb-ildn")
    return folder


def in_water(root, folder: Path, model: str) -> Path:
    """Capped alanine in water."""
    peptide_files(folder, capped_alanine_pdb(root, folder), 2.4, "amber99sb-ildn", model)
    return folder


@pytest.fixture(scope="module")
def water(root, tmp_path_factory) -> Path:
    return in_water(root, tmp_path_factory.mktemp("water"), "tip3p")


def check_agreement(described, reference: Evaluation) -> None:
    system = described.parametrised()
    for force in system.getForces():
        if isinstance(force, openmm.NonbondedForce):
            # The default gives forces to 5e-4.
            force.setEwaldErrorTolerance(1e-5)
    positions = reference.positions
    if described.box is not None:
        edges = np.diag(described.box)
        positions = positions - np.rint((positions - described.positions) / edges) * edges
    at = dataclasses.replace(described, positions=positions)
    energy, forces = energy_and_forces(at, system)
    # OpenMM leaves forces on virtual sites, whose parents have them too.
    virtual = [i for i in range(system.getNumParticles()) if system.isVirtualSite(i)]
    assert not reference.forces[virtual].any()
    forces[virtual] = 0.0
    assert energy == pytest.approx(reference.energy, rel=1e-4)
    difference = np.sqrt(((forces - reference.forces) ** 2).sum())
    assert difference < 1e-3 * np.sqrt((reference.forces**2).sum())


def test_a_peptide_with_side_chains_in_vacuum(vacuum):
    described = describe(settings(vacuum, **FREE))
    names = [f"{residue.name}{residue.id}" for residue in described.topology.residues()]
    assert names[0] == "TYR25" and names[-1] == "PRO37" and "HIS31" in names
    check_agreement(described, evaluate(vacuum, VACUUM))


@pytest.mark.parametrize("force_field", ["charmm27", "oplsaa"])
def test_other_force_fields(part, tmp_path, force_field):
    """With CMAP, Urey-Bradley terms and dihedral types that are defined twice; and with geometric
    mixing and Ryckaert-Bellemans dihedrals."""
    peptide_files(tmp_path, part, 12.0, force_field)
    check_agreement(describe(settings(tmp_path, **FREE)), evaluate(tmp_path, VACUUM))


def test_a_peptide_in_water(water):
    reference = evaluate(water, IN_WATER)
    check_agreement(describe(settings(water, **BOXED)), reference)
    # The check would see the dispersion correction, 83 kJ/mol of 8,700.
    other = settings(water, dispersion_correction=False, **BOXED)
    wrong = energy_and_forces(describe(other))[0]
    assert abs(wrong - reference.energy) > 5e-3 * abs(reference.energy)


def test_water_with_virtual_sites(root, tmp_path):
    in_water(root, tmp_path, "tip4p")
    described = describe(settings(tmp_path, **BOXED))
    system = described.parametrised()
    sites = [atom for atom in described.topology.atoms() if system.isVirtualSite(atom.index)]
    assert len(sites) > 400 and {atom.element for atom in sites} == {None}
    check_agreement(described, evaluate(tmp_path, IN_WATER))
    # Water is solvent, with its sites.
    beads = build_beads(MappingSettings(template="heavy"), described_topology(described), "m")
    assert len(beads.names) == 10


def test_it_samples_and_maps(vacuum, tmp_path):
    mapping = {"template": "ca_side_chain"}
    found = sampled_and_mapped(settings(vacuum, nonbonded_method="none"), mapping, tmp_path)
    # 13 CA, and side chains but for two glycines.
    assert len(found.beads.names) == 24
    check_mapped(found)


def test_water_of_the_files_is_rigid_and_solvent(water):
    chosen = settings(water, nonbonded_method="pme")
    described = describe(chosen)
    beads = build_beads(MappingSettings(template="heavy"), described_topology(described), "m")
    assert len(beads.names) == 10
    molecules = (described.topology.getNumAtoms() - 22) // 3
    system = described.parametrised()
    assert system.getNumConstraints() == 12 + 3 * molecules
    # The lengths of its section [ settles ].
    lengths = {
        round(system.getConstraintParameters(i)[2]._value, 5)
        for i in range(system.getNumConstraints())
        if system.getConstraintParameters(i)[0] >= 22
    }
    assert lengths == {0.09572, 0.15139}


def test_files_of_its_installation_are_input_files(vacuum):
    found = files_of(settings(vacuum, nonbonded_method="none"))
    assert any(name.endswith("amber99sb-ildn.ff/ffbonded.itp") for name in found)
    assert all(Path(name).is_file() for name in found)
    # Only with `define = -DPOSRES`.
    assert not any(name.endswith("held.itp") for name in found)
