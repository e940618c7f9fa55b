"""Beads: how their atoms are found, weights, masses, types, bonds and stereo centres."""

import dataclasses

import mdtraj
import numpy as np
import pytest

from meanforce.errors import InputError
from meanforce.mapping.configuration import build_beads
from meanforce.mapping.graph import equivalence, neighbours
from meanforce.mapping.names import atom_label, refuse_other_atoms
from meanforce.settings.job import validated
from meanforce.settings.mappings import MappingSettings
from meanforce.settings.systems.peptide import PeptideSettings
from meanforce.systems.atoms import Atoms, input_atoms
from meanforce.systems.topology import input_topology
from meanforce.units import kt

CO = ["ALA2-C", "ALA2-O"]


@pytest.fixture(scope="module")
def alanine(root) -> tuple[mdtraj.Topology, Atoms]:
    settings = PeptideSettings(
        kind="peptide",
        structure=str(root / "resources" / "capped_alanine.pdb"),
        force_field=["amber99sbildn.xml", "amber99_obc.xml"],
    )
    return input_topology(settings), input_atoms(settings)


def mapping(**values) -> MappingSettings:
    return MappingSettings.model_validate(values)


def peptide(n_residues: int, n_chains: int = 1) -> mdtraj.Topology:
    """Polyalanine with charged ends."""
    topology = mdtraj.Topology()
    for _ in range(n_chains):
        chain, last = topology.add_chain(), None
        for number in range(1, n_residues + 1):
            residue = topology.add_residue("ALA", chain, resSeq=number)
            hydrogens = ["H"] if number > 1 else ["H", "H2", "H3"]
            oxygens = ["O"] if number < n_residues else ["O", "OXT"]
            names = ["N", *hydrogens, "CA", "HA", "CB", "HB1", "HB2", "HB3", "C", *oxygens]
            atom = {
                name: topology.add_atom(name, mdtraj.element.get_by_symbol(name[0]), residue)
                for name in names
            }
            bonds = [("N", name) for name in hydrogens] + [("C", name) for name in oxygens]
            bonds += [("CB", f"HB{k}") for k in (1, 2, 3)]
            bonds += [("CA", name) for name in ("N", "HA", "CB", "C")]
            for first, second in bonds:
                topology.add_bond(atom[first], atom[second])
            if last is not None:
                topology.add_bond(last["C"], atom["N"])
            last = atom
    return topology


# How atoms are found.


def test_atoms_by_name_and_by_selection_are_the_same(alanine):
    topology, _ = alanine
    selected = mapping(beads={"A": "resname ALA and (name C or name O)", "B": "name CB"})
    named = mapping(beads={"A": ["ALA2-O", "ALA2-C"], "B": ["CB"]})
    ours, theirs = (build_beads(m, topology, "m") for m in (selected, named))
    assert ours.atoms == theirs.atoms
    assert ours.weights == theirs.weights


@pytest.mark.parametrize(
    ("beads", "message"),
    [
        ({"A": ["ALA2-CX"]}, r"m\.beads\.A: there is no atom 'ALA2-CX'; nearest: .*ALA2-C"),
        ({"A": ["ALA3-CA"]}, r"m\.beads\.A: there is no atom 'ALA3-CA'; nearest: ALA2-CA"),
        ({"A": ["OO"]}, r"m\.beads\.A: there is no atom 'OO'; nearest: O"),
        ({"A": ["C"]}, r"'C'; give one of: ACE1-C, ALA2-C, NME3-C"),
        ({"A": ["CB", "ALA2-CB"]}, r"m\.beads\.A: CB and ALA2-CB is given twice"),
        ({"A": ["CB"], "B": "name CB"}, r"m: atom ALA2-CB is in bead 'A' and in bead 'B'"),
    ],
)
def test_atoms_that_cannot_be_found(alanine, beads, message):
    with pytest.raises(InputError, match=message):
        build_beads(mapping(beads=beads), alanine[0], "m")


def test_chains_tell_equal_residues_apart():
    two = peptide(2, n_chains=2)
    assert build_beads(mapping(template="ca"), peptide(2), "m").names == ("ALA1-CA", "ALA2-CA")
    beads = build_beads(mapping(template="ca"), two, "m")
    assert len(set(beads.names)) == 4
    assert beads.names[0].endswith("-ALA1-CA")
    assert beads.bonds == ((0, 1), (2, 3))
    assert [index for _, index in beads.residues] == [0, 1, 2, 3]
    again = build_beads(mapping(beads={"X": [beads.names[2]]}), two, "m")
    assert again.atoms[0] == beads.atoms[2]


def test_a_trajectory_of_other_atoms_is_refused(alanine):
    topology, _ = alanine
    labels = [atom_label(atom) for atom in topology.atoms]
    refuse_other_atoms(labels, topology, "t.h5")
    with pytest.raises(InputError, match=r"t\.h5: has 21 atoms, but the prepared system 22"):
        refuse_other_atoms(labels[1:], topology, "t.h5")
    labels[8] = "GLY2-CA"
    with pytest.raises(InputError, match=r"atom number 9 is GLY2-CA, but ALA2-CA in the prepared"):
        refuse_other_atoms(labels, topology, "t.h5")


def test_a_system_of_other_atoms_is_refused(alanine):
    topology, start = alanine
    other = dataclasses.replace(start, positions=start.positions[:5])
    with pytest.raises(InputError, match="m: the system has 5 atoms, but its topology 22"):
        build_beads(mapping(template="heavy"), topology, "m", other)


# Weights: ALA C and O have the charges 0.5973 and -0.5679 e in AMBER's ff99SB.


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ("mass", (12.011 / 28.010, 15.999 / 28.010)),
        ("geometry", (0.5, 0.5)),
        ("charge", (0.5973 / 1.1652, 0.5679 / 1.1652)),
        ({"CO": [0.3, 0.7]}, (0.3, 0.7)),
        ({"CO": [1, 0]}, (1.0, 0.0)),
        ({"CO": [0.3, 0.6999995]}, (0.3, 0.7)),
    ],
)
def test_weights_by_hand(alanine, weights, expected):
    topology, start = alanine
    settings = mapping(beads={"CO": CO, "CB": "name CB"}, weights=weights)
    beads = build_beads(settings, topology, "m", start)
    assert beads.weights[0] == pytest.approx(expected, abs=2e-5)
    assert sum(beads.weights[0]) == pytest.approx(1.0, abs=1e-15)
    assert beads.weights[1] == (1.0,)
    carbon, oxygen = (start.positions[i] for i in beads.atoms[0])
    place = beads.matrix(topology.n_atoms)[0] @ start.positions
    np.testing.assert_allclose(place, expected[0] * carbon + expected[1] * oxygen, atol=1e-5)


def alanine_of(alanine):
    """Arguments of `build_beads` after the mapping."""
    topology, start = alanine
    return topology, "m", start


def test_explicit_weights_follow_the_order_of_the_list(alanine):
    forward = mapping(beads={"CO": CO}, weights={"CO": [0.3, 0.7]})
    backward = mapping(beads={"CO": CO[::-1]}, weights={"CO": [0.7, 0.3]})
    ours, theirs = (build_beads(m, *alanine_of(alanine)) for m in (forward, backward))
    assert (ours.atoms, ours.weights) == (theirs.atoms, theirs.weights)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"weights": {"CO": [0.3, 0.6]}}, r"weights of bead 'CO' sum to 0\.9; they must sum to 1"),
        ({"weights": {"CO": [12, 16]}}, r"weights of bead 'CO' sum to 28; they must sum to 1"),
        ({"weights": {"CO": [0.3, 0.700002]}}, r"sum to 1\.000002; they must sum to 1"),
        ({"weights": {"CO": [-0.5, 1.5]}}, r"'CO' are \[-0\.5, 1\.5\]; allowed are numbers >= 0"),
        ({"weights": {"CO": ["a", "b"]}}, r"given for bead 'CO', is not a list of numbers"),
        ({"weights": {"COO": [0.5, 0.5]}}, r"names the bead 'COO'; known: CO; did you mean CO\?"),
        ({"weights": "masses"}, r"'masses' is not one of mass, geometry, charge or a bead name"),
        ({"beads": {"CO": []}}, r"\[\] is neither an MDTraj selection.* nor a list of atom names"),
        ({"beads": {"CO": 3}}, r"3 is neither an MDTraj selection.* nor a list of atom names"),
        (
            {"beads": None, "template": "ca", "weights": {"CO": [1.0]}},
            "'weights' are given by bead, but a template's beads have no names in the config",
        ),
    ],
)
def test_weights_that_are_refused_when_read(values, message):
    with pytest.raises(InputError, match=message):
        validated(MappingSettings, {"beads": {"CO": CO}} | values, "mapping")


def test_weights_that_do_not_fit_the_molecule(alanine):
    topology, start = alanine
    three = mapping(beads={"CO": CO}, weights={"CO": [0.2, 0.3, 0.5]})
    with pytest.raises(InputError, match=r"m\.weights: 3 given for bead 'CO', which takes 2"):
        build_beads(three, topology, "m")
    none = mapping(beads={"CO": CO, "X": ["ALA2-N", "ALA2-H"]}, weights={"CO": [0.5, 0.5]})
    with pytest.raises(InputError, match=r"m\.weights: there are none for bead 'X', which has 2"):
        build_beads(none, topology, "m")
    by_charge = mapping(beads={"CO": CO}, weights="charge")
    with pytest.raises(InputError, match="'charge' is given, but the system has no charges"):
        build_beads(by_charge, topology, "m")
    neutral = dataclasses.replace(start, charges=np.zeros(22))
    with pytest.raises(InputError, match=r"gives bead 'CO' no position, .* sum to 0 e"):
        build_beads(by_charge, topology, "m", neutral)


# Masses.


def test_consistent_masses_by_hand(alanine):
    def mass(weights) -> float:
        settings = mapping(beads={"CO": CO}, weights=weights, masses="consistent")
        return build_beads(settings, *alanine_of(alanine)).masses[0]

    assert mass("geometry") == pytest.approx(4 / (1 / 12.011 + 1 / 15.999), abs=0.01)
    # With weights by mass it is the sum, and with all weight on one atom that atom's.
    assert mass("mass") == pytest.approx(28.010, abs=0.01)
    assert mass({"CO": [1, 0]}) == pytest.approx(12.011, abs=0.01)


@pytest.mark.parametrize("weights", ["mass", "geometry", "charge"])
def test_consistent_masses_give_beads_the_kinetic_energy_of_equipartition(alanine, weights):
    """Velocities of atoms have the variance kT/m; those of beads then have kT/M."""
    topology, start = alanine
    beads = {"CO": CO, "NH": ["ALA2-N", "ALA2-H"], "CB": "name CB HB1 HB2 HB3"}
    settings = mapping(beads=beads, weights=weights, masses="consistent")
    chosen = build_beads(settings, topology, "m", start)
    masses = np.array([atom.element.mass for atom in topology.atoms])
    matrix = chosen.matrix(topology.n_atoms).toarray()
    covariance = matrix @ np.diag(kt(300.0) / masses) @ matrix.T
    np.testing.assert_allclose(covariance, np.diag(kt(300.0) / chosen.masses), rtol=1e-12)
    velocities = np.random.default_rng(3).normal(size=(20000, 22)) * np.sqrt(kt(300.0) / masses)
    kinetic = 0.5 * chosen.masses * (velocities @ matrix.T) ** 2
    # A χ² variable of one degree of freedom has the relative standard deviation √2.
    np.testing.assert_allclose(kinetic.mean(0), kt(300.0) / 2, rtol=4 * (2 / 20000) ** 0.5)


def test_summed_masses_count_each_hydrogen_once(alanine):
    topology, _ = alanine
    split = mapping(beads={"N": ["ALA2-N"], "H": ["ALA2-H"]}, force_map="slice")
    assert build_beads(split, topology, "m").masses == pytest.approx([14.007, 1.008], abs=0.01)
    whole = mapping(beads={"N": ["ALA2-N"]})
    assert build_beads(whole, topology, "m").masses == pytest.approx([15.015], abs=0.01)


# Types, bonds and residues.


def test_types_bonds_and_residues_of_capped_alanine(alanine):
    topology, _ = alanine
    core = build_beads(mapping(template="core_beta"), topology, "m")
    assert core.types == (
        "ACE-C(C:HHH,N:CH,O)", "ALA-N(C:CCH,C:CO,H)", "ALA-CA(C:HHH,C:NO,H,N:CH)",
        "ALA-CB(C:CHN,H,H,H)", "ALA-C(C:CHN,N:CH,O)", "NME-N(C:CO,C:HHH,H)",
    )  # fmt: skip
    assert core.residues == (("ACE", 0), *[("ALA", 1)] * 4, ("NME", 2))
    heavy = build_beads(mapping(template="heavy"), topology, "m")
    assert len(set(heavy.types)) == 10
    assert heavy.bonds == (
        (0, 1), (1, 2), (1, 3), (3, 4), (4, 5), (4, 6), (6, 7), (6, 8), (8, 9)
    )  # fmt: skip
    alone = build_beads(mapping(template="ca"), topology, "m")
    assert (alone.names, alone.bonds) == (("ALA2-CA",), ())


def test_types_of_beads_do_not_depend_on_names_of_beads_or_on_other_beads(alanine):
    topology, _ = alanine
    heavy = build_beads(mapping(template="heavy"), topology, "m")
    own = build_beads(mapping(beads={"A": ["CB"], "B": CO}), topology, "m")
    assert own.types[0] == heavy.types[heavy.names.index("ALA2-CB")]
    assert own.types[1] == "+".join(heavy.types[heavy.names.index(name)] for name in CO)


def test_residues_within_a_chain_share_types_and_ends_have_their_own():
    topology = peptide(5)
    beads = build_beads(mapping(template="heavy"), topology, "m")
    type_of = dict(zip(beads.names, beads.types, strict=True))
    for atom in ("N", "CA", "CB", "C", "O"):
        assert len({type_of[f"ALA{k}-{atom}"] for k in (2, 3, 4)}) == 1
    assert len({type_of[f"ALA2-{atom}"] for atom in ("N", "CA", "CB", "C", "O")}) == 5
    assert type_of["ALA1-N"] != type_of["ALA2-N"]  # NH3+ and NH
    assert type_of["ALA5-C"] != type_of["ALA4-C"]  # COO- and CO
    assert type_of["ALA5-O"] != type_of["ALA4-O"]
    ca = build_beads(mapping(template="ca"), topology, "m")
    assert len(set(ca.types[1:-1])) == 1


@pytest.mark.parametrize("template", ["heavy", "core_beta", "ca"])
def test_beads_of_a_chain_are_connected_and_make_no_rings(template):
    """A tree has one bond fewer than beads."""
    topology = peptide(5)
    beads = build_beads(mapping(template=template), topology, "m")
    assert len(beads.bonds) == len(beads.names) - 1
    reached = {0}
    for _ in beads.names:
        reached |= {j for pair in beads.bonds for j in pair if reached & set(pair)}
    assert reached == set(range(len(beads.names)))


def test_beads_are_bonded_through_atoms_of_no_bead():
    ca = build_beads(mapping(template="ca"), peptide(4), "m")
    assert ca.bonds == ((0, 1), (1, 2), (2, 3))
    apart = mapping(beads={"A": ["ALA1-CB"], "B": ["ALA2-CB"], "C": ["ALA4-CB"]})
    assert build_beads(apart, peptide(4), "m").bonds == ((0, 1), (1, 2))


# Stereo centres.


@pytest.mark.parametrize("template", ["heavy", "core_beta"])
def test_alanine_is_left_handed_and_its_mirror_image_right_handed(alanine, template):
    topology, start = alanine
    beads = build_beads(mapping(template=template), topology, "m", start)
    center, *neighbours_of, sign = beads.stereo[0]
    assert beads.names[center] == "ALA2-CA"
    assert [beads.names[i] for i in neighbours_of] == ["ALA2-N", "ALA2-CB", "ALA2-C"]
    # Seen from HA, C → CB → N run clockwise in L amino acids, so that N, CB, C span a negative
    # volume.
    assert sign == -1
    assert len(beads.stereo) == 1
    mirrored = dataclasses.replace(start, positions=start.positions * [1, 1, -1])
    other = build_beads(mapping(template=template), topology, "m", mirrored)
    assert other.stereo == ((center, *neighbours_of, 1),)


def test_stereo_centres_need_three_neighbouring_beads_and_a_structure(alanine):
    topology, start = alanine
    assert build_beads(mapping(template="ca"), topology, "m", start).stereo == ()
    assert build_beads(mapping(template="heavy"), topology, "m").stereo == ()


def test_stereo_centres_seen_through_atoms_of_no_bead(alanine):
    beads = {"HB": ["HB1"], "CA": ["CA"], "O": ["ALA2-O"], "ACE": ["ACE1-C"]}
    found = build_beads(mapping(beads=beads), *alanine_of(alanine))
    assert [center[:4] for center in found.stereo] == [(1, 0, 2, 3)]


def test_stereo_centres_do_not_depend_on_where_a_box_cuts(alanine):
    topology, start = alanine
    box = np.diag([2.0, 2.1, 2.2])
    cut = start.positions - start.positions[8]
    cut -= np.floor(cut @ np.linalg.inv(box)) @ box
    assert np.ptp(cut, axis=0).min() > 1.5
    wrapped = dataclasses.replace(start, positions=cut, box=box)
    assert (
        build_beads(mapping(template="heavy"), topology, "m", wrapped).stereo
        == build_beads(mapping(template="heavy"), topology, "m", start).stereo
    )


def test_equal_branches_are_seen_to_be_equal(alanine):
    topology, _ = alanine
    graph = neighbours(topology)
    same = equivalence(topology, graph, range(topology.n_atoms))
    index = {str(atom): atom.index for atom in topology.atoms}
    assert same[index["ALA2-HB1"]] == same[index["ALA2-HB2"]] == same[index["ALA2-HB3"]]
    assert same[index["ACE1-O"]] != same[index["ALA2-O"]]
    assert same[index["ALA2-HA"]] != same[index["ALA2-HB1"]]
