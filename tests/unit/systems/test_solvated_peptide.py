"""Molecules in a box of water: how they are built."""

from pathlib import Path

import numpy as np
import openmm
import pytest
import yaml
from openmm import app, unit
from water_boxes import N_SOLUTE, SMALL, WATER, described

from meanforce.errors import InputError
from meanforce.jobs import stages
from meanforce.mapping.configuration import build_beads
from meanforce.sampling.check import check_structures
from meanforce.settings.job import validated
from meanforce.settings.load import load_config
from meanforce.settings.mappings import MappingSettings
from meanforce.settings.systems.registry import System
from meanforce.systems import force_field
from meanforce.systems.peptide import read_structure
from meanforce.systems.prepared import Prepared, degrees_of_freedom
from meanforce.systems.registry import build, describe
from meanforce.systems.solvated_peptide import solvate
from meanforce.systems.topology import input_topology, prepared_topology


@pytest.fixture(autouse=True)
def _in_the_repository(root, monkeypatch):
    monkeypatch.chdir(root)


def charges(system: openmm.System) -> np.ndarray:
    force = next(f for f in system.getForces() if isinstance(f, openmm.NonbondedForce))
    return np.array(
        [force.getParticleParameters(i)[0]._value for i in range(force.getNumParticles())]
    )


def residues(topology: app.Topology) -> list[str]:
    return [residue.name for residue in topology.residues()]


def test_the_solute_comes_first_and_in_the_order_of_its_file(water_box):
    built, folder = water_box
    before = input_topology(described())
    after = prepared_topology(folder / "topology.cif")
    assert before.n_atoms == N_SOLUTE
    assert [str(a) for a in before.atoms] == [str(a) for a in after.atoms][:N_SOLUTE]
    assert set(residues(built.topology)[3:]) == {"HOH"}
    bonds = [(a.index, b.index) for a, b in after.bonds if a.index < N_SOLUTE]
    assert sorted(bonds) == sorted((a.index, b.index) for a, b in before.bonds)


@pytest.mark.parametrize(
    "mapping",
    [
        {"template": "heavy"},
        {"template": "core_beta"},
        # Names that water has too.
        {"beads": {"A": "name O and resname ACE", "B": "name H1 or name H2"}},
    ],
)
def test_beads_are_the_same_before_and_after_solvation(water_box, mapping):
    settings = MappingSettings.model_validate(mapping)
    before = build_beads(settings, input_topology(described()), "m")
    after = build_beads(settings, prepared_topology(water_box[1] / "topology.cif"), "m")
    assert (before.names, before.atoms, before.bonds) == (after.names, after.atoms, after.bonds)
    np.testing.assert_array_equal(before.masses, after.masses)


def test_box_constraints_and_masses(water_box):
    built, folder = water_box
    system = Prepared.read(folder).system
    box = np.array([v._value for v in system.getDefaultPeriodicBoxVectors()])
    np.testing.assert_array_equal(box, 2.2 * np.eye(3))
    force = next(f for f in system.getForces() if isinstance(f, openmm.NonbondedForce))
    assert force.getNonbondedMethod() == openmm.NonbondedForce.PME
    assert force.getCutoffDistance()._value == 0.9
    assert not any(isinstance(f, openmm.MonteCarloBarostat) for f in system.getForces())
    waters = residues(built.topology).count("HOH")
    # Twelve bonds to hydrogen in the solute, three distances in a rigid water.
    assert system.getNumConstraints() == 12 + 3 * waters
    assert degrees_of_freedom(system) == 3 * (N_SOLUTE + 3 * waters) - 12 - 3 * waters - 3
    masses = np.array([system.getParticleMass(i)._value for i in range(system.getNumParticles())])
    hydrogens = [a.index for a in built.topology.atoms() if a.element.symbol == "H"]
    in_solute = [i for i in hydrogens if i < N_SOLUTE]
    np.testing.assert_allclose(masses[in_solute], 4.0)
    np.testing.assert_allclose(masses[hydrogens[len(in_solute) :]], 1.008, atol=1e-3)
    assert masses[:N_SOLUTE].sum() == pytest.approx(144.17, abs=0.05)


def capped_aspartate(path, root) -> None:
    """ACE-ASP-NME: a side chain put onto the alanine; charge −1."""
    alanine = app.PDBFile(str(root / "resources" / "capped_alanine.pdb"))
    positions = alanine.getPositions(asNumpy=True).value_in_unit(unit.nanometer)
    index = {a.name: a.index for a in alanine.topology.atoms() if a.residue.name == "ALA"}
    outward = positions[index["HB1"]] - positions[index["CB"]]
    outward /= np.linalg.norm(outward)
    sideways = np.cross(outward, [0.0, 0.0, 1.0])
    sideways /= np.linalg.norm(sideways)
    gamma = positions[index["CB"]] + 0.152 * outward
    added = [("CG", "carbon", gamma)] + [
        (name, "oxygen", gamma + 0.06 * outward + sign * 0.11 * sideways)
        for name, sign in (("OD1", 1.0), ("OD2", -1.0))
    ]
    topology, places = app.Topology(), []
    chain = topology.addChain()
    for old in alanine.topology.residues():
        residue = topology.addResidue("ASP" if old.name == "ALA" else old.name, chain)
        for atom in old.atoms():
            if old.name == "ALA" and atom.name == "HB1":
                for name, element, place in added:
                    topology.addAtom(name, getattr(app.element, element), residue)
                    places.append(place)
                continue
            topology.addAtom(atom.name, atom.element, residue)
            places.append(positions[atom.index])
    with path.open("w") as file:
        app.PDBFile.writeFile(topology, np.array(places) * unit.nanometer, file)


def test_another_peptide_with_own_force_field_is_neutralised(root, tmp_path):
    capped_aspartate(tmp_path / "mine.pdb", root)
    # The user's own file: OpenMM's, with heavier water oxygens to identify it.
    text = (Path(app.__file__).parent / "data" / "tip3p.xml").read_text()
    assert 'mass="15.99943"' in text
    (tmp_path / "mine.xml").write_text(text.replace('mass="15.99943"', 'mass="17.5"'))
    settings = described(
        structure=str(tmp_path / "mine.pdb"),
        force_field=["amber99sbildn.xml", str(tmp_path / "mine.xml")],
        ionic_strength=0.15,
        box=None,
        padding=1.0,
    )
    built = build(settings, seed=1)
    names = residues(built.topology)
    assert names[:3] == ["ACE", "ASP", "NME"]
    assert names.count("NA") == names.count("CL") + 1 >= 2
    assert charges(built.system).sum() == pytest.approx(0.0, abs=1e-6)
    oxygen = next(a.index for a in built.topology.atoms() if a.residue.name == "HOH")
    assert built.system.getParticleMass(oxygen)._value == 17.5
    heavy = build_beads(MappingSettings(template="heavy"), prepared_of(built, tmp_path), "m")
    assert not {"NA", "CL", "HOH"} & {name.rstrip("0123456789-") for name in heavy.names}
    assert len(heavy.names) == 13


def prepared_of(built: Prepared, folder):
    built.write(folder / "prepared")
    return prepared_topology(folder / "prepared" / "topology.cif")


def test_the_seed_decides_where_ions_go():
    settings = described(ionic_strength=1.0)
    structure = read_structure(settings.structure)
    field = force_field.load(settings.force_field)
    first, again, other = (
        np.array(solvate(settings, field, structure, 2.2, seed).positions._value)
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def without_hydrogens(root, path) -> None:
    lines = (root / "resources" / "capped_alanine.pdb").read_text().splitlines()
    kept = [line for line in lines if not line.startswith("CONECT") and line[76:78] != " H"]
    path.write_text("\n".join(kept))


BAD = {
    "box and padding": ({"padding": 1.0}, "either 'box' or 'padding'"),
    "box below twice the cutoff": (
        {"box": 1.8},
        r"'box' is 1.8 nm, but 'nonbonded_cutoff' needs 1.89 nm",
    ),
    "molecule too large for the box": (
        {"box": 1.5, "nonbonded_cutoff": 0.6},
        r"box: 1.5 nm is too small for a molecule of 0\.952 nm and a nonbonded_cutoff of 0.6 nm; "
        r"give at least 1\.\d+ nm",
    ),
    "padding too small": (
        {"box": None, "padding": 0.2},
        r"padding: 0.2 nm is too small .*; give at least 0.938 nm",
    ),
    "no such force field": (
        {"force_field": ["amber99sbildm.xml", "tip3p.xml"]},
        r"force_field: there is no file 'amber99sbildm.xml', .*; nearest: amber99sbildn.xml",
    ),
    "no water in the force field": (
        {"force_field": ["amber99sbildn.xml"]},
        r"water_model: 'tip3p' .* cannot be added .*No template found for residue 3 \(HOH\)",
    ),
    "missing structure": (
        {"structure": "nothing.pdb"},
        "structure: the file 'nothing.pdb' does not exist",
    ),
    "hydrogens too heavy": (
        {"hydrogen_mass": 6.0},
        r"hydrogen_mass: 6 u leaves -?\d.* u for the atom ACE1-CH3",
    ),
    "too short a phase": (
        {"equilibration": {"npt": 0.1}},
        "'npt' is shorter than 100 time steps",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_message_says_what_is_wrong(name):
    changes, expected = BAD[name]
    with pytest.raises(InputError, match=expected):
        build(described(**changes), seed=1)


@pytest.mark.parametrize("name", ["molecule too large for the box", "padding too small"])
def test_a_box_that_is_too_small_is_found_when_a_run_is_planned(name):
    changes, expected = BAD[name]
    with pytest.raises(InputError, match=expected):
        describe(described(**changes))


@pytest.mark.parametrize("kind", ["peptide", "solvated_peptide"])
def test_missing_hydrogens_and_unknown_residues_are_named(root, tmp_path, kind):
    bare = tmp_path / "bare.pdb"
    without_hydrogens(root, bare)
    values = WATER if kind == "solvated_peptide" else {"kind": kind}
    values = values | {"structure": str(bare), "force_field": ["amber99sbildn.xml", "tip3p.xml"]}
    with pytest.raises(InputError, match=r"bare.pdb' \(No template found for .*\(ACE\).*missing 3"):
        build(validated(System, values, "system"), seed=1)
    bare.write_text(bare.read_text().replace("ALA", "XYZ"))
    with pytest.raises(InputError, match=r"No template found for residue \d \((ACE|XYZ)\)"):
        build(validated(System, values, "system"), seed=1)


def water_config(root) -> dict:
    return yaml.safe_load((root / "config" / "capped_alanine_water_cluster.yaml").read_text())


def test_config_is_checked_before_any_job(root):
    config = water_config(root)
    config["systems"]["capped_alanine_water"]["force_field"][0] = "amber99sbildx.xml"
    with pytest.raises(InputError, match=r"systems\.capped_alanine_water\.force_field: there is"):
        check_structures(load_config(config))


def test_stages_are_told_what_concerns_them(root):
    name = "capped_alanine_water"
    first = load_config(water_config(root))
    changed = water_config(root)
    changed["systems"][name]["equilibration"]["npt"] = "300 ps"
    changed["state_points"]["T300"]["pressure"] = "5 bar"
    second = load_config(changed)
    assert stages.prepare_job(first, name) == stages.prepare_job(second, name)
    settings = [stages.equilibrate_job(c, name, "T300") for c in (first, second)]
    assert [s.equilibration.npt for s in settings] == [400.0, 300.0]
    assert [s.pressure for s in settings] == [1.0, 5.0]
    assert stages.equilibrate_job(first, name, "T400").pressure == 10.0


def test_four_site_water(tmp_path):
    settings = described(
        **SMALL, force_field=["amber99sbildn.xml", "tip4pew.xml"], water_model="tip4pew"
    )
    built = build(settings, seed=1)
    assert len(list(list(built.topology.residues())[-1].atoms())) == 4
    topology = prepared_of(built, tmp_path)
    assert topology.n_atoms == built.system.getNumParticles()
    assert len(build_beads(MappingSettings(template="heavy"), topology, "m").names) == 10
