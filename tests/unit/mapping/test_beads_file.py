"""Files of beads: what is read is what was built, to the last bit, and what they depend on."""

import dataclasses
import json

import numpy as np
import pytest

from meanforce.errors import InputError
from meanforce.jobs import stages
from meanforce.jobs.beads import BeadsJob
from meanforce.mapping.beads_file import MASSES, MappedSystem
from meanforce.mapping.configuration import build_beads
from meanforce.mapping.one_mapping import beads_of
from meanforce.settings.config import Config
from meanforce.settings.load import load_config
from meanforce.settings.mappings import MappingSettings
from meanforce.systems.atoms import atoms_of
from meanforce.systems.prepared import Prepared
from meanforce.systems.topology import prepared_topology

SYSTEM = "capped_alanine"
WEIGHTED = {
    "beads": {"CO": ["ALA2-C", "ALA2-O"], "cap": "resname ACE and not element H", "CB": ["CB"]},
    "weights": {"CO": [0.1, 0.9], "cap": [1 / 3, 1 / 3, 1 / 3]},
}


@pytest.fixture(scope="module")
def prepared(water_box):
    """Folder of capped alanine in water."""
    return water_box[1]


@pytest.mark.parametrize(
    "mapping",
    [
        {"template": "heavy"},
        {"template": "ca"},
        WEIGHTED,
        {"beads": WEIGHTED["beads"], "weights": "charge"},
        {"molecules": {"HOH": {"beads": {"W": ["O", "H1", "H2"]}}}},
    ],
)
def test_what_is_read_is_what_was_built(prepared, tmp_path, mapping):
    path = tmp_path / "beads.json"
    beads_of(BeadsJob.of(name="m", mapping=mapping), prepared).write(path)
    found = MappedSystem.read(path)
    topology = prepared_topology(prepared / "topology.cif")
    atoms = atoms_of(Prepared.read(prepared))
    assert (found.mapping, found.n_atoms) == ("m", topology.n_atoms)
    assert set(found.beads) == set(MASSES) == {"sum", "consistent"}
    for masses, beads in found.beads.items():
        settings = MappingSettings.model_validate(mapping | {"masses": masses})
        built = build_beads(settings, topology, "m", atoms)
        for field in dataclasses.fields(built):
            one, other = getattr(beads, field.name), getattr(built, field.name)
            if isinstance(other, np.ndarray):
                assert one.dtype == other.dtype and np.array_equal(one, other), field.name
            else:
                assert one == other, field.name
    again = tmp_path / "again.json"
    found.write(again)
    assert again.read_bytes() == path.read_bytes()


def test_stereo_centres_are_in_the_file(prepared, tmp_path):
    path = tmp_path / "beads.json"
    beads_of(BeadsJob.of(name="m", mapping={"template": "heavy"}), prepared).write(path)
    assert json.loads(path.read_text())["molecule_types"][0]["stereo_centers"] == [[4, 3, 5, 6, -1]]


def test_a_file_of_another_system_is_refused(prepared, tmp_path):
    mapped = beads_of(BeadsJob.of(name="m", mapping={"template": "ca"}), prepared)
    mapped.check_atoms(mapped.n_atoms, tmp_path)
    with pytest.raises(
        InputError, match=r"beads of a system of .* has 22; if a run made it and it is damaged"
    ):
        mapped.check_atoms(22, tmp_path / "beads.json")


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-20],
        lambda text: text.replace('"format": 1', '"format": 99'),
        lambda text: text.replace('"bonds"', '"bounds"'),
        lambda text: text.replace('"weights": [', '"weights": null, "w": ['),
        lambda text: "[]",
        lambda text: text.replace('"consistent"', '"inconsistent"'),
    ],
)
def test_a_damaged_file_is_refused(prepared, tmp_path, damage):
    path = tmp_path / "beads.json"
    beads_of(BeadsJob.of(name="m", mapping={"template": "ca"}), prepared).write(path)
    damaged = damage(path.read_text())
    assert damaged != path.read_text()
    path.write_text(damaged)
    with pytest.raises(InputError, match=r"beads\.json: is not a file of beads of meanforce \("):
        MappedSystem.read(path)


def text_of(config: Config) -> str:
    return stages.beads_job(config, SYSTEM, "heavy").canonical()


def test_how_forces_are_mapped_changes_no_bead(config):
    """Masses change no bead either, so that sampling, which reads the beads, does not run again."""
    before = text_of(load_config(config))
    config["mappings"][SYSTEM]["heavy"] |= {
        "force_map": "optimal", "solvent_groups": "none", "masses": "consistent",
    }  # fmt: skip
    assert text_of(load_config(config)) == before
    config["mappings"][SYSTEM]["core_beta"]["template"] = "ca"
    assert text_of(load_config(config)) == before
    config["mappings"][SYSTEM]["heavy"]["weights"] = "geometry"
    assert text_of(load_config(config)) != before
