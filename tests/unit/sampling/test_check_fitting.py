"""Potentials and fits that do not suit the beads are refused before any job starts."""

import pytest
import yaml

from meanforce.errors import InputError
from meanforce.sampling.check import check_structures
from meanforce.settings.load import load_config


@pytest.fixture
def raw(root, monkeypatch):
    """Published propane: molecules of three beads, of two types."""
    monkeypatch.chdir(root)
    return yaml.safe_load((root / "config" / "published_propane.yaml").read_text())


def test_a_method_of_simple_liquids_is_refused_for_propane(raw):
    raw["potentials"]["inversion"]["fitting"]["kind"] = "hypernetted_chain"
    with pytest.raises(InputError) as found:
        check_structures(load_config(raw))
    assert str(found.value) == (
        "experiments.propane_published.potential: 'inversion' is fitted by 'hypernetted_chain', "
        "which is for a box of molecules of one bead each, all of one type, but mapping 'groups' "
        "has 200 molecules of 3 beads and 2 types; give 'inverse_monte_carlo' or "
        "'relative_entropy'"
    )


def test_other_methods_take_it(raw):
    assert check_structures(load_config(raw)) == []


@pytest.mark.parametrize(
    ("kind", "needs"), [("local_cgnet", "bonds between beads"), ("cgnet", "2 beads or more")]
)
def test_networks_are_refused_for_a_single_bead(root, monkeypatch, kind, needs):
    monkeypatch.chdir(root)
    raw = yaml.safe_load((root / "config" / "muller_brown.yaml").read_text())
    network = {"kind": kind, "temperature": "none", "training": {"epochs": 1}}
    raw["potentials"]["spline"] = network
    with pytest.raises(InputError, match=rf"'spline' is of kind '{kind}', which needs {needs}"):
        check_structures(load_config(raw))
