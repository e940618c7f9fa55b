"""Files of the user are inputs of jobs, also those that other files include."""

import re

import ethanol
import pytest
import yaml

DYNAMICS = {
    "kind": "unbiased", "length": "2 ps", "stride": "20 fs", "time_step": "1 fs",
    "friction": "1 / ps", "equilibration": "1 ps",
}  # fmt: skip
RUN = {
    "chains": 4, "time_step": "2 fs", "friction": "2 / ps", "equilibration": "1 ps",
    "length": "2 ps", "stride": "100 fs", "until": None,
}  # fmt: skip


def config() -> dict:
    """Ethanol from files of GROMACS, with beads from a template file."""
    system = {
        "kind": "gromacs", "topology": "mine/ethanol.top", "structure": "mine/ethanol.gro",
        "include": ["mine/types"], "nonbonded_method": "none", "constraints": "none",
    }  # fmt: skip
    experiment = {
        "system": "ethanol", "mapping": "two", "campaigns": ["run"], "potential": "classical",
        "train": ["T300"], "reference": "run", "simulation": "short",
    }  # fmt: skip
    return {
        "systems": {"ethanol": system},
        "state_points": {"T300": {"temperature": "300 K"}},
        "mappings": {"ethanol": {"two": {"template_file": "mine/beads.yaml"}}},
        "campaigns": {"ethanol": {"run": DYNAMICS}},
        "potentials": {"classical": {"kind": "spline", "terms": {}, "temperature": "none"}},
        "simulations": {"short": RUN},
        "experiments": {"first": experiment},
    }


@pytest.fixture(scope="module")
def checkout(make_checkout):
    made = make_checkout()
    folder = made.folder / "mine"
    ethanol.top(folder)
    ethanol.gro(folder / "ethanol.gro")
    beads = {"residues": {"EOH": {"beads": {"C": ["C1", "C2"], "O": ["O"]}}}}
    (folder / "beads.yaml").write_text(yaml.safe_dump(beads))
    (made.folder / "own.yaml").write_text(yaml.safe_dump(config()))
    return made


def inputs(output: str, rule: str) -> set[str]:
    """Files of the user among the inputs of a rule, in a dry run."""
    block = re.search(rf"^(?:local)?rule {rule}:\n\s+input: (.*)$", output, re.M)
    return {name for name in block[1].split(", ") if "mine/" in name}


def test_files_of_the_user_are_inputs(checkout):
    result = checkout.snakemake("-n", "--configfile", "own.yaml")
    assert result.returncode == 0, result.stderr
    wanted = {"ethanol.top", "ethanol.gro", "types/all.itp", "types/kinds.itp", "parts/ethanol.itp"}
    assert inputs(result.stdout, "prepare") == {f"mine/{name}" for name in wanted}
    assert inputs(result.stdout, "beads") == {"mine/beads.yaml"}


def test_an_included_file_that_is_missing_is_reported_before_any_job(checkout):
    (checkout.folder / "mine" / "types" / "kinds.itp").rename(checkout.folder / "kinds.itp")
    result = checkout.snakemake("-n", "--configfile", "own.yaml")
    assert result.returncode != 0
    said = result.stdout + result.stderr
    assert "systems.ethanol.topology: 'mine/types/all.itp' includes 'kinds.itp'" in said
