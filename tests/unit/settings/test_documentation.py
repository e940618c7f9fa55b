"""The examples on the settings page: one of each kind, and each part of a good config."""

import re
from pathlib import Path

import pytest
import yaml

from meanforce.errors import InputError
from meanforce.sampling.check import check_structures
from meanforce.settings.documentation import kinds, readme, schema
from meanforce.settings.examples import EXAMPLES
from meanforce.settings.load import load_config

ALANINE = "capped_alanine_metadynamics_heavy_cgnet"


def merged(config: dict, example: dict) -> dict:
    """The config with what an example has, at any depth; an entry of a kind replaces another."""
    if not isinstance(example, dict) or "kind" in example:
        return example
    return config | {
        key: merged(config[key], value) if key in config else value
        for key, value in example.items()
    }


def kinds_in(example: dict) -> set[str]:
    """Kinds of all entries, at any depth."""
    if "kind" in example:
        return {example["kind"]}
    return set().union(*(kinds_in(v) for v in example.values() if isinstance(v, dict)))


ITERATIVE = (
    "boltzmann_inversion", "hypernetted_chain", "inverse_monte_carlo", "relative_entropy",
)  # fmt: skip


def users(config: dict, example: dict) -> dict:
    """Experiments that use each potential and each simulation of an example."""
    found = {}
    for name, potential in example.get("potentials", {}).items():
        of_x = potential.get("collective_variable") == "x"
        base = config["experiments"]["muller_brown_unbiased_x_rbf" if of_x else ALANINE]
        found[f"uses_{name}"] = base | {"potential": name}
        if potential.get("fitting", {}).get("kind") in ITERATIVE:
            # It needs the unbiased distribution, and this campaign is biased.
            found[f"uses_{name}"]["weights"] = "bias"
    for name in example.get("simulations", {}):
        found[f"uses_{name}"] = config["experiments"][ALANINE] | {"simulation": name}
    return found


def test_every_kind_has_an_example():
    assert set(EXAMPLES) == set(kinds())
    shown = kinds_in(yaml.safe_load(EXAMPLES["collective_variables"]))
    node = schema()["$defs"]["CollectiveVariableSettings"]["properties"]["kind"]
    assert shown == set(node["enum"])


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_is_part_of_a_good_config(config, name, root, tmp_path, monkeypatch):
    example = yaml.safe_load(EXAMPLES[name])
    section, _, kind = name.partition(".")
    assert list(example) == ["potentials" if section == "fitting" else section]
    if kind:
        assert section == "fitting" or kinds_in(example) == {kind}
    whole = merged(config, example)
    whole["experiments"] |= users(config, example)
    loaded = load_config(whole)
    # Files of the user are not in the repository.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resources").symlink_to(root / "resources")
    for campaigns in loaded.campaigns.values():
        for _, file in (pair for campaign in campaigns.values() for pair in campaign.input_files):
            Path(file).parent.mkdir(exist_ok=True)
            Path(file).touch()
    if name == "fitting.hypernetted_chain":
        with pytest.raises(InputError, match="for a box of molecules of one bead each"):
            check_structures(loaded)
    else:
        check_structures(loaded)


def test_page_refers_to_keys_and_not_to_classes():
    """Settings within settings have a table of their own, under the key that they stand at."""
    page = readme()
    headings = set(re.findall(r"^##+ `(?:kind: )?(\w+)`$", page, re.M))
    referred = set(re.findall(r"see `(\w+)`", page))
    assert "training" in referred
    assert referred <= headings
