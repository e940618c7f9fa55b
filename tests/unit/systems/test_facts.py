"""What checks before any job need of a system: is it right, and kept until something changes?"""

import dataclasses
import math

import numpy as np
import openmm
import pytest
from openmm import app
from water_boxes import described as water
from whole_path import system_of

from meanforce.errors import InputError
from meanforce.systems.facts import Facts, facts_of
from meanforce.systems.notices import check_time_step, time_step_limit, vacuum_notice
from meanforce.systems.registry import build, describe

FILES = ["amber99sbildn.xml", "amber99_obc.xml"]


def peptide(root, **changes):
    values = {"structure": str(root / "resources" / "capped_alanine.pdb"), "force_field": FILES}
    return system_of(kind="peptide", **(values | changes))


def alike(one: Facts, other: Facts) -> bool:
    pairs = zip(dataclasses.astuple(one), dataclasses.astuple(other), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("constraints", ["none", "h_bonds"])
def test_a_description_has_the_constraints_and_charges_of_the_prepared_system(root, constraints):
    settings = peptide(root, constraints=constraints)
    facts = facts_of(settings, describe(settings))
    prepared = build(settings, 0)
    assert alike(facts, Facts.of(prepared.system, prepared.topology))
    # Of the 12 hydrogens of capped alanine, each has one bond.
    assert len(facts.constraints) == (12 if constraints == "h_bonds" else 0)
    assert facts.rigid_hydrogens == (constraints == "h_bonds")
    assert facts.implicit_solvent
    assert facts.lightest_hydrogen == pytest.approx(1.008, abs=0.001)
    assert facts.charges.sum() == pytest.approx(0.0, abs=1e-6)


def test_heavy_hydrogens_beside_rigid_water(root, water_box):
    settings = water(structure=str(root / "resources" / "capped_alanine.pdb"))
    solute = facts_of(settings, describe(settings))
    prepared, _ = water_box
    whole = Facts.of(prepared.system, prepared.topology)
    assert solute.lightest_hydrogen == pytest.approx(4.0)
    assert whole.lightest_hydrogen == pytest.approx(4.0)
    assert whole.rigid_hydrogens
    n_solute = describe(settings).topology.getNumAtoms()
    own = whole.constraints[(whole.constraints < n_solute).all(axis=1)]
    assert np.array_equal(np.sort(own, axis=0), np.sort(solute.constraints, axis=0))


def test_facts_are_kept_until_a_file_or_setting_changes(root, tmp_path):
    structure = tmp_path / "mine.pdb"
    text = (root / "resources" / "capped_alanine.pdb").read_text()
    structure.write_text(text)
    settings, kept = peptide(root, structure=str(structure)), tmp_path / "cache" / "mine.npz"
    made = []

    def counted(described):
        def system() -> openmm.System:
            made.append(1)
            return described.parametrised()

        return dataclasses.replace(described, parametrised=system)

    first = facts_of(settings, counted(describe(settings)), kept)
    again = facts_of(settings, counted(describe(settings)), kept)
    assert len(made) == 1
    assert alike(first, again)
    assert [path.name for path in kept.parent.iterdir()] == ["mine.npz"]
    flexible = settings.model_copy(update={"constraints": "none"})
    assert not len(facts_of(flexible, counted(describe(flexible)), kept).constraints)
    facts_of(settings, counted(describe(settings)), kept)
    structure.write_text(text + "REMARK changed\n")
    facts_of(settings, counted(describe(settings)), kept)
    assert len(made) == 4
    for damage in (b"", b"PK", kept.read_bytes()[:-200]):
        kept.write_bytes(damage)
        assert alike(first, facts_of(settings, counted(describe(settings)), kept))
    assert len(made) == 7
    # A folder that cannot be made.
    facts_of(settings, counted(describe(settings)), structure / "mine.npz")
    assert len(made) == 8


def test_errors_are_not_kept(root, tmp_path):
    settings = peptide(root, force_field=["tip3p.xml"])
    kept = tmp_path / "mine.npz"
    for _ in range(2):
        with pytest.raises(InputError, match="does not fit"):
            facts_of(settings, describe(settings), kept)
    assert not kept.exists()


@pytest.mark.parametrize(
    ("files", "advice"),
    [
        (["amber14-all.xml"], "implicit/gbn2.xml"),
        (["amber03.xml"], "amber03_obc.xml"),
        (["amber99sbildn.xml"], "amber99_obc.xml"),
    ],
)
def test_the_advice_on_vacuum_is_followed(root, files, advice):
    settings = peptide(root, force_field=files)
    notice = vacuum_notice(settings, facts_of(settings, describe(settings)))
    assert notice.endswith(f"for implicit water add '{advice}'")
    solvated = peptide(root, force_field=[*files, advice])
    assert vacuum_notice(solvated, facts_of(solvated, describe(solvated))) is None


def test_a_charged_molecule_in_vacuum_is_called_so(root):
    settings = peptide(root, force_field=["amber99sbildn.xml"])
    facts = facts_of(settings, describe(settings))
    charged = dataclasses.replace(facts, charges=facts.charges + 2.0 / len(facts.charges))
    assert "net charge of +2 e" in vacuum_notice(settings, charged)
    assert "net charge" not in vacuum_notice(settings, facts)


NO_CONSTRAINTS = np.zeros((0, 2), dtype=int)


@pytest.mark.parametrize(
    ("rigid", "mass", "usual", "largest"),
    [(True, 4.0, 4, 5), (True, 1.008, 2, 2.5), (False, 4.0, 2, 2.5), (False, 1.008, 1, 2.5)],
)
def test_hydrogens_limit_the_time_step(rigid, mass, usual, largest):
    facts = Facts(NO_CONSTRAINTS, None, True, mass, rigid)
    assert check_time_step(usual / 1000, facts, "here") is None
    if largest > usual:
        longer = check_time_step(largest / 1000, facts, "here")
        assert longer.startswith(f"here: {largest:g} fs is longer than the usual {usual:g} fs")
    with pytest.raises(InputError, match=f"at most {largest:g} fs are accepted"):
        check_time_step(largest / 1000 + 0.0001, facts, "here")


def test_particles_without_bonded_hydrogens_have_no_limit():
    assert time_step_limit(Facts(NO_CONSTRAINTS, None, False, math.inf, True)) is None
    system = system_of(kind="muller_brown")
    facts = facts_of(system, describe(system))
    assert check_time_step(0.25, facts, "here") is None


def test_flexible_water_is_flexible():
    """Three atoms whose bonds are not rigid."""
    topology = app.Topology()
    residue = topology.addResidue("HOH", topology.addChain())
    oxygen, *hydrogens = (
        topology.addAtom(name, app.Element.getBySymbol(name[0]), residue)
        for name in ("O", "H1", "H2")
    )
    system = openmm.System()
    for mass in (16.0, 1.0, 1.0):
        system.addParticle(mass)
    for hydrogen in hydrogens:
        topology.addBond(oxygen, hydrogen)
    assert not Facts.of(system, topology).rigid_hydrogens
    for pair, length in (((0, 1), 0.1), ((0, 2), 0.1), ((1, 2), 0.16)):
        system.addConstraint(*pair, length)
    facts = Facts.of(system, topology)
    assert facts.rigid_hydrogens
    assert math.isinf(facts.lightest_hydrogen)
