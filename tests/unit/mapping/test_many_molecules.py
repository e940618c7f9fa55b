"""Many molecules of a few types: beads written once, up to datasets, against plain loops."""

import csv
import json
import tracemalloc

import mdtraj
import numpy as np
import pytest
from molecule_boxes import ATOMS, topology_of, turned, write_run

from meanforce.core.beads import Beads
from meanforce.core.topology import Topology
from meanforce.data.dataset import Dataset
from meanforce.data.h5md import H5mdReader
from meanforce.errors import InputError
from meanforce.mapping.apply import Files, map_replica
from meanforce.mapping.configuration import build_beads
from meanforce.mapping.force_maps import build_force_map
from meanforce.mapping.project import project
from meanforce.mapping.quality import check_dataset
from meanforce.mapping.system_atoms import SystemAtoms
from meanforce.mapping.unwrap import bond_tree, make_whole, tree_of
from meanforce.sampling.check import check_structures
from meanforce.settings.job import validated
from meanforce.settings.load import load_config
from meanforce.settings.mappings import MappingSettings
from meanforce.systems.atoms import Atoms

EDGE = 3.0
BOX = EDGE * np.eye(3)
WATER = {"HOH": {"beads": {"W": ["O", "H1", "H2"]}}}
ETHANE = {"ETH": {"beads": {"A": ["C1", "H11", "H12", "H13"], "B": ["C2", "H21", "H22", "H23"]}}}
MIXED = ["HOH", "ETH", "HOH", "HOH", "ETH", "CHI", "HOH"]
MASSES = {"O": 15.99943, "H": 1.007947, "C": 12.01078, "N": 14.0067, "F": 18.9984}


def plain(names: list[str]) -> mdtraj.Topology:
    return mdtraj.Topology.from_openmm(topology_of(names))


def mapping(**values) -> MappingSettings:
    return validated(MappingSettings, values, "m")


def beads_of(names: list[str], start: Atoms | None = None, **values) -> Beads:
    return build_beads(mapping(**values), plain(names), "m", start)


def first_atoms(names: list[str]) -> list[int]:
    return np.cumsum([0] + [len(ATOMS[name]) for name in names]).tolist()


def test_beads_of_a_mixture_follow_molecule_types_and_copies():
    beads = beads_of(MIXED, molecules=ETHANE | WATER)
    # Water comes first in the system.
    assert [(kind.name, n) for kind, n in beads.topology.composition] == [("HOH", 4), ("ETH", 2)]
    assert beads.names == (
        "HOH#1-W", "HOH#2-W", "HOH#3-W", "HOH#4-W", "ETH#1-A", "ETH#1-B", "ETH#2-A", "ETH#2-B"
    )  # fmt: skip
    starts = first_atoms(MIXED)
    waters = [tuple(starts[k] + i for i in range(3)) for k in (0, 2, 3, 6)]
    ethanes = [
        tuple(starts[k] + i for i in members)
        for k in (1, 4)
        for members in ([0, 2, 3, 4], [1, 5, 6, 7])
    ]
    assert beads.atoms == (*waters, *ethanes)
    assert beads.bonds == ((4, 5), (6, 7))
    assert beads.masses == pytest.approx([18.015] * 4 + [15.035] * 4, abs=0.01)
    assert beads.residues[3:6] == (("HOH", 6), ("ETH", 1), ("ETH", 1))
    # Both ends of ethane are alike.
    assert beads.types == ("HOH-W",) * 4 + ("ETH-A",) * 4
    assert beads.n_molecules == 6


def test_a_molecule_that_occurs_once_keeps_the_names_of_its_beads():
    beads = beads_of(MIXED, molecules=WATER | {"CHI": {"template": "heavy"}})
    assert beads.names[4:] == ("CHI1-C", "CHI1-F", "CHI1-N", "CHI1-O")


def test_residues_are_numbered_in_each_molecule():
    names = ["GLC", "GLC", "HOH", "GLC", "GLC"]
    given = {"HOH": {"beads": {"A": ["O"]}}, "GLC": {"beads": {"A": ["GLC1-C2", "GLC2-C1"]}}}
    beads = beads_of(names, molecules=given)
    assert beads.names == ("GLC#1-A", "GLC#2-A", "HOH#1-A")
    assert beads.atoms == ((1, 2), (8, 9), (4,))
    selected = {"GLC": {"beads": {"A": "resid 0 and name C2 or resid 1 and name C1"}}}
    assert beads_of(names, molecules=selected).atoms == ((1, 2), (8, 9))


def test_beads_of_a_type_are_those_of_a_system_of_one():
    one = beads_of(["ETH"], beads=ETHANE["ETH"]["beads"], weights="geometry")
    many = beads_of(["ETH"] * 5, molecules=ETHANE, weights="geometry")
    assert many.atoms[:2] == one.atoms
    assert many.weights == one.weights * 5
    assert many.types[::2] == many.types[1::2]
    assert one.types[0] != one.types[1]
    np.testing.assert_array_equal(many.masses, np.tile(one.masses, 5))
    own = {"ETH": ETHANE["ETH"] | {"weights": {"A": [1, 0, 0, 0], "B": [0.25] * 4}}}
    assert beads_of(["ETH"] * 2, molecules=own).weights[:2] == ((1, 0, 0, 0), (0.25,) * 4)


def test_beads_as_json_have_each_molecule_type_once():
    beads = beads_of(MIXED * 500, molecules=WATER | ETHANE)
    text = json.dumps(beads.parameters())
    again = Beads.of(json.loads(text))
    assert again == beads
    assert (again.atoms, again.weights, again.residues) == (
        beads.atoms, beads.weights, beads.residues
    )  # fmt: skip
    one_kind = beads_of(["HOH"] * 5000, molecules=WATER).parameters()
    assert len(json.dumps(one_kind)) < 500
    alone = beads_of(["ETH"], beads=ETHANE["ETH"]["beads"])
    assert Beads.of(json.loads(json.dumps(alone.parameters()))) == alone


def test_types_that_are_given():
    """Beads of one type share curves; those of ethane would have one type."""
    own = {"ETH": ETHANE["ETH"] | {"types": {"head": ["B"], "tail": ["A"]}}}
    beads = beads_of(["ETH"] * 2, molecules=own)
    assert beads.types == ("ETH-tail", "ETH-head") * 2
    assert Beads.of(json.loads(json.dumps(beads.parameters()))) == beads


@pytest.mark.parametrize(
    ("types", "message"),
    [
        ({"one": ["A"]}, r"'types' has the bead 'B' 0 times; allowed is once"),
        ({"one": ["A", "B"], "two": ["A"]}, r"'types' has the bead 'A' 2 times"),
        ({"one": ["A", "B", "C"]}, r"'types' names the bead 'C'; known: A, B"),
    ],
)
def test_types_that_do_not_have_each_bead_once(types, message):
    with pytest.raises(InputError, match=message):
        mapping(molecules={"ETH": ETHANE["ETH"] | {"types": types}})
    with pytest.raises(InputError, match="'types' are given by bead, which needs 'beads'"):
        mapping(molecules={"ETH": {"template": "heavy", "types": types}})


@pytest.mark.parametrize(
    ("names", "molecules", "message"),
    [
        (
            ["HOH", "HOH", "ETH"], {"HOX": WATER["HOH"]},
            r"m\.molecules\.HOX: there is no molecule type 'HOX'; there are .*: HOH \(2\), ETH "
            r"\(1\); did you mean HOH\?",
        ),
        (
            ["HOH"], {"HOH": {"beads": {"W": ["O", "H3"]}}},
            r"m\.molecules\.HOH\.beads\.W: there is no atom 'H3'; atoms here: HOH1-O, ",
        ),
        (
            ["HOH", "HOH"], {"HOH": {"beads": {"W": ["O"], "V": ["O", "H1"]}}},
            r"m\.molecules\.HOH: atom HOH1-O is in bead 'W' and in bead 'V'",
        ),
        (
            ["HOH", "HOH"], {"HOH": {"beads": {"W": ["O", "H1"]}, "weights": {"W": [1.0]}}},
            r"m\.molecules\.HOH\.weights: 1 given for bead 'W', which takes 2",
        ),
        (
            ["GLC", "HOH", "GLC", "GLC"], {"GLC": {"beads": {"A": ["GLC1-C1"]}}},
            r"begin with GLC1-C1 and GLC3-C1 are both called 'GLC', but have different atoms",
        ),
    ],
)  # fmt: skip
def test_molecule_types_that_do_not_fit(names, molecules, message):
    with pytest.raises(InputError, match=message):
        beads_of(names, molecules=molecules)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"molecules": WATER, "template": "heavy"},
            "give one of 'template', 'template_file', 'beads' and 'm",
        ),
        ({}, "give one of 'template', 'template_file', 'beads' and 'molecules', and only one"),
        ({"molecules": {}}, "'molecules' is empty; name at least one molecule type"),
        (
            {"molecules": {"HOH": {}}},
            "give one of 'template', 'template_file' and 'beads', and only one",
        ),
        ({"molecules": {"HOH": {"beads": {}}}}, "'beads' is empty; name at least one bead"),
        ({"molecules": {" ": WATER["HOH"]}}, "is not the name of a molecule type"),
        ({"molecules": WATER, "weights": {"W": [1.0]}}, "give them under the molecule type"),
        (
            {"molecules": {"HOH": WATER["HOH"] | {"weights": {"V": [1.0]}}}},
            "names the bead 'V'; known: W",
        ),
    ],
)
def test_molecule_types_that_are_refused_when_read(values, message):
    with pytest.raises(InputError, match=message):
        mapping(**values)


def test_atoms_of_other_molecules_between_those_of_one():
    topology = mdtraj.Topology()
    chain = topology.add_chain()
    residues = [topology.add_residue(name, chain) for name in ("ONE", "HOH", "TWO")]
    carbon = mdtraj.element.get_by_symbol("C")
    atoms = [topology.add_atom("C", carbon, residue) for residue in residues]
    topology.add_bond(atoms[0], atoms[2])
    settings = mapping(molecules={"ONE-TWO": {"beads": {"A": ["ONE1-C"]}}})
    with pytest.raises(InputError, match="atoms of other molecules are between those"):
        build_beads(settings, topology, "m")


def atoms_at(positions: np.ndarray) -> Atoms:
    return Atoms(None, positions, BOX)


def test_stereo_centres_of_copies_and_of_a_racemate():
    rng = np.random.default_rng(1)
    names, given = ["HOH"] + ["CHI"] * 20, {"CHI": {"template": "heavy"}}
    same = turned(names, EDGE, rng) % EDGE
    found = beads_of(names, atoms_at(same), molecules=given)
    assert len(found.stereo) == 20
    assert {center[4] for center in found.stereo} == {found.stereo[0][4]}
    assert [center[0] for center in found.stereo] == [4 * k for k in range(20)]
    mixed = turned(names, EDGE, rng)
    mixed[-5:] = 2 * mixed[-5] - mixed[-5:]
    assert beads_of(names, atoms_at(mixed % EDGE), molecules=given).stereo == ()


# Frames.


def run_of(folder, names: list[str], n_frames: int, seed: int = 2):
    """A run with every atom wrapped by itself; whole molecules, forces, and files."""
    rng = np.random.default_rng(seed)
    whole = np.array([turned(names, EDGE, rng) for _ in range(n_frames)])
    forces = rng.normal(0, 1000, whole.shape).astype(np.float32)
    wrapped = (whole % EDGE).astype(np.float32)
    paths = write_run(folder, topology_of(names), wrapped, forces, BOX)
    return whole, forces, paths


def center_of_mass(whole: np.ndarray, first: int, name: str, members: list[int]) -> np.ndarray:
    masses = np.array([MASSES[ATOMS[name][i][0]] for i in members])
    return np.einsum("i,nid->nd", masses / masses.sum(), whole[:, [first + i for i in members]])


@pytest.mark.parametrize("n_cells", [1, 40])
def test_a_dataset_of_a_mixture(tmp_path, n_cells):
    """One cell of molecules is mapped by dense matrices, and forty are by sparse ones."""
    names = MIXED * n_cells
    whole, forces, (trajectory, of_forces) = run_of(tmp_path / "run", names, 12)
    files = Files(trajectory, of_forces, None, tmp_path / "d.h5", tmp_path / "t.csv")
    rigid = [
        pair
        for name, first in zip(names, first_atoms(names), strict=False)
        if name == "HOH"
        for pair in ((first, first + 1), (first, first + 2), (first + 1, first + 2))
    ]
    settings, topology = mapping(molecules=WATER | ETHANE), plain(names)
    beads = build_beads(settings, topology, "m", atoms_at(whole[0] % EDGE))
    map_replica(settings, beads, SystemAtoms.of(topology, rigid), files, None, print)
    with H5mdReader(tmp_path / "d.h5") as reader:
        positions, mapped, parameters = reader.positions(), reader.forces(), reader.parameters
        checks = json.loads(json.dumps(check_dataset(reader), allow_nan=False))
        masses = reader.masses
    starts = first_atoms(names)
    wanted, on_beads = [], []
    for kind, bead_atoms in (("HOH", [[0, 1, 2]]), ("ETH", [[0, 2, 3, 4], [1, 5, 6, 7]])):
        for name, first in zip(names, starts, strict=False):
            for members in bead_atoms if name == kind else []:
                wanted.append(center_of_mass(whole, first, name, members))
                on_beads.append(forces[:, [first + i for i in members]].astype(float).sum(axis=1))
    shift = positions - np.stack(wanted, axis=1)
    # Beads may be in another image of the box.
    np.testing.assert_allclose(shift - EDGE * np.rint(shift / EDGE), 0, atol=2e-6)
    # Both beads of an ethane are in the same one.
    ethane = shift[:, 4 * n_cells :].reshape(12, -1, 2, 3)
    np.testing.assert_allclose(ethane[:, :, 0], ethane[:, :, 1], atol=2e-6)
    exact = np.stack(on_beads, axis=1)
    np.testing.assert_allclose(mapped, exact, rtol=2.0**-24 * 1.001, atol=1e-9)
    stored = Topology.of(parameters)
    assert stored == beads.topology
    assert stored.composition[0][1] == 4 * n_cells
    assert parameters["bead_names"] == list(stored.names)
    assert len(masses) == stored.size == 8 * n_cells
    assert Dataset.of([tmp_path / "d.h5"]).parameters == parameters
    assert checks["frames"] == 12 and "irreducible_variance" not in checks
    with files.table.open() as file:
        table = {row["bead"]: row for row in csv.DictReader(file)}
    assert list(table) == ["HOH-W", "ETH-A", "ETH-B", "all"]
    square = (exact**2).sum(axis=2).mean(axis=0)
    assert float(table["HOH-W"]["aggregate"]) == pytest.approx(square[: 4 * n_cells].mean())
    assert float(table["ETH-B"]["dataset"]) == pytest.approx(square[4 * n_cells + 1 :: 2].mean())
    assert table["all"]["mean_force"] == ""
    assert float(table["all"]["optimal"]) > 0


def test_slice_maps_of_copies():
    names = MIXED * 3
    given = {"HOH": {"beads": {"W": ["O"]}}, "ETH": {"beads": {"A": ["C1", "C2"]}}}
    settings = mapping(molecules=given, force_map="slice", weights="geometry")
    topology = plain(names)
    beads = build_beads(settings, topology, "m")
    labels = [str(atom) for atom in topology.atoms]
    force_map = build_force_map("slice", beads, topology.n_atoms, [], labels, "m")
    product = (force_map @ beads.matrix(topology.n_atoms).T).toarray()
    np.testing.assert_allclose(product, np.eye(18), atol=1e-14)
    assert force_map.toarray()[12:].max() == pytest.approx(1.0)
    # The second water of the system has a rigid bond.
    first = first_atoms(names)[2]
    with pytest.raises(InputError, match=r"'slice' gives HOH3-O and HOH3-H1\s+unequal"):
        build_force_map(
            "slice", beads, topology.n_atoms, [(first, first + 1)], labels, "m"
        )  # fmt: skip
    # And a rigid bond between two molecules breaks B Mᵀ = 1.
    with pytest.raises(InputError, match=r"breaks B Mᵀ = 1 for the beads 'HOH#1-W' and 'HOH#2-W'"):
        build_force_map("aggregate", beads, topology.n_atoms, [(0, first)], labels, "m")


def test_trees_of_copies_are_those_of_all_beads():
    names = MIXED * 4
    topology = plain(names)
    beads = build_beads(mapping(molecules=WATER | ETHANE), topology, "m")
    ours, theirs = tree_of(topology, beads), bond_tree(topology, beads.atoms)
    np.testing.assert_array_equal(ours.atoms, theirs.atoms)
    assert len(ours.levels) == len(theirs.levels)
    for level, other in zip(ours.levels, theirs.levels, strict=True):
        assert sorted(zip(*level, strict=True)) == sorted(zip(*other, strict=True))
    frames = turned(names, EDGE, np.random.default_rng(3))[None] % EDGE
    np.testing.assert_array_equal(
        make_whole(frames.copy(), ours, BOX), make_whole(frames.copy(), theirs, BOX)
    )


def test_memory_of_five_thousand_waters():
    """A dense map would take 600 MB."""
    topology = plain(["HOH"] * 5000)
    labels = [str(atom) for atom in topology.atoms]
    rigid = [(3 * k, 3 * k + i) for k in range(5000) for i in (1, 2)]
    frames = np.ones((2, 15000, 3), dtype=np.float32)
    tracemalloc.start()
    beads = build_beads(mapping(molecules=WATER), topology, "m")
    force_map = build_force_map("aggregate", beads, 15000, rigid, labels, "m")
    np.testing.assert_array_equal(project(force_map, frames), 3.0)
    np.testing.assert_array_equal(project(beads.matrix(15000), frames), 1.0)
    tree_of(topology, beads)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(f"peak {peak / 1e6:.0f} MB")
    assert peak < 60e6


# Capped alanine by its molecule type.


@pytest.fixture
def by_type(config) -> dict:
    config["mappings"]["capped_alanine"]["heavy"] = {
        "molecules": {"ACE-ALA-NME": {"template": "heavy"}}
    }
    return config


def test_a_solute_by_its_molecule_type_is_that_by_a_template(root):
    structure = mdtraj.load_topology(str(root / "resources" / "capped_alanine.pdb"))
    by_template, by_name = (
        build_beads(mapping(**values), structure, "m")
        for values in (
            {"template": "heavy"},
            {"molecules": {"ACE-ALA-NME": {"template": "heavy"}}},
        )
    )
    for key in ("names", "types", "atoms", "weights", "bonds", "residues"):
        assert getattr(by_name, key) == getattr(by_template, key), key
    np.testing.assert_array_equal(by_name.masses, by_template.masses)


def test_a_config_with_molecule_types_is_checked_against_the_structure(by_type):
    check_structures(load_config(by_type))
    by_type["mappings"]["capped_alanine"]["heavy"] = {"molecules": WATER}
    with pytest.raises(
        InputError,
        match=r"mappings\.capped_alanine\.heavy\.molecules\.HOH: there is no molecule type 'HOH'; "
        r"there are .*: ACE-ALA-NME \(1\)",
    ):
        check_structures(load_config(by_type))
