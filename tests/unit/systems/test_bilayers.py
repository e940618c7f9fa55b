"""A lipid bilayer that OpenMM ships: built, and mapped onto beads of three to four atoms."""

import json

import numpy as np
import pytest
import yaml
from openmm import app

from meanforce.core.topology import Topology
from meanforce.errors import InputError
from meanforce.mapping.configuration import build_beads
from meanforce.mapping.unwrap import make_whole, tree_of
from meanforce.settings.job import validated
from meanforce.settings.mappings import MappingSettings
from meanforce.settings.residue_beads import TemplateFileSettings
from meanforce.settings.systems.registry import System
from meanforce.systems.registry import describe
from meanforce.systems.topology import described_topology

BEADS = "resources/lipid_beads.yaml"


@pytest.fixture(autouse=True)
def _in_the_repository(root, monkeypatch):
    monkeypatch.chdir(root)


@pytest.fixture(scope="module")
def config(root) -> dict:
    return yaml.safe_load((root / "config" / "lipid.yaml").read_text())


def settings(config: dict, **changes):
    return validated(System, config["systems"]["popc"] | changes, "system")


@pytest.fixture(scope="module")
def bilayer(root, config):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        return describe(settings(config))


def beads_of(topology, name: str):
    molecules = {name: {"template_file": BEADS}}
    return build_beads(MappingSettings.model_validate({"molecules": molecules}), topology, "m")


def test_the_bilayer_is_parametrised(bilayer):
    system = bilayer.parametrised()
    assert system.getNumParticles() == 128 * 134 + 5120 * 3
    # Rigid bonds to hydrogens, 82 in a lipid, and three distances in a water.
    assert system.getNumConstraints() == 128 * 82 + 5120 * 3
    masses = [system.getParticleMass(i)._value for i in range(134)]
    # 760.09 u, whatever is moved from the carbons to the hydrogens.
    assert sum(masses) == pytest.approx(760.09, abs=0.05)
    hydrogens = [a.index for a in bilayer.topology.atoms() if a.element.symbol == "H"][:82]
    assert {round(masses[i], 3) for i in hydrogens} == {3.0}
    np.testing.assert_allclose(np.diag(bilayer.box), [6.3701, 6.6874, 7.3136])


def test_a_frame_is_mapped(bilayer):
    """Lipids that the box cuts are whole, and both leaflets have their heads outside."""
    topology = described_topology(bilayer)
    beads = beads_of(topology, "POP")
    molecule: Topology = beads.topology
    assert molecule.composition[0][1] == 128 and molecule.size == 128 * 15
    frame = make_whole(bilayer.positions[None].copy(), tree_of(topology, beads), bilayer.box)
    mapped = (beads.matrix(topology.n_atoms) @ frame[0]).reshape(128, 15, 3)
    assert len(molecule.bonds) == 128 * 14
    lengths = np.linalg.norm(
        mapped.reshape(-1, 3)[molecule.bond_array[:, 0]]
        - mapped.reshape(-1, 3)[molecule.bond_array[:, 1]],
        axis=1,
    )
    assert lengths.min() > 0.15 and lengths.max() < 0.6
    names = [name.removeprefix("POP1-") for name in molecule.composition[0][0].names]
    head, ends = names.index("PO"), [names.index("A4"), names.index("B4")]
    along = mapped[:, head, 2] - mapped[:, ends, 2].mean(axis=1)
    # One lipid is bent over.
    assert (along > 0).sum() == 64 and (abs(along) > 0.8).sum() >= 126
    # Phosphates of the leaflets are as far apart as in experiments, 3.7 nm at 303 K (Kučerka, Nieh,
    # Katsaras, Biochim. Biophys. Acta 1808, 2761 (2011)).
    heights = mapped[:, head, 2]
    assert heights[along > 0].mean() - heights[along < 0].mean() == pytest.approx(3.7, abs=0.3)


@pytest.mark.parametrize(("patch", "name", "number"), [("DPPC", "DPP", 14), ("POPC", "POP", 15)])
def test_every_heavy_atom_is_in_one_bead(patch, name, number, root):
    """Three or four in each; beads of one type are alike in LAMMPS, which needs equal masses."""
    folder = app.__path__[0]
    with open(f"{folder}/data/{patch}.pdb") as file:
        lines = [line for line in file if line.startswith("HETATM")]
    residue = [line for line in lines if line[17:20] == name and int(line[22:26]) == 1]
    heavy = [line[12:16].strip() for line in residue if line[76:78].strip() != "H"]
    given = yaml.safe_load((root / BEADS).read_text())
    beads = TemplateFileSettings.model_validate(given).residues[name]
    assert len(beads.beads) == number == len(beads.types)
    assert {len(atoms) for atoms in beads.beads.values()} == {3, 4}
    assert sorted(atom for atoms in beads.beads.values() for atom in atoms) == sorted(heavy)


def test_types_of_beads_are_those_of_the_file(bilayer):
    beads = beads_of(described_topology(bilayer), "POP")
    kinds = dict.fromkeys(beads.topology.types)
    assert list(kinds) == ["NC", "ET", "PO", "GL", "ES", "CH", "CT", "C3", "DB"]
    masses = np.array(beads.masses)
    for kind in kinds:
        own = masses[np.array(beads.topology.types) == kind]
        np.testing.assert_allclose(own, own[0])
    # Four carbons and eight hydrogens, and three and seven.
    assert masses[list(beads.topology.types).index("CH")] == pytest.approx(56.11, abs=0.02)
    assert masses[list(beads.topology.types).index("CT")] == pytest.approx(43.09, abs=0.02)
    assert masses.sum() == pytest.approx(128 * 760.09, rel=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"structure": "DPPS.pdb"},
            r"structure: the file 'DPPS\.pdb' does not exist, .* ships: DLPC\.pdb, .*POPE\.pdb$",
        ),
        (
            {"structure": "resources/capped_alanine.pdb"},
            r"'pme' needs a periodic box, but 'resources/capped_alanine\.pdb' has none",
        ),
        (
            {"force_field": ["resources/force_fields/opls_aa_alkanes.xml"]},
            "needs geometric means of Lennard-Jones parameters, which the kind 'assembled'",
        ),
    ],
)
def test_message_says_what_is_wrong(config, changes, message):
    with pytest.raises(InputError, match=message) as caught:
        describe(settings(config, **changes))
    assert "\n" not in str(caught.value)


def test_what_does_not_fit_a_box_is_refused(config, tmp_path, root):
    boxed = tmp_path / "boxed.pdb"
    cell = "CRYST1   30.000   30.000   30.000  90.00  90.00  90.00 P 1           1\n"
    boxed.write_text(cell + (root / "resources" / "capped_alanine.pdb").read_text())
    with pytest.raises(InputError, match=r"1\.6 nm is more than half .* '.*boxed\.pdb', which"):
        describe(settings(config, structure=str(boxed), nonbonded_cutoff=1.6))
    described = describe(settings(config, structure=str(boxed)))
    with pytest.raises(InputError, match=r"does not fit '.*boxed\.pdb' \(No template found"):
        described.parametrised()


def test_types_of_unknown_beads_are_refused():
    given = {"residues": {"DPP": {"beads": {"A": ["P"]}, "types": {"B": "X"}}}}
    with pytest.raises(ValueError, match="'types' names the bead 'B'; known: A"):
        TemplateFileSettings.model_validate(json.loads(json.dumps(given)))
