"""Topologies: molecule types times counts, and what follows from them for all beads."""

import itertools
import json

import numpy as np
import pytest

from meanforce.core.graph import adjacency, ends, molecules
from meanforce.core.molecule_type import MoleculeType
from meanforce.core.topology import ALL_PAIRS, Topology, with_flat_parameters
from meanforce.errors import InputError

WATER = MoleculeType("HOH", ("O", "H1", "H2"), ("o", "h", "h"), ((0, 1), (0, 2)))
CHAIN = MoleculeType(
    "CHN", tuple("ABCDE"), tuple("xyyyx"), ((0, 1), (1, 2), (1, 3), (3, 4)), ((1, 0, 2, 3, -1),)
)
BEAD = MoleculeType("ION", ("Q",), ("q",))
MIXED = Topology(((WATER, 3), (CHAIN, 2), (BEAD, 1)))


def test_one_solute_is_one_type_once():
    topology = Topology(((CHAIN, 1),))
    assert (topology.names, topology.types) == (CHAIN.names, CHAIN.types)
    assert (topology.bonds, topology.stereo) == (CHAIN.bonds, CHAIN.stereo)
    assert (topology.angles, topology.dihedrals) == (CHAIN.angles, CHAIN.dihedrals)
    assert CHAIN.angles == ((0, 1, 2), (0, 1, 3), (2, 1, 3), (1, 3, 4))
    assert CHAIN.dihedrals == ((0, 1, 3, 4), (2, 1, 3, 4))
    assert not topology.has_copies


def test_coordinates_of_copies_are_those_of_one_molecule_of_all_beads():
    """Templates against the graph of all beads taken as a single molecule."""
    whole = MoleculeType("all", MIXED.names, MIXED.types, MIXED.bonds, MIXED.stereo)
    assert MIXED.size == whole.size == 20
    assert MIXED.angles == whole.angles
    assert MIXED.dihedrals == whole.dihedrals
    assert MIXED.stereo == ((10, 9, 11, 12, -1), (15, 14, 16, 17, -1))
    assert MIXED.types == ("o", "h", "h") * 3 + tuple("xyyyx") * 2 + ("q",)
    assert MIXED.has_copies


def test_names_are_unique():
    assert MIXED.names[:4] == ("HOH#1-O", "HOH#1-H1", "HOH#1-H2", "HOH#2-O")
    assert MIXED.names[9] == "CHN#1-A" and MIXED.names[-1] == "Q"
    # Copies are numbered on where molecules of others lie between.
    apart = Topology(((WATER, 1), (BEAD, 1), (WATER, 2)))
    assert apart.names[::3] == ("HOH#1-O", "Q", "HOH#2-H2", "HOH#3-H2")
    other = MoleculeType("SOL", ("O",), ("o",))
    assert Topology(((WATER, 1), (other, 1))).names == ("HOH#1-O", "H1", "H2", "SOL#1-O")
    for topology in (MIXED, apart):
        assert len(set(topology.names)) == topology.size


def test_molecules_and_their_beads():
    assert MIXED.molecules[2:4] == (slice(6, 9), slice(9, 14))
    assert MIXED.offsets.tolist() == [0, 3, 6, 9, 14, 19, 20]
    assert MIXED.molecule_of_bead.tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 5 + [4] * 5 + [5]
    found = molecules(MIXED)
    assert [part.tolist() for part in found] == [
        list(range(own.start, own.stop)) for own in MIXED.molecules
    ]
    assert ends(MIXED, found[4]) == (14, 18)
    assert adjacency(MIXED).sum() == 2 * len(MIXED.bonds)


def test_two_types_of_one_name_are_refused():
    with pytest.raises(InputError, match="two molecule types are called 'HOH'"):
        Topology(((WATER, 1), (MoleculeType("HOH", ("W",), ("w",)), 1)))


def plain(values: dict) -> dict:
    return json.loads(json.dumps(values))


@pytest.mark.parametrize(
    "topology",
    [
        MIXED, Topology(((CHAIN, 1),)), Topology(((WATER, 1), (CHAIN, 1))),
        Topology.of_beads("ABCD", "xxyy", ((0, 1), (2, 3))),
        Topology.of_beads("ABCD", "xxyy", ((0, 2), (1, 3))),
    ],
)  # fmt: skip
def test_plain_values_are_read_again(topology):
    again = Topology.of(plain(topology.parameters()))
    assert again == topology
    flat = with_flat_parameters(plain(topology.parameters()))
    assert {key: flat[key] for key in topology.flat_parameters()} == plain(
        topology.flat_parameters()
    )


def test_plain_values_without_molecule_types():
    """As in datasets and models of a solute."""
    values = {
        "bead_names": list("ABCDE"), "bead_types": list("xyyyx"), "bonds": [[0, 1], [1, 2], [3, 4]],
        "stereo_centers": [],
    }  # fmt: skip
    topology = Topology.of(values)
    assert [(kind.names, count) for kind, count in topology.composition] == [
        (("A", "B", "C"), 1), (("D", "E"), 1)
    ]  # fmt: skip
    assert topology.parameters() == values
    assert Topology.of({"bead_names": ["A", "B"], "bonds": []}).types == ("A", "B")


@pytest.mark.parametrize(
    ("names", "bonds", "stereo"),
    [
        ("ABCD", ((0, 2), (1, 3)), ()),  # components that alternate
        ("ABCD", ((2, 3), (0, 1)), ()),  # their bonds in another order
        ("AABB", ((0, 1), (2, 3)), ()),  # names that repeat
        ("ABCDEFGH", ((0, 1), (0, 2), (0, 3), (4, 5), (4, 6), (4, 7)),
         ((4, 5, 6, 7, 1), (0, 1, 2, 3, -1))),
    ],
)  # fmt: skip
def test_order_and_names_of_plain_values_are_kept(names, bonds, stereo):
    topology = Topology.of_beads(names, names, bonds, stereo)
    assert (topology.names, topology.bonds, topology.stereo) == (tuple(names), bonds, stereo)
    assert len(topology.composition) == 1


def test_beads_of_a_random_forest_are_kept():
    rng = np.random.default_rng(4)
    sizes = rng.integers(1, 6, 200)
    starts = np.cumsum(sizes) - sizes
    bonds = tuple(
        (int(start + rng.integers(k)), int(start + k))
        for start, size in zip(starts, sizes, strict=True)
        for k in range(1, size)
    )
    names = [f"B{k}" for k in range(sizes.sum())]
    topology = Topology.of_beads(names, names, bonds)
    assert (topology.names, topology.bonds) == (tuple(names), bonds)
    assert [kind.size for kind, _ in topology.composition] == sizes.tolist()


def test_all_pairs_of_many_beads_are_refused():
    few = Topology(((WATER, 4),)).all_coordinates()
    assert few.distances == tuple(itertools.combinations(range(12), 2))
    assert len(few.angles) == 4
    with pytest.raises(InputError, match=r"all pairs of 15000 beads are too many .* at most 1500"):
        Topology(((WATER, 5000),)).all_coordinates()
    assert ALL_PAIRS < 15000
