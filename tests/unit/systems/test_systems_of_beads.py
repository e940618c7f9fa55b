"""Systems of kind `beads`: what the config gives is what later stages get, file by file."""

import json

import numpy as np
import pytest
import yaml
from openmm import unit

from meanforce.errors import InputError
from meanforce.jobs.beads import BeadsJob
from meanforce.jobs.prepare import PrepareJob
from meanforce.mapping.beads_file import MappedSystem
from meanforce.mapping.one_mapping import beads_of
from meanforce.settings.job import validated
from meanforce.settings.systems.registry import System
from meanforce.systems import beads
from meanforce.systems.atoms import atoms_of, input_atoms
from meanforce.systems.prepared import Prepared
from meanforce.systems.topology import input_topology, prepared_topology

PEPTIDE = {
    "kind": "beads",
    "composition": [
        {
            "name": "PEP",
            "beads": [
                {"name": "CA1", "residue": "ALA", "residue_number": 1, "mass": 71.0},
                {"name": "CA2", "residue": "ALA", "residue_number": 2, "mass": 71.0},
                {"name": "SG", "residue": "CYS", "residue_number": 3, "mass": 0.5, "type": "S#1'"},
            ],
            "bonds": [["CA1", "CA2"], ["SG", "CA2"]],
        }
    ],
}
"""Residues with standard names, whose bonds and atom names mmCIF readers would replace."""

WATER = {
    "kind": "beads",
    "composition": [
        {"name": "HOH", "count": 4, "beads": [{"name": "W", "mass": 18.0}]},
        {"name": "SOL", "beads": [{"name": "OW", "mass": 16.0}, {"name": "HB1", "mass": 1.0}],
         "bonds": [["OW", "HB1"]]},
    ],
    "box": [2.0, 2.0, 3.0],
}  # fmt: skip


def settings(values):
    return validated(System, values, "")


@pytest.fixture
def prepare(tmp_path):
    def run(values):
        job = PrepareJob.read(PrepareJob.of(system=settings(values), seed=1).canonical())
        beads.build(job.system, job.seed).write(tmp_path)
        return tmp_path

    return run


def mapped(folder, **mapping):
    job = BeadsJob.of(name="m", mapping=mapping)
    beads_of(job, folder).write(folder / "beads.json")
    return MappedSystem.read(folder / "beads.json").beads["sum"]


def test_names_types_masses_and_bonds_reach_the_mapping(prepare):
    found = mapped(prepare(PEPTIDE), template="all")
    assert found.names == ("CA1", "CA2", "SG")
    assert found.types == ("ALA-CA1", "ALA-CA2", "S#1'")
    assert found.bonds == ((0, 1), (1, 2))
    assert found.residues == (("ALA", 0), ("ALA", 1), ("CYS", 2))
    np.testing.assert_array_equal(found.masses, [71.0, 71.0, 0.5])
    assert (found.matrix(3).toarray() == np.eye(3)).all()
    assert found.stereo == ()


def test_several_molecules_are_one_type_with_copies(prepare):
    folder = prepare(WATER)
    of_water = mapped(folder, molecules={"HOH": {"template": "all"}})
    assert of_water.names == ("HOH#1-W", "HOH#2-W", "HOH#3-W", "HOH#4-W")
    np.testing.assert_array_equal(of_water.masses, [18.0] * 4)
    # Beads called like water are no solvent: the template takes all of them, in their order.
    everything = mapped(folder, template="all")
    assert (everything.matrix(6).toarray() == np.eye(6)).all()
    assert everything.bonds == ((4, 5),)


def test_prepared_files_hold_masses_a_box_and_no_forces(prepare):
    prepared = Prepared.read(prepare(WATER))
    assert prepared.system.getNumForces() == 0
    np.testing.assert_allclose(
        prepared.topology.getPeriodicBoxVectors().value_in_unit_system(unit.md_unit_system),
        np.diag([2.0, 2.0, 3.0]),
    )
    np.testing.assert_array_equal(atoms_of(prepared).masses, [18.0] * 4 + [16.0, 1.0])
    positions = atoms_of(prepared).positions
    distances = np.linalg.norm(positions[:, None] - positions, axis=-1) + np.eye(6)
    assert distances.min() > 0.1


def test_a_file_gives_the_same_as_the_config(prepare, tmp_path):
    inline = prepare(PEPTIDE)
    text = (inline / "topology.cif").read_text()
    plain = yaml.safe_load(json.dumps(PEPTIDE))["composition"]
    for bead in plain[0]["beads"]:
        bead["mass"] = f"{bead['mass']} u"
    for name, dump in (("beads.json", json.dumps), ("beads.yaml", yaml.safe_dump)):
        file = tmp_path / name
        file.write_text(dump({"composition": plain}))
        chosen = settings({"kind": "beads", "file": str(file)})
        assert chosen.input_files == [str(file)]
        beads.build(chosen).write(tmp_path / name.replace(".", "_"))
        assert (tmp_path / name.replace(".", "_") / "topology.cif").read_text() == text
        assert input_topology(chosen) == prepared_topology(inline / "topology.cif")
        assert input_atoms(chosen).bead_types == ("ALA-CA1", "ALA-CA2", "S#1'")


def with_changes(**changes):
    molecule = PEPTIDE["composition"][0] | changes
    return {"kind": "beads", "composition": [molecule]}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "beads"}, "give either 'composition' or 'file', and not both"),
        (PEPTIDE | {"file": "a.json"}, "give either 'composition' or 'file', and not both"),
        (with_changes(bonds=[["CA1", "CB"]]), "'bonds': there is no bead 'CB'"),
        (with_changes(bonds=[["SG", "SG"]]), "'bonds': 'SG' is bonded to itself"),
        (with_changes(bonds=[["SG", "CA1"], ["CA1", "SG"]]), "CA1 and SG are bonded twice"),
        (with_changes(beads=[{"name": "A", "mass": 1.0}] * 2, bonds=[]), "2 beads are called 'A'"),
        (with_changes(beads=[{"name": "A", "mass": 0.0}], bonds=[]), "give a mass > 0"),
        (
            with_changes(beads=[{"name": "A", "mass": 1.0, "type": "a b"}], bonds=[]),
            "'a b' is not the name of a bead type",
        ),
        (
            with_changes(beads=[{"name": f"B{i}", "mass": 1.0} for i in range(2000)], bonds=[]),
            "'composition' is too long for a config .* give it as a 'file'",
        ),
        (with_changes(count=400000), "'composition' has 1200000 beads; allowed are at most"),
    ],
)
def test_wrong_settings_are_one_sentence(values, message):
    with pytest.raises(InputError, match=message):
        settings(values)


def test_a_large_molecule_fits_into_a_file(tmp_path):
    listed = [{"name": f"B{i}", "mass": "1 u"} for i in range(2000)]
    bonds = [[f"B{i}", f"B{i + 1}"] for i in range(1999)]
    values = {"composition": [{"name": "LONG", "beads": listed, "bonds": bonds}]}
    (tmp_path / "beads.json").write_text(json.dumps(values))
    prepared = beads.build(settings({"kind": "beads", "file": str(tmp_path / "beads.json")}))
    assert (prepared.topology.getNumAtoms(), prepared.topology.getNumBonds()) == (2000, 1999)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "does not exist"),
        ("{", "is neither JSON nor YAML"),
        ("[1]", "is wrong: "),
        ('{"composition": []}', "composition: "),
        (
            '{"composition": [{"name": "A", "beads": [{"name": "A", "mass": 1}]}]}',
            "composition.0.beads.0.mass: 1 has no unit",
        ),
        ('{"composition": [{"name": "A", "bead": 1}]}', "did you mean 'beads'?"),
    ],
)
def test_wrong_files_are_named(tmp_path, text, message):
    file = tmp_path / "beads.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(InputError) as caught:
        beads.build(settings({"kind": "beads", "file": str(file)}))
    assert str(file) in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "cut", ['ALA 2 CA2 "ALA-CA2"\n', "0 1\n", "#\nloop_\n_meanforce_bond", "ATOM      3"]
)
def test_damaged_records_are_refused(prepare, cut):
    folder = prepare(PEPTIDE)
    path = folder / "topology.cif"
    text = path.read_text()
    assert cut in text
    path.write_text(text[: text.index(cut) + 3])
    with pytest.raises(InputError, match="is not a prepared system"):
        Prepared.read(folder)
