"""A force field without the solvent of its system, or with one too many, is refused."""

import re

import pytest
from own_molecule import WATER, Mistake, merge, put

SYSTEM = ("systems", "mine")


def box(*files, **values):
    """The molecule in a box of water, with these force field files."""
    return merge(*SYSTEM, WATER | {"force_field": list(files)} | values)


def alone(*files):
    """The molecule without a box."""
    return put(*SYSTEM, "force_field", list(files))


AMBER = "amber99sbildn.xml"
REFUSED = {
    "no water": (box(AMBER), r"force_field: .* has no water.*such as 'tip3p.xml'"),
    "no water of a family": (
        box("amber14/protein.ff14SB.xml"), "has no water.*such as 'amber14/tip3p.xml'",
    ),
    "four sites": (
        box(AMBER, "tip4pew.xml"), "water_model: 'tip3p' has 0 sites.*has 1; allowed: 'tip4pew'",
    ),
    "three sites": (
        box(AMBER, "tip3p.xml", water_model="tip5p"), "'tip5p' has 2 sites.*allowed: 'tip3p'",
    ),
    "no such ion": (
        box(AMBER, "tip3p.xml", ionic_strength="0.1 mol/L", negative_ion="I-"), "has no ion I-",
    ),
    "implicit solvent in a box": (
        box(AMBER, "tip3p.xml", "amber99_obc.xml"), "defines an implicit solvent, but the kind",
    ),
    "two implicit solvents": (
        alone(AMBER, "amber99_obc.xml", "implicit/obc2.xml"), "solvated more than once",
    ),
    "implicit solvent with other charges": (
        alone("amber10.xml", "amber99_obc.xml"), "belongs to another force field: its charge of",
    ),
    "implicit solvent with other types": (
        alone("amber14/protein.ff14SB.xml", "amber99_obc.xml"),
        "No parameters defined.*use one that fits any, such as 'implicit/obc2.xml'",
    ),
    "two definitions of water": (
        box(AMBER, "tip3p.xml", "spce.xml"), "define the same residue; leave one of them out",
    ),
    "water of another family": (
        box(AMBER, "charmm36/water.xml"), "different families.*such as 'charmm36/water.xml'",
    ),
    "only implicit solvent": (alone("amber99_obc.xml"), "none of the files is a force field of"),
}  # fmt: skip

ACCEPTED = {
    "three sites": box(AMBER, "tip3p.xml", ionic_strength="0.1 mol/L"),
    "other three sites": box(AMBER, "spce.xml", water_model="spce"),
    "four sites": box(AMBER, "tip4pew.xml", water_model="tip4pew"),
    "five sites": box(AMBER, "tip5p.xml", water_model="tip5p"),
    "implicit solvent of the same charges": alone("amber96.xml", "amber99_obc.xml"),
    "implicit solvent of any force field": alone("amber10.xml", "implicit/gbn2.xml"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_solvent_that_does_not_fit_is_refused(name, root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    change, message = REFUSED[name]
    answer = Mistake(name, (), change=change).answer(root)
    assert re.search(message, answer), answer


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_solvent_that_fits_is_not(name, root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Mistake(name, (), change=ACCEPTED[name]).answer(root) == ""


def test_several_definitions_of_the_same_atoms_give_a_sentence(root, tmp_path, monkeypatch):
    """OpenMM raises a plain exception for them."""
    monkeypatch.chdir(tmp_path)
    answer = Mistake("", (), change=alone("charmm36.xml")).answer(root)
    assert "several definitions with these atoms" in answer
