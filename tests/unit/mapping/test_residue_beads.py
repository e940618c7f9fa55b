"""Beads at side chains, and beads by residue from a file of the user."""

import itertools

import mdtraj
import numpy as np
import pytest
import yaml

from meanforce.errors import InputError
from meanforce.jobs import stages
from meanforce.mapping.configuration import build_beads
from meanforce.mapping.solvent import is_solvent
from meanforce.sampling.check import check_structures
from meanforce.settings.load import load_config
from meanforce.settings.mappings import MappingSettings

SIDE_CHAINS = {
    "GLY": "", "ALA": "CB", "PRO": "CB CG CD", "CYS": "CB SG", "TRP":
    "CB CG CD1 CD2 NE1 CE2 CE3 CZ2 CZ3 CH2",
}  # fmt: skip
RINGS = {
    "PRO": [("CB", "CG"), ("CG", "CD"), ("CD", "N")], "CYS": [("CB", "SG")], "TRP":
    [
        ("CB", "CG"), ("CG", "CD1"), ("CG", "CD2"), ("CD1", "NE1"), ("NE1", "CE2"), ("CD2", "CE2"),
        ("CD2", "CE3"), ("CE2", "CZ2"), ("CE3", "CZ3"), ("CZ2", "CH2"), ("CZ3", "CH2"),
    ],
}  # fmt: skip


def peptide(*sequence: str, bridges=()) -> mdtraj.Topology:
    """A chain of heavy atoms, with a hydrogen on each CA, and perhaps bonds of residues by SG."""
    topology = mdtraj.Topology()
    chain, last = topology.add_chain(), None
    named = []
    for number, name in enumerate(sequence, 1):
        residue = topology.add_residue(name, chain, resSeq=number)
        side = SIDE_CHAINS[name].split()
        end = ["OXT"] if number == len(sequence) else []
        own = {}
        for atom in ("N", "CA", "HA", *side, "C", "O", *end):
            element = mdtraj.element.Element.getBySymbol(atom[0])
            own[atom] = topology.add_atom(atom, element, residue)
        pairs = [("N", "CA"), ("CA", "HA"), ("CA", "C"), ("C", "O"), *RINGS.get(name, [])]
        pairs += [("CA", "CB")] if side else []
        for one, other in [*pairs, *[("C", atom) for atom in end]]:
            topology.add_bond(own[one], own[other])
        if last is not None:
            topology.add_bond(last["C"], own["N"])
        last = own
        named.append(own)
    for one, other in bridges:
        topology.add_bond(named[one]["SG"], named[other]["SG"])
    return topology


SEQUENCE = ("CYS", "GLY", "PRO", "TRP", "ALA", "CYS")


def built(topology, **settings):
    return build_beads(MappingSettings.model_validate(settings), topology, "m")


def named_atoms(topology, beads) -> dict[str, str]:
    return {
        name: " ".join(topology.atom(i).name for i in atoms)
        for name, atoms in zip(beads.names, beads.atoms, strict=True)
    }


def test_side_chains_are_beads():
    topology = peptide(*SEQUENCE)
    beads = built(topology, template="ca_side_chain")
    found = named_atoms(topology, beads)
    assert len(found) == 11 and "GLY2-SC" not in found
    for number, name in enumerate(SEQUENCE, 1):
        assert found[f"{name}{number}-CA"] == "CA"
        assert found.get(f"{name}{number}-SC", "") == SIDE_CHAINS[name]
    # No end of a chain belongs to a side chain.
    assert not any("OXT" in atoms for atoms in found.values())


def test_side_chains_are_bonded_to_their_backbone():
    beads = built(peptide(*SEQUENCE, bridges=[(0, 5)]), template="ca_side_chain")
    number = {name: k for k, name in enumerate(beads.names)}
    labels = [f"{name}{k}" for k, name in enumerate(SEQUENCE, 1)]
    backbone = {(number[f"{a}-CA"], number[f"{b}-CA"]) for a, b in itertools.pairwise(labels)}
    sides = {(number[f"{a}-CA"], number[f"{a}-SC"]) for a in labels if a != "GLY2"}
    bridge = {(number["CYS1-SC"], number["CYS6-SC"])}
    assert set(beads.bonds) == backbone | sides | bridge


def test_weights_are_those_of_the_mapping():
    topology = peptide("CYS", "ALA")
    equal = built(topology, template="ca_side_chain", weights="geometry")
    assert equal.weights[1] == (0.5, 0.5)
    heavy = built(topology, template="ca_side_chain").weights[1]
    np.testing.assert_allclose(heavy, np.array([12.011, 32.06]) / 44.071, rtol=1e-3)


RESIDUES = {
    "GLY": {"beads": {"BB": ["N", "CA", "C", "O"]}},
    "ALA": {"beads": {"BB": ["N", "CA", "C", "O"], "SC": ["CB"]}},
    "CYS": {
        "beads": {"BB": ["O", "CA"], "SC": ["SG", "CB"], "N": ["N"]},
        "weights": {"BB": [0.75, 0.25], "SC": [1.0, 0.0]},
        "bonds": [["BB", "SC"], ["N", "SC"]],
    },
}  # fmt: skip


def template(path, residues=RESIDUES) -> str:
    path.write_text(yaml.safe_dump({"residues": residues}, sort_keys=False))
    return str(path)


def test_beads_come_from_the_file(tmp_path):
    topology = peptide("CYS", "GLY", "ALA")
    beads = built(topology, template_file=template(tmp_path / "mine.yaml"), weights="geometry")
    assert beads.names == ("CYS1-BB", "CYS1-SC", "CYS1-N", "GLY2-BB", "ALA3-BB", "ALA3-SC")
    found = named_atoms(topology, beads)
    # In the order of the structure, weights with them.
    assert (found["CYS1-BB"], beads.weights[0]) == ("CA O", (0.25, 0.75))
    assert (found["CYS1-SC"], beads.weights[1]) == ("CB SG", (0.0, 1.0))
    assert beads.weights[3] == (0.25,) * 4
    # Listed ones in cysteine (N and BB, which have bonded atoms, are not among them), the others
    # by the bonds of atoms.
    assert beads.bonds == ((0, 1), (0, 3), (1, 2), (3, 4), (4, 5))


def test_residues_without_beads(tmp_path):
    file = template(tmp_path / "mine.yaml", RESIDUES | {"GLY": {"beads": {}}})
    beads = built(peptide("ALA", "GLY", "ALA"), template_file=file)
    assert beads.names == ("ALA1-BB", "ALA1-SC", "ALA3-BB", "ALA3-SC")
    # The chain stays connected.
    assert (0, 2) in beads.bonds
    file = template(tmp_path / "none.yaml", {"GLY": {"beads": {}}})
    with pytest.raises(InputError, match=r"m\.template_file: '.*none\.yaml' gives this system no"):
        built(peptide("GLY", "GLY"), template_file=file)


def changed(name: str, **changes) -> dict:
    return RESIDUES | {name: RESIDUES[name] | changes}


@pytest.mark.parametrize(
    ("residues", "message"),
    [
        (
            {"GLY": RESIDUES["GLY"]},
            r"mine\.yaml' has no residue 'CYS', such as CYS1 of this system; it has GLY \(a "
            r"residue without beads has 'beads: \{\}'\)",
        ),
        (
            changed("CYS", beads={"SC": ["CB", "SD"]}, weights={}, bonds=None),
            r"bead 'SC' of residue 'CYS' has the atom 'SD', which CYS1 does not have; its atoms "
            "are N, CA, HA, CB, SG, C, O",
        ),
        (
            changed("CYS", beads={"SC": ["CB", "CB"]}, weights={}, bonds=None),
            "bead 'SC' of residue 'CYS' has the atom 'CB' twice",
        ),
        (
            changed("CYS", beads={"A": ["CB"], "B": ["CB"]}, weights={}, bonds=None),
            "is in bead 'CYS1-A' and in bead 'CYS1-B'",
        ),
        (changed("CYS", bonds=[["BB", "X"]]), "'bonds' names the bead 'X'; known: BB, SC, N"),
        (changed("CYS", bonds=[["BB", "BB"]]), "has bead 'BB' bonded to itself"),
        (changed("CYS", weights={"SC": [0.5, 0.4]}), r"weights of bead 'SC' sum to 0\.9"),
        (changed("CYS", weights={"SC": [1.0]}), "1 weights are given for bead 'SC', which has 2"),
        (changed("CYS", weights={"X": [1.0]}), "'weights' names the bead 'X'; known: BB, SC, N"),
        (changed("CYS", beads={"BB": []}), "bead 'BB' has no atoms"),
        (changed("CYS", beads={"B B": ["N"]}), "'B B' is not a name"),
        (changed("CYS", atoms=["N"]), r"residues\.CYS\.atoms: unknown key"),
        ({}, "residues"),
    ],
)
def test_message_says_what_is_wrong(tmp_path, residues, message):
    file = template(tmp_path / "mine.yaml", residues)
    with pytest.raises(InputError, match=message) as caught:
        built(peptide("CYS", "GLY"), template_file=file)
    assert str(caught.value).startswith("m") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "mine.yaml': "),
        ("- 1", "mine.yaml': "),
        ("a: [", "mine.yaml, line 1: "),
        ("\x00", "mine.yaml: the template file is not YAML"),
        ("!!python/object:os.system {}", "mine.yaml, line 1: could not determine a constructor"),
        (
            "residues:\n  GLY: {beads: {A: [N]}}\n  GLY: {beads: {A: [C]}}",
            "mine.yaml, line 3: the key 'GLY' stands here and in line 2",
        ),
    ],
)
def test_damaged_files(tmp_path, text, message):
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(InputError, match=r"m\.template_file: ") as caught:
        built(peptide("CYS", "GLY"), template_file=str(tmp_path / "mine.yaml"))
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_that_is_missing():
    with pytest.raises(InputError, match=r"m\.template_file: nothing\.yaml: .*No such file"):
        built(peptide("CYS", "GLY"), template_file="nothing.yaml")


def test_weights_by_bead_belong_into_the_file():
    values = {"template_file": "mine.yaml", "weights": {"ALA1-BB": [1.0]}}
    with pytest.raises(ValueError, match="weights in your 'template_file'"):
        MappingSettings.model_validate(values)


def test_beads_of_the_file_are_used_by_a_molecule_type(tmp_path):
    file = template(tmp_path / "mine.yaml")
    molecules = {"ALA-GLY": {"template_file": file}}
    settings = MappingSettings.model_validate({"molecules": molecules})
    beads = build_beads(settings, peptide("ALA", "GLY"), "m")
    assert beads.names == ("ALA1-BB", "ALA1-SC", "GLY2-BB")
    assert settings.template_files == [file]


def test_variables_name_its_beads_and_the_check_finds_mistakes(config, tmp_path):
    file = template(tmp_path / "mine.yaml", RESIDUES | {n: {"beads": {}} for n in ("ACE", "NME")})
    config["mappings"]["capped_alanine"]["mine"] = {"template_file": file}
    variable = {"kind": "distance", "mapping": "mine", "beads": ["ALA2-BB", "ALA2-SC"]}
    config["collective_variables"]["capped_alanine"]["length"] = variable
    check_structures(load_config(config))
    job = stages.beads_job(load_config(config), "capped_alanine", "mine")
    assert job.mapping.template_file == file
    variable["beads"] = ["ALA2-BB", "ALA2-SX"]
    with pytest.raises(InputError, match=r"length\.beads: .*ALA2-SX"):
        check_structures(load_config(config))
    template(tmp_path / "mine.yaml", {"ACE": {"beads": {}}})
    with pytest.raises(InputError, match=r"mappings\.capped_alanine\.mine\.template_file: .*'ALA'"):
        check_structures(load_config(config))


@pytest.mark.parametrize(
    ("name", "atoms", "is_water"),
    [
        ("SPX", "OW HW1 HW2", True),
        ("OPC", "O H1 H2 EP", True),
        ("TP5", "O H1 H2 L1 L2", True),
        ("H3O", "O H1 H2 H3", False),
        ("OHM", "O H1", False),
        ("H2S", "S H1 H2", False),
    ],
)
def test_water_is_solvent_under_any_name(name, atoms, is_water):
    topology = peptide("ALA")
    residue = topology.add_residue(name, topology.add_chain(), resSeq=2)
    for atom in atoms.split():
        symbol = {"E": "VS", "L": "VS"}.get(atom[0], atom[0])
        topology.add_atom(atom, mdtraj.element.Element.getBySymbol(symbol), residue)
    beads = built(topology, template="ca_side_chain")
    assert len(beads.names) == 2
    assert is_solvent(residue) is is_water
