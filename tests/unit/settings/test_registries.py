"""Every kind that a config may name has its code and its example, under one name."""

from typing import Any, get_args

import pytest

import document_settings
import meanforce.fitting.iterative.registry
import meanforce.potentials.registry
import meanforce.sampling.registry
import meanforce.systems.registry
from meanforce.potentials.rbf import Rbf
from meanforce.potentials.registry import by_kind
from meanforce.potentials.spline import Spline
from meanforce.settings.campaigns.registry import SampledCampaign
from meanforce.settings.documentation import readme
from meanforce.settings.examples import EXAMPLES
from meanforce.settings.fitting import Fitting
from meanforce.settings.potentials.registry import Potential
from meanforce.settings.systems.registry import System

REGISTRIES = {
    "systems": (System, meanforce.systems.registry.KINDS),
    # Frames from files are read, not sampled.
    "campaigns": (SampledCampaign, meanforce.sampling.registry.KINDS),
    "potentials": (Potential, meanforce.potentials.registry.KINDS),
    "fitting": (Fitting, meanforce.fitting.iterative.registry.KINDS),
}
"""Section: the union of its settings, and what its room makes of each kind."""


def kinds_of(union: Any) -> list[str]:
    """Kind of each class of a union of settings; of a single class, its own."""
    chosen = get_args(union)[0]
    return [
        kind
        for settings in get_args(chosen) or (chosen,)
        for kind in get_args(settings.model_fields["kind"].annotation)
    ]


@pytest.mark.parametrize("section", REGISTRIES)
def test_settings_and_code_have_the_same_kinds(section):
    union, registry = REGISTRIES[section]
    kinds = kinds_of(union)
    assert len(kinds) == len(set(kinds)) > 0
    assert set(kinds) == set(registry)
    assert {f"{section}.{kind}" for kind in kinds} <= set(EXAMPLES)


def test_potentials_are_registered_under_their_own_kind():
    for kind, potential in meanforce.potentials.registry.KINDS.items():
        assert potential.kind == kind


def test_two_potentials_of_one_kind_are_refused():
    class Other(Spline):
        kind = "rbf"

    assert by_kind(Spline, Rbf) == {"spline": Spline, "rbf": Rbf}
    with pytest.raises(ValueError, match="Rbf and Other are both potentials of kind 'rbf'"):
        by_kind(Spline, Rbf, Other)


def test_a_kind_without_an_example_is_an_error_that_names_it(monkeypatch):
    readme()
    monkeypatch.delitem(EXAMPLES, "potentials.rbf")
    monkeypatch.setattr("sys.argv", ["document_settings.py"])
    with pytest.raises(SystemExit, match=r"examples\.py: has no example of 'potentials\.rbf'"):
        document_settings.main()
