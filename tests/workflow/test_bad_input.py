"""Bad input ends Snakemake before any job, with one message and no traceback."""

import pytest
import yaml


@pytest.fixture(scope="module")
def checkout(make_checkout):
    return make_checkout()


CASES = {
    "wrong unit": ("length: 5 ns", "length: 5 nm", "'5 nm' is not a time with its unit"),
    "unknown key": ("bias_factor: 6\n", "bias_facter: 6\n", "did you mean 'bias_factor'?"),
    "unknown bead": ("ALA2-N, ALA2-CA, ALA2-C]", "ALA2-N, ALA2-CA, ALA2-Q]", "no bead 'ALA2-Q'"),
    "train = held-out": ("held_out: [T350]", "held_out: [T300]", "is in both 'train' and"),
    "not a function of the beads": (
        "core_beta: {template: core_beta,",
        "core_beta: {beads: {A: name CA, B: name CB},",
        "is not a function of the beads of mapping 'core_beta'",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_message_and_nothing_started(checkout, name):
    old, new, message = CASES[name]
    text = (checkout.folder / "config" / "full.yaml").read_text()
    assert old in text
    path = checkout.folder / "bad.yaml"
    path.write_text(text.replace(old, new))
    result = checkout.snakemake("--configfile", "bad.yaml")
    output = result.stdout + result.stderr
    assert result.returncode != 0
    assert message in output
    assert "Traceback" not in output
    assert not (checkout.folder / "results").exists()


def test_a_config_without_sections(checkout):
    (checkout.folder / "bad.yaml").write_text(yaml.safe_dump({"seed": 1}))
    result = checkout.snakemake("--configfile", "bad.yaml")
    output = result.stdout + result.stderr
    assert result.returncode != 0
    assert "systems: is missing" in output
    assert "Traceback" not in output
