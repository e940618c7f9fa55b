"""Changes of a config, for tests of what is refused."""

import re

import pytest

from meanforce.errors import InputError
from meanforce.sampling.check import check_structures
from meanforce.settings.load import load_config


def assert_refused(config, change, expected):
    """A changed config is refused, with a message that matches a pattern."""
    change(config)
    with pytest.raises(InputError) as caught:
        check_structures(load_config(config))
    assert re.search(expected, str(caught.value)), str(caught.value)


def put(*keys_and_value):
    """A change of one entry of the config."""

    def change(config):
        *keys, last, value = keys_and_value
        for key in keys:
            config = config[key]
        config[last] = value

    return change


ALANINE = "capped_alanine"
PSI = ["ALA2-N", "ALA2-CA", "ALA2-C", "NME3-N"]


def declare(name, kind, **values):
    """A further collective variable of capped alanine."""
    return put("collective_variables", ALANINE, name, {"kind": kind, "mapping": "heavy"} | values)


def both(*changes):
    """Several changes, one after the other."""

    def change(config):
        for one in changes:
            one(config)

    return change


def static(**gaussian):
    """The unbiased campaign of capped alanine with one Gaussian in φ."""
    parts = {"height": "1 kJ/mol", "center": ["0 rad"], "width": ["0.3 rad"]} | gaussian
    return both(
        put("campaigns", ALANINE, "unbiased", "kind", "static"),
        put("campaigns", ALANINE, "unbiased", "collective_variables", ["phi"]),
        put("campaigns", ALANINE, "unbiased", "gaussians", [parts]),
    )


def umbrella(**changes):
    """The unbiased campaign of capped alanine with windows in φ."""
    values = {
        "kind": "umbrella", "collective_variables": ["phi"], "rows": [
            {"first": "-1 rad", "last": "1 rad", "number": 3}
        ], "force_constant": ["200 kJ/mol/rad^2"],
    } | changes  # fmt: skip
    return both(*(put("campaigns", ALANINE, "unbiased", key, v) for key, v in values.items()))
