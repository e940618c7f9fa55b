"""Bad configs: one clear message that names the key, what was given and what is allowed."""

import subprocess
import sys

import pytest
from config_changes import ALANINE, assert_refused, put

from meanforce.errors import InputError
from meanforce.sampling.check import check_structures, load_reporting_all
from meanforce.settings.load import load_config

EXPERIMENT = "capped_alanine_metadynamics_heavy_cgnet"

BAD = {
    "unknown key": (
        put("campaigns", ALANINE, "unbiased", "frictoin", "1 / ps"),
        r"campaigns\.capped_alanine\.unbiased\.frictoin: unknown key; did you mean 'friction'\?",
    ),
    "unknown section": (put("potental", {}), r"potental: unknown key; did you mean 'potentials'"),
    "wrong unit": (
        put("campaigns", ALANINE, "unbiased", "length", "5 nm"),
        r"campaigns\.capped_alanine\.unbiased\.length: '5 nm' is not a time with its unit",
    ),
    "no unit": (
        put("state_points", "T300", "temperature", 300),
        r"state_points\.T300\.temperature: 300 has no unit; give a temperature such as '300 K'",
    ),
    "negative length": (
        put("campaigns", ALANINE, "unbiased", "length", "-5 ns"),
        r"campaigns\.capped_alanine\.unbiased\.length: '-5 ns' is out of range; give a time > 0",
    ),
    "unknown choice of a number": (
        put("potentials", "cgnet", "training", "weight_decay", "automatic"),
        r"potentials\.cgnet\.training\.weight_decay: given 'automatic'; allowed: a number of at "
        "least 0, or auto",
    ),
    "unknown mapping": (
        put("experiments", EXPERIMENT, "mapping", "havy"),
        rf"experiments\.{EXPERIMENT}\.mapping: there is no mapping 'havy'; known: core_beta, heavy",
    ),
    "unknown campaign": (
        put("experiments", EXPERIMENT, "campaigns", ["meta"]),
        rf"experiments\.{EXPERIMENT}\.campaigns: there is no campaign 'meta'; known: metadynamics",
    ),
    "unknown kind": (
        put("campaigns", ALANINE, "unbiased", "kind", "biased"),
        r"campaigns\.capped_alanine\.unbiased: there is no kind 'biased'; allowed: 'unbiased'",
    ),
    "missing structure": (
        put("systems", ALANINE, "structure", "resources/nothing.pdb"),
        r"systems\.capped_alanine\.structure: the file 'resources/nothing.pdb' does not exist",
    ),
    "name that escapes": (
        put("state_points", "../x", {"temperature": "300 K"}),
        r"state_points\.\.\./x: '../x' is not a name; use letters, digits",
    ),
    "frames longer than the run": (
        put("campaigns", ALANINE, "unbiased", "stride", "9 ns"),
        r"campaigns\.capped_alanine\.unbiased\.stride: is longer than 'length'",
    ),
    "one width for two variables": (
        put("campaigns", ALANINE, "metadynamics", "width", ["0.35 rad"]),
        r"campaigns\.capped_alanine\.metadynamics\.width: 1 given, but 2 collective variables",
    ),
    "distance to itself": (
        put("validation", ALANINE, "distances", [["ACE1-C", "ACE1-C"]]),
        r"validation\.capped_alanine: 'distances' has a pair of 'ACE1-C' with itself",
    ),
    "distance given twice": (
        put("validation", ALANINE, "distances", [["ACE1-C", "NME3-N"], ["NME3-N", "ACE1-C"]]),
        r"'distances' has the pair ACE1-C, NME3-N twice",
    ),
    "distance of beads that no mapping has": (
        put("validation", ALANINE, "distances", [["ACE1-C", "NME3-H"]]),
        r"validation\.capped_alanine\.distances: no mapping has both beads ACE1-C and NME3-H",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_message_names_key_given_and_allowed(config, name):
    assert_refused(config, *BAD[name])


def test_errors_of_all_sections_are_reported_at_once(config):
    """Those between sections, and then those that need the molecules; the rest is counted."""
    alanine = config["campaigns"][ALANINE]
    for name in ("unbiased", "metadynamics"):
        alanine[name]["stride"] = "41 fs"
    config["validation"]["channel"]["surface"] = ["q"]
    config["experiments"]["muller_brown_static_x_rbf"]["train"] = ["T301"]
    with pytest.raises(InputError) as caught:
        load_config(config)
    lines = str(caught.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "validation.channel.surface",
        "campaigns.capped_alanine.unbiased.stride",
        "experiments.muller_brown_static_x_rbf.train",
    ]
    assert lines[1].endswith(" (the same in campaigns.capped_alanine.metadynamics.stride)")


def test_wrong_names_and_variables_are_reported_at_once(config):
    config["validation"]["nothing"] = {}
    config["mappings"][ALANINE]["Heavy"] = config["mappings"][ALANINE]["heavy"]
    config["collective_variables"][ALANINE]["phi"] |= {"mapping": "absent"}
    with pytest.raises(InputError) as caught:
        load_config(config)
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == [
        "mappings.capped_alanine.Heavy",
        "validation.nothing",
        "collective_variables.capped_alanine.phi.mapping",
    ]


def test_wrong_values_do_not_hide_errors_of_other_parts(config):
    """A wrong value in one section, and systems, mappings and time steps that do not fit."""
    config["experiments"]["muller_brown_static_x_rbf"]["train"] = 300
    config["campaigns"][ALANINE]["unbiased"] |= {"time_step": "8 fs", "stride": "40 fs"}
    config["campaigns"][ALANINE]["metadynamics"]["pace"] = "often"
    config["systems"]["other"] = config["systems"][ALANINE] | {"structure": "nowhere.pdb"}
    config["mappings"]["other"] = {"ca": {"template": "ca"}}
    config["mappings"][ALANINE]["wrong"] = {"beads": {"A": "name Z"}}
    config["mappings"]["muller_brown"] = "x"
    config["collective_variables"][ALANINE]["phi"] |= {"mapping": "nothing"}
    with pytest.raises(InputError) as caught:
        load_reporting_all(config)
    lines = str(caught.value).splitlines()
    assert {line.partition(":")[0] for line in lines} == {
        "experiments.muller_brown_static_x_rbf.train",
        "campaigns.capped_alanine.metadynamics.pace",
        "mappings.muller_brown",
        "mappings.capped_alanine.wrong.beads.A",
        "campaigns.capped_alanine.unbiased.time_step",
        "systems.other.structure",
    }


@pytest.mark.parametrize("raw", [{"systems": 3}, {"systems": {"a": {}}, "mappings": {"a": [1]}}])
def test_of_a_shapeless_config_no_parts_are_checked(raw):
    with pytest.raises(InputError, match=r"is missing"):
        load_reporting_all(raw)


def test_errors_of_all_systems_are_reported_at_once(config):
    config["systems"]["other"] = config["systems"][ALANINE] | {"structure": "nowhere.pdb"}
    config["mappings"]["other"] = {"ca": {"template": "ca"}}
    config["mappings"][ALANINE]["heavy"]["force_map"] = "slice"
    config["mappings"]["muller_brown"]["none"] = {"beads": {"X": "name Z"}}
    for number in range(7):
        config["mappings"][ALANINE][f"wrong{number}"] = {"beads": {"A": f"name Z{number}"}}
    with pytest.raises(InputError) as caught:
        check_structures(load_config(config))
    lines = str(caught.value).splitlines()
    assert len(lines) == 9
    assert lines[0].startswith("mappings.muller_brown.none.beads.X: 'name Z' selects no atom")
    assert lines[1].startswith("mappings.capped_alanine.heavy.force_map: 'slice' gives")
    assert lines[2].startswith("mappings.capped_alanine.wrong0.beads.A")
    assert lines[-1] == "(and 2 more)"


@pytest.mark.parametrize("raw", [None, {}, [], "text", 3])
def test_empty_or_shapeless_config(raw):
    with pytest.raises(InputError, match="the config is empty"):
        load_config(raw)


def test_all_ready_made_configs_are_good(root, ready_made_configs, monkeypatch, tmp_path):
    import yaml

    # One of them is for files that a command makes.
    (tmp_path / "resources").symlink_to(root / "resources")
    monkeypatch.chdir(tmp_path)
    made = [sys.executable, "resources/make_trajectory.py", "example_data", "--length", "0.08"]
    subprocess.run(made, check=True, capture_output=True)
    for path in ready_made_configs:
        check_structures(load_config(yaml.safe_load(path.read_text())))
