"""A new user's first commands: a config from a structure, then a plan and a dry run of it."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def checkout(make_checkout):
    return make_checkout()


CASES = [
    ("capped_alanine", "heavy", "water"),
    ("capped_valine", "core_beta", "implicit"),
    ("chignolin_extended", "ca", "implicit"),
    ("chignolin_extended", "ca_side_chain", "water"),
]


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_config_from_a_structure_can_be_run(case, checkout):
    structure, mapping, solvent = case
    file = f"{structure}_{mapping}.yaml"
    subprocess.run(
        [
            sys.executable, "workflow/scripts/new_config.py", "--mapping", mapping,
            "--structure", f"resources/{structure}.pdb", "--solvent", solvent, "--output", file,
        ],
        cwd=checkout.folder, check=True,
    )  # fmt: skip
    rules = checkout.dirty_rules("--configfile", file)
    assert {"prepare", "sample", "train", "simulate", "validate", "report"} <= rules
    assert ("equilibrate" in rules) == (solvent == "water")
