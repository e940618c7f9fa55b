"""First configs for peptides: a run accepts them, and they are those of the ready-made ones."""

import re
import sys
from pathlib import Path

import pytest
import yaml

import new_config
from meanforce.planning.config_text import config_text
from meanforce.planning.first_config import SOLVENTS, Wishes, first_config
from meanforce.planning.molecule import read_molecule
from meanforce.sampling.check import check_structures
from meanforce.settings.load import load_config


def text_of(
    structure: str, mapping: str, solvent: str = "implicit", *residues: str, short: bool = False
) -> str:
    molecule = read_molecule(f"resources/{structure}.pdb", SOLVENTS[solvent])
    made = first_config(molecule, Wishes("my_molecule", mapping, solvent, residues, short))
    return config_text(made, Path("my.yaml"))


CASES = [
    ("capped_alanine", "heavy", "implicit"),
    ("capped_alanine", "core_beta", "water"),
    ("capped_valine", "heavy", "implicit"),
    ("chignolin_extended", "heavy", "water"),
    ("chignolin_extended", "core_beta", "implicit"),
    ("chignolin_extended", "ca", "implicit"),
    ("chignolin_extended", "ca_side_chain", "water"),
    ("chignolin_extended", "heavy", "implicit", "5"),
    ("chignolin_extended", "core_beta", "implicit", "PRO4"),
    ("chignolin_extended", "heavy", "implicit", "4", "TRP9"),
]


SHORT = [CASES[number] for number in (1, 2, 5)]


@pytest.mark.parametrize(
    ("case", "short"), [(case, False) for case in CASES] + [(case, True) for case in SHORT]
)
def test_a_run_accepts_it(case, short, root, monkeypatch):
    monkeypatch.chdir(root)
    text = text_of(*case, short=short)
    config = load_config(yaml.safe_load(text))
    check_structures(config)
    (experiment,) = config.experiments.values()
    assert experiment.reference not in experiment.campaigns
    assert all(line == line.rstrip() for line in text.splitlines())
    # Every key of a section has a comment somewhere above it.
    assert text.count("\n    # ") + text.count("\n      # ") > 25


def test_one_residue_gets_the_ready_made_config(root, monkeypatch):
    """The numbers of config/your_molecule.yaml, which was tested, are those that are written."""
    monkeypatch.chdir(root)
    made = yaml.safe_load(text_of("capped_valine", "heavy"))
    ready = yaml.safe_load((root / "config" / "your_molecule.yaml").read_text())
    (mine,), (theirs,) = made.pop("experiments").values(), ready.pop("experiments").values()
    assert made == ready
    assert mine == theirs


def test_water_has_the_protocol_of_the_ready_made_config(root, monkeypatch):
    monkeypatch.chdir(root)
    made = yaml.safe_load(text_of("capped_alanine", "heavy", "water"))
    ready = yaml.safe_load((root / "config" / "capped_alanine_water_cluster.yaml").read_text())
    (mine,), (theirs,) = (config["systems"].values() for config in (made, ready))
    for key in ("force_field", "water_model", "box", "hydrogen_mass", "constraints"):
        assert mine[key] == theirs[key]
    (mine,), (theirs,) = (config["campaigns"].values() for config in (made, ready))
    for key in set(mine["metadynamics"]) - {"replicas"}:
        assert mine["metadynamics"][key] == theirs["metadynamics"][key], key


def test_a_short_config_has_the_checks_of_a_long_one(root, monkeypatch):
    """It has less of everything, but what a run is stopped or judged by is the same."""
    monkeypatch.chdir(root)
    short, whole = (
        load_config(yaml.safe_load(text_of("capped_valine", "heavy", short=short)))
        for short in (True, False)
    )
    (mine,), (theirs,) = (config.simulations.values() for config in (short, whole))
    for key in ("least_stable", "until", "time_step", "friction"):
        assert getattr(mine, key) == getattr(theirs, key), key
    assert short.validation == whole.validation
    assert short.potentials["network"].prior == whole.potentials["network"].prior
    sampled = [
        sum(one.length * one.replicas for one in config.campaigns["my_molecule"].values())
        * len(config.state_points)
        for config in (short, whole)
    ]
    assert sampled[0] < 0.1 * sampled[1]
    steps = [
        epochs_of(config) * (campaign.length - campaign.burn_in) / campaign.stride
        / config.potentials["network"].training.batch_size
        for config in (short, whole)
        for campaign in (config.campaigns["my_molecule"]["metadynamics"],)
    ]  # fmt: skip
    assert steps[0] == pytest.approx(2 * 2400, rel=0.05)
    # Frames of two temperatures.
    assert 2 * steps[1] == pytest.approx(2 * 8000, rel=0.05)


def epochs_of(config) -> int:
    return config.potentials["network"].training.epochs


def test_the_grid_holds_a_stretched_chain(root, monkeypatch):
    """And the box holds it with water around it."""
    monkeypatch.chdir(root)
    made = load_config(yaml.safe_load(text_of("chignolin_extended", "ca", "water")))
    (campaigns,) = made.campaigns.values()
    contour = 9 * 0.381
    assert campaigns["metadynamics"].lower == [0.0]
    assert campaigns["metadynamics"].upper[0] > contour
    (system,) = made.systems.values()
    assert system.box > contour + 1.0


def changed(root, folder: Path, change) -> str:
    lines = (root / "resources" / "chignolin_extended.pdb").read_text().splitlines()
    path = folder / "changed.pdb"
    path.write_text("\n".join(filter(None, map(change, lines))) + "\n")
    return str(path)


def without_hydrogens(line: str) -> str:
    return "" if line[76:78].strip() == "H" else line


def one_hydrogen_less(line: str) -> str:
    return "" if line[12:26].split() == ["HA", "TYR", "A", "2"] else line


def unknown_residue(line: str) -> str:
    return line.replace(" TYR ", " XYZ ")


def with_water(line: str) -> str:
    water = "HETATM  900  O   HOH B  20      30.000  30.000  30.000  1.00  0.00           O"
    return f"{water}\n{line}" if line.startswith("END") else line


def with_ion(name: str, element: str):
    """A change that adds a single atom."""
    place = "30.000  30.000  30.000  1.00  0.00"
    ion = f"HETATM  900 {name}    {name} B 201      {place}          {element}"
    return lambda line: f"{ion}\n{line}" if line.startswith("END") else line


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_hydrogens, "has no hydrogens"),
        (one_hydrogen_less, "TYR.*missing 1 H"),
        (unknown_residue, r"without bonds \(XYZ2\)"),
        (with_water, r"has 1 water molecule \(.*'--solvent water' fills a box with water of its"),
        (with_ion("NA", "Na"), r"ions \(NA201\).*'--solvent water' adds those that neutralise"),
        (with_ion("ZN", "Zn"), r"no bonds connect \(ZN201\).*kinds gromacs, amber, charmm, open"),
    ],
)
def test_wrong_structures_get_a_sentence(change, message, root, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    said = failed(monkeypatch, capsys, changed(root, tmp_path, change), "--mapping", "ca")
    assert re.search(message, said)
    assert not list(tmp_path.glob("*.yaml"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("capped_valine", "--mapping", "ca"), "has 1 CA, too few"),
        (("chignolin_extended", "--mapping", "ca", "--residues", "2"), "no functions of the beads"),
        (("chignolin_extended", "--mapping", "heavy", "--residues", "1"), "are: TYR2, ASP3"),
        (("chignolin_extended", "--mapping", "heavy", "--residues", "2", "3", "4"), "3 given"),
        (("nothing", "--mapping", "heavy"), "does not exist"),
        (("capped_valine", "--mapping", "heavy", "--name", "a/b"), "'a/b' is not a name"),
        (("capped_valine", "--mapping", "heavy", "--name", "2_5"), "'2_5' is a number or a word"),
        (("no", "--mapping", "heavy"), "--name: from the structure's file name, 'no' is a number"),
        (("capped\nvaline", "--mapping", "heavy"), "--structure.structure: "),
    ],
)
def test_wrong_wishes_get_a_sentence(arguments, message, root, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    structure = str(root / "resources" / f"{arguments[0]}.pdb")
    assert message in failed(monkeypatch, capsys, structure, *arguments[1:])


def test_nothing_is_overwritten(root, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    structure = str(root / "resources" / "capped_valine.pdb")
    run(monkeypatch, structure, "--mapping", "heavy", "--name", "my")
    before = (tmp_path / "my.yaml").read_text()
    assert "bias: torsions of VAL2" in capsys.readouterr().out
    said = failed(monkeypatch, capsys, structure, "--mapping", "core_beta", "--name", "my")
    assert "exists and is not overwritten" in said
    assert (tmp_path / "my.yaml").read_text() == before


def run(monkeypatch, structure: str, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["new_config.py", "--structure", structure, *arguments])
    new_config.main()


def failed(monkeypatch, capsys, structure: str, *arguments: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, structure, *arguments)
    assert str(stopped.value).startswith("error: ")
    assert "\n" not in str(stopped.value)
    return str(stopped.value)
