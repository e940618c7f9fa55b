"""Liquids: molecules of one or several types, packed in a box."""

import itertools
from pathlib import Path

import numpy as np
import openmm
import pytest
import yaml
from openmm import app, unit

from meanforce.errors import InputError
from meanforce.mapping.configuration import build_beads
from meanforce.sampling.check import check_structures
from meanforce.settings.job import validated
from meanforce.settings.load import load_config
from meanforce.settings.mappings import MappingSettings
from meanforce.settings.systems.registry import System
from meanforce.systems import force_field, packing
from meanforce.systems.atoms import atoms_of, input_atoms
from meanforce.systems.molecule_templates import molecules_of
from meanforce.systems.registry import build, describe
from meanforce.systems.topology import input_topology, prepared_topology

OPLS = "resources/force_fields/opls_aa_alkanes.xml"
WATER = {
    "kind": "liquid", "molecules": {"HOH": {"count": 60}}, "force_field": ["spce.xml"],
    "density": 0.95, "nonbonded_cutoff": 0.6,
}  # fmt: skip
MIXTURE = {
    "kind": "liquid", "molecules": {"PRP": {"count": 12}, "ETH": {"count": 15}},
    "force_field": [OPLS], "density": 0.5, "nonbonded_cutoff": 0.6,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _in_the_repository(root, monkeypatch):
    monkeypatch.chdir(root)


def settings(values, **changes):
    return validated(System, values | changes, "system")


@pytest.fixture(scope="module")
def mixture(root, tmp_path_factory):
    """The mixture, and the folder that it was written to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        made = build(settings(MIXTURE), seed=3)
    folder = tmp_path_factory.mktemp("mixture")
    made.write(folder)
    return made, folder


def closest(positions: np.ndarray, owner: np.ndarray, edge: float) -> float:
    """Smallest distance of atoms of different molecules, by all pairs and all nearest images."""
    steps = positions[:, None] - positions[None]
    steps -= edge * np.round(steps / edge)
    distances = np.linalg.norm(steps, axis=-1)
    return float(distances[owner[:, None] != owner[None]].min())


def test_density_and_composition_of_the_box(mixture):
    made, _ = mixture
    mass = 12 * (3 * 12.011 + 8 * 1.008) + 15 * (2 * 12.011 + 6 * 1.008)
    edge = made.system.getDefaultPeriodicBoxVectors()[0][0]._value
    assert mass / edge**3 * 1.66053907e-3 == pytest.approx(0.5, rel=1e-6)
    names = [residue.name for residue in made.topology.residues()]
    assert names == ["PRP"] * 12 + ["ETH"] * 15
    hydrogens = 12 * 8 + 15 * 6
    assert made.system.getNumConstraints() == hydrogens
    assert made.system.usesPeriodicBoundaryConditions()


def test_the_description_is_what_is_built(mixture):
    """Beads are declared by the names of the description, before any molecule is packed."""
    made, folder = mixture
    before, after = input_topology(settings(MIXTURE)), prepared_topology(folder / "topology.cif")
    assert [str(atom) for atom in before.atoms] == [str(atom) for atom in after.atoms]
    pairs = [sorted((a.index, b.index) for a, b in one.bonds) for one in (before, after)]
    assert pairs[0] == pairs[1]
    charges = [one.charges for one in (input_atoms(settings(MIXTURE)), atoms_of(made))]
    np.testing.assert_array_equal(*charges)
    np.testing.assert_allclose(input_atoms(settings(MIXTURE)).box, atoms_of(made).box, rtol=1e-12)
    chosen = MappingSettings.model_validate(
        {"molecules": {"ETH": {"beads": {"A": ["C1", "H11", "H12", "H13"], "B": ["C2"]}}}}
    )
    beads = [build_beads(chosen, one, "m") for one in (before, after)]
    assert beads[0].n_molecules == 15
    assert (beads[0].names, beads[0].atoms) == (beads[1].names, beads[1].atoms)


def test_a_description_packs_nothing(monkeypatch):
    monkeypatch.setattr(packing, "executable", lambda: pytest.fail("packmol was called"))
    many = settings(WATER, molecules={"HOH": {"count": 4000}})
    assert describe(many).topology.getNumAtoms() == 12000


def test_the_seed_decides_where_molecules_are():
    first, again, other = (
        np.array(build(settings(WATER), seed).positions._value) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_molecules_keep_their_distance_and_their_shape(seed):
    """Nearest images included."""
    chosen = settings(MIXTURE)
    molecules = molecules_of(chosen, force_field.load([OPLS]))
    edge = 1.6
    positions = packing.packed(molecules, edge, 0.2, seed)
    sizes = [11] * 12 + [8] * 15
    owner = np.repeat(np.arange(27), sizes)
    found = closest(positions, owner, edge)
    assert found >= 0.95 * 0.2
    assert packing.closest_contact(molecules, positions, edge) == pytest.approx(found, abs=1e-9)
    one = molecules[1].positions
    last = positions[-8:]
    for i, j in itertools.combinations(range(8), 2):
        wanted = np.linalg.norm(one[i] - one[j])
        assert np.linalg.norm(last[i] - last[j]) == pytest.approx(wanted, abs=1e-5)


def test_a_molecule_from_a_structure_file(tmp_path):
    """Its residue gets the name of the molecule type; several residues keep theirs."""
    one = molecules_of(settings(MIXTURE), force_field.load([OPLS]))[1]
    next(one.topology.residues()).name = "UNK"
    with (tmp_path / "mine.pdb").open("w") as file:
        app.PDBFile.writeFile(one.topology, one.positions * unit.nanometer, file)
    path = str(tmp_path / "mine.pdb")
    chosen = settings(MIXTURE, molecules={"EthaneX": {"count": 30, "structure": path}})
    assert chosen.input_files == [path, OPLS]
    described = describe(chosen)
    assert {residue.name for residue in described.topology.residues()} == {"EthaneX"}
    np.testing.assert_allclose(described.positions[:8], one.positions, atol=1e-4)
    peptide = {"count": 2, "structure": "resources/capped_alanine.pdb"}
    changes = {"force_field": ["amber99sbildn.xml"], "density": 0.05, "nonbonded_cutoff": 0.6}
    made = build(settings(WATER, molecules={"ACE-ALA-NME": peptide}, **changes), seed=1)
    assert made.topology.getNumResidues() == 6
    with pytest.raises(InputError, match=r"molecules.ALAD: .* has the residues ACE-ALA-NME"):
        describe(settings(WATER, molecules={"ALAD": peptide}, **changes))


def forces_of(system: openmm.System) -> dict[str, openmm.Force]:
    return {force.getName(): force for force in system.getForces()}


def test_options_reach_the_system():
    plain = forces_of(describe(settings(WATER)).parametrised())["NonbondedForce"]
    assert plain.getNonbondedMethod() == openmm.NonbondedForce.PME
    assert plain.getUseDispersionCorrection()
    changes = {"switch_distance": 0.5, "dispersion_correction": False}
    found = forces_of(describe(settings(MIXTURE, **changes)).parametrised())
    pairs = found["geometric Lennard-Jones"]
    assert pairs.getSwitchingDistance()._value == 0.5
    assert pairs.getCutoffDistance()._value == 0.6
    assert not pairs.getUseLongRangeCorrection()
    assert pairs.getNumExclusions() == found["NonbondedForce"].getNumExceptions()
    heavy = describe(settings(MIXTURE, hydrogen_mass=3.0)).parametrised()
    assert heavy.getParticleMass(1)._value == 3.0
    field = ["resources/force_fields/trappe_ua_c24.xml"]
    chains = {"molecules": {"C24": {"count": 4}}, "force_field": field, "constraints": "all_bonds"}
    united = describe(settings(WATER, **chains)).parametrised()
    assert united.getNumConstraints() == 4 * 23
    method = forces_of(united)["NonbondedForce"].getNonbondedMethod()
    assert method == openmm.NonbondedForce.CutoffPeriodic


def test_long_range_correction_of_geometric_mixing():
    """The usual integral over g = 1 beyond the cutoff, for one type of atom: argon-like methyls."""
    chosen = settings(MIXTURE, molecules={"ETH": {"count": 30}})
    described = describe(chosen)
    with_correction = described.parametrised()
    without = describe(
        settings(MIXTURE, molecules={"ETH": {"count": 30}}, dispersion_correction=False)
    ).parametrised()
    edge, rc = float(described.box[0, 0]), 0.6
    # Carbon and hydrogen, and their geometric means; nm, kJ/mol.
    sigma, epsilon = {"C": 0.35, "H": 0.25}, {"C": 0.276144, "H": 0.12552}
    number = {"C": 60, "H": 180}
    expected = 0.0
    for a, b in itertools.product("CH", repeat=2):
        s, e = (sigma[a] * sigma[b]) ** 0.5, (epsilon[a] * epsilon[b]) ** 0.5
        tail = 8 * np.pi * e * (s**12 / (9 * rc**9) - s**6 / (3 * rc**3))
        expected += number[a] * number[b] / edge**3 * tail
    energies = []
    # Molecules at places of a lattice: the correction does not depend on them.
    spots = np.array(list(itertools.product(range(4), repeat=3)))[:30] * edge / 4
    positions = described.positions.reshape(30, 8, 3) + spots[:, None]
    for system in (with_correction, without):
        platform = openmm.Platform.getPlatformByName("Reference")
        context = openmm.Context(system, openmm.VerletIntegrator(0.001), platform)
        context.setPositions(positions.reshape(-1, 3))
        energies.append(context.getState(energy=True).getPotentialEnergy()._value)
    # OpenMM counts each atom's pairs with itself, (N + 1)/N of the atoms of one type.
    assert energies[0] - energies[1] == pytest.approx(expected, rel=0.02)


BAD = {
    "no molecules": ({"molecules": {}}, "molecules"),
    "count of zero": (
        {"molecules": {"HOH": {"count": 0}}},
        r"molecules.HOH.count: .* greater than or equal to 1",
    ),
    "unknown molecule": (
        {"molecules": {"HOW": {"count": 3}}},
        r"molecules.HOW: force_field .* has no residue template 'HOW', .* templates: HOH$",
    ),
    "part of a molecule": (
        {"molecules": {"ALA": {"count": 3}}, "force_field": ["amber99sbildn.xml"]},
        r"molecules.ALA: the residue template 'ALA' is a part of a molecule",
    ),
    "missing structure": (
        {"molecules": {"XYZ": {"count": 3, "structure": "nothing.pdb"}}},
        r"molecules.XYZ.structure: the file 'nothing.pdb' does not exist",
    ),
    "cutoff beyond half of the box": (
        {"nonbonded_cutoff": 0.7},
        r"nonbonded_cutoff: 0.7 nm is more than half of the box, which is 1.\d+ nm wide for 60 "
        r"molecules at 0.95 g/cm³; give more molecules or a shorter cutoff",
    ),
    "switch beyond the cutoff": ({"switch_distance": 0.6}, "'switch_distance' must be shorter"),
    "force field of other molecules": (
        {"molecules": {"ACE": {"count": 3, "structure": "resources/capped_alanine.pdb"}}},
        r"molecules.ACE: the molecule in .* has the residues ACE-ALA-NME",
    ),
    "molecules too far apart to fit": (
        {"packing_distance": 0.45},
        r"molecules: 60 HOH in a box of 1.\d+ nm cannot all be 0.45 nm apart; give a lower "
        r"'density' or a shorter 'packing_distance'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_message_says_what_is_wrong(name):
    changes, expected = BAD[name]
    with pytest.raises(InputError, match=expected) as caught:
        build(settings(WATER, **changes), seed=1)
    assert "\n" not in str(caught.value)


def test_two_molecules_in_one_file_are_refused(tmp_path):
    molecules = molecules_of(settings(MIXTURE), force_field.load([OPLS]))
    joined = app.Modeller(molecules[1].topology, molecules[1].positions * unit.nanometer)
    topology = app.Topology()
    residue = topology.addResidue("TWO", topology.addChain())
    for part in range(2):
        atoms = [
            topology.addAtom(f"{atom.name}{part}", atom.element, residue)
            for atom in joined.topology.atoms()
        ]
        for a, b in joined.topology.bonds():
            topology.addBond(atoms[a.index], atoms[b.index])
    positions = np.concatenate([molecules[1].positions, molecules[1].positions + 1.0])
    with (tmp_path / "two.pdb").open("w") as file:
        app.PDBFile.writeFile(topology, positions * unit.nanometer, file)
    two = {"TWO": {"count": 3, "structure": str(tmp_path / "two.pdb")}}
    with pytest.raises(InputError, match=r"has 2 molecules that no bond connects"):
        describe(settings(MIXTURE, molecules=two))


def test_overlaps_that_packmol_leaves_are_found(monkeypatch, tmp_path):
    """A program that puts all molecules at one place and claims success."""
    script = tmp_path / "packmol"
    rows = "\\n".join(f"C {0.1 * i} {0.7 * (i % 2)} {0.1 * (i % 3)}" for i in range(180))
    script.write_text(f'#!/bin/sh\nprintf "180\\nx\\n{rows}\\n" > packed.xyz\n')
    script.chmod(0o755)
    monkeypatch.setattr(packing, "executable", lambda: str(script))
    with pytest.raises(
        InputError, match=r"overlap after packing, with atoms of different molecules 0.0\d+ nm"
    ):
        build(settings(WATER), seed=1)


@pytest.mark.slow
def test_molecules_that_do_not_fit(monkeypatch):
    monkeypatch.setattr(packing, "LOOPS", 3)
    with pytest.raises(
        InputError, match=r"60 HOH in a box of 1.236 nm do not fit: .* \(given 0.33 nm\)$"
    ):
        build(settings(WATER, packing_distance=0.33), seed=1)


def test_a_missing_packmol_is_named(monkeypatch):
    monkeypatch.setattr(packing.shutil, "which", lambda name, path: None)
    with pytest.raises(InputError, match="packmol: the program that packs molecules"):
        packing.executable()


def test_two_pressures_are_one_state_at_a_kept_density():
    config = yaml.safe_load(Path("config/water.yaml").read_text())
    config["state_points"]["dense"] = {"temperature": "300 K", "pressure": "1000 bar"}
    config["experiments"]["water_spline"]["held_out"] = ["dense"]
    load_config(config)
    config["systems"]["water"]["equilibration"] = {"npt": None}
    with pytest.raises(InputError, match="'dense' is the same state as 'T300'"):
        load_config(config)


def test_a_potential_that_reaches_beyond_half_of_the_box():
    config = yaml.safe_load(Path("config/water.yaml").read_text())
    config["potentials"]["pair"]["terms"]["pairs"]["cutoff"] = "1.2 nm"
    check_structures(load_config(config))
    config["potentials"]["pair"]["terms"]["pairs"]["cutoff"] = "1.3 nm"
    with pytest.raises(
        InputError,
        match=r"experiments.water_spline.potential: 'terms.pairs.cutoff' of 'pair' is 1.3 nm, but "
        r"half of the smallest width of the box of system 'water' is 1.243 nm",
    ):
        check_structures(load_config(config))


def test_phases_of_the_equilibration():
    fixed = settings(WATER, equilibration={"npt": None})
    assert not fixed.depends_on_pressure
    assert fixed.equilibration.phases == ("nvt", "nvt_final")
    assert fixed.equilibration_time == 70.0
    free = settings(WATER)
    assert free.depends_on_pressure
    assert free.equilibration_time == 270.0
