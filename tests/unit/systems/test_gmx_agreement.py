"""GROMACS and OpenMM agree on systems from the same topology and structure."""

import importlib.util
from pathlib import Path

import numpy as np
import openmm
import pytest
from gmx import IN_WATER, VACUUM, evaluate, needs_gmx, peptide_files
from whole_path import check_mapped, energy_and_forces, sampled_and_mapped, system_of

from meanforce.mapping.configuration import build_beads
from meanforce.settings.mappings import MappingSettings
from meanforce.systems.input_files import files_of
from meanforce.systems.registry import describe
from meanforce.systems.topology import described_topology

FOUND = importlib.util.find_spec("openmmtools")
FIRST, LAST = 25, 37
"""Residues YTIGIGHLLTKSP of lysozyme, of which glycine, histidine and proline are special."""
FLEXIBLE = {"constraints": "none", "rigid_water": False}

pytestmark = needs_gmx


def settings(folder: Path, **changes):
    files = {"topology": str(folder / "peptide.top"), "structure": str(folder / "peptide.gro")}
    return system_of(kind="gromacs", **(files | changes))


@pytest.fixture(scope="module")
def vacuum(tmp_path_factory) -> Path:
    """Files of thirteen residues with side chains and charged ends."""
    if FOUND is None:
        pytest.skip("openmmtools, which has the structure, is missing")
    folder = tmp_path_factory.mktemp("vacuum")
    whole = Path(FOUND.origin).parent / "data" / "T4-lysozyme-L99A-implicit" / "receptor.pdb"
    rows = [row for row in whole.read_text().splitlines() if row.startswith("ATOM")]
    kept = [row for row in rows if FIRST <= int(row[22:26]) <= LAST]
    (folder / "part.pdb").write_text("\n".join([*kept, "TER", "END", ""]))
    peptide_files(folder, folder / "part.pdb", 12.0, in_water=False)
    return folder


@pytest.fixture(scope="module")
def water(root, tmp_path_factory) -> Path:
    """Files of capped alanine in water; GROMACS has another name for the last carbon."""
    folder = tmp_path_factory.mktemp("water")
    text = (root / "resources" / "capped_alanine.pdb").read_text()
    (folder / "alanine.pdb").write_text(text.replace(" C   NME", " CH3 NME"))
    peptide_files(folder, folder / "alanine.pdb", 2.4, in_water=True)
    return folder


def check_agreement(described, system, reference) -> None:
    energy, forces = energy_and_forces(described, system)
    assert energy == pytest.approx(reference.energy, rel=1e-4)
    difference = np.sqrt(((forces - reference.forces) ** 2).sum())
    assert difference < 1e-3 * np.sqrt((reference.forces**2).sum())


def test_a_peptide_with_side_chains_in_vacuum(vacuum):
    described = describe(settings(vacuum, nonbonded_method="none", **FLEXIBLE))
    names = [f"{residue.name}{residue.id}" for residue in described.topology.residues()]
    assert names[0] == "TYR25" and names[-1] == "PRO37" and "HIS31" in names
    check_agreement(described, described.parametrised(), evaluate(vacuum, VACUUM))


def test_a_peptide_in_water(water):
    described = describe(settings(water, nonbonded_method="pme", **FLEXIBLE))
    system = described.parametrised()
    for force in system.getForces():
        if isinstance(force, openmm.NonbondedForce):
            # The default gives forces to 5e-4.
            force.setEwaldErrorTolerance(1e-5)
    reference = evaluate(water, IN_WATER)
    check_agreement(described, system, reference)
    # The check would see the dispersion correction, 83 kJ/mol of 8,700.
    other = settings(water, nonbonded_method="pme", dispersion_correction=False, **FLEXIBLE)
    wrong = energy_and_forces(describe(other))[0]
    assert abs(wrong - reference.energy) > 5e-3 * abs(reference.energy)


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
    assert described.parametrised().getNumConstraints() == 12 + 3 * molecules


def test_files_of_its_installation_are_input_files(vacuum):
    found = files_of(settings(vacuum, nonbonded_method="none"))
    assert any(name.endswith("amber99sb-ildn.ff/ffbonded.itp") for name in found)
    assert all(Path(name).is_file() for name in found)
    # Only with `define = -DPOSRES`.
    assert not any(name.endswith("held.itp") for name in found)
