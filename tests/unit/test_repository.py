"""Files that must stay consistent with each other."""

import ast
import itertools
import json
import re
import tomllib

import jsonschema
import pytest
import yaml

from meanforce.jobs import stages
from meanforce.settings.documentation import readme, schema, schema_text
from meanforce.settings.load import load_config

CONDA_NAMES = {
    "tables": "pytables",
    "torch": "pytorch",
    "matplotlib": "matplotlib-base",
    "vesin": "python-vesin",
}


def test_conda_environment_has_the_same_pins(root):
    lines = (root / "envs" / "requirements.txt").read_text().splitlines()
    pip = dict(line.lower().split("==") for line in lines if line and not line.startswith("#"))
    conda = yaml.safe_load((root / "envs" / "environment.yaml").read_text())["dependencies"]
    pins = dict(entry.split("=", 1) for entry in conda)
    assert pins.pop("python") == "3.11"
    assert pins == {CONDA_NAMES.get(name, name): version for name, version in pip.items()}


def test_settings_page_and_schema_are_current(root):
    hint = "run python workflow/scripts/document_settings.py"
    assert (root / "config" / "README.md").read_text() == readme(), hint
    path = root / "workflow" / "schemas" / "config.schema.json"
    assert path.read_text() == schema_text(), hint


def test_ready_made_configs_fit_the_schema(ready_made_configs):
    for path in ready_made_configs:
        jsonschema.validate(yaml.safe_load(path.read_text()), schema())


def test_every_key_is_explained():
    for name, model in schema()["$defs"].items():
        for key, node in model["properties"].items():
            if key == "kind" or name == "Config":
                continue
            assert node.get("description"), f"{name}.{key} has no description"


def test_ci_stops_at_the_first_failure(root):
    assert "set -euo pipefail" in (root / ".ci" / "run").read_text().splitlines()


@pytest.fixture(scope="module")
def architecture(root) -> str:
    return (root / "docs" / "architecture.md").read_text()


def rows_below(text: str, heading: str) -> list[list[str]]:
    """Cells of the first table below a heading, without its head."""
    lines = text.split(f"## {heading}\n")[1].split("\n## ")[0].splitlines()
    table = [line for line in lines if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


TO_ADD = {
    "a potential", "a campaign", "a system", "a metric", "a fit", "a collective variable",
    "a figure", "a stage", "a config section",
}  # fmt: skip


def test_places_to_add_something_exist(root, architecture):
    rows = rows_below(architecture, "To add X, touch Y")
    assert {row[0] for row in rows} >= TO_ADD
    library = root / "workflow" / "scripts" / "meanforce"
    for what, *cells in rows:
        assert len(cells) == 4, what
        for cell in cells:
            paths = re.findall(r"`([\w./-]+(?:/|\.py|\.smk|\.j2|\.html)|Snakefile)`", cell)
            assert paths, f"{what}: '{cell}' names no file"
            for path in paths:
                assert (library / path).exists() or (root / path).exists(), f"{what}: {path}"


def test_rooms_are_those_of_the_contract(root, architecture):
    """The page has every room, in the order that the import linter enforces."""
    contracts = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]
    (layers,) = (c["layers"] for c in contracts["contracts"] if c["type"] == "layers")
    enforced = [set(re.findall(r"meanforce\.(\w+)", line)) for line in layers]
    shown = [set(re.findall(r"`(\w+)`", row[0])) for row in rows_below(architecture, "The rooms")]
    assert shown == enforced
    library = root / "workflow" / "scripts" / "meanforce"
    there = {path.name for path in library.iterdir() if (path / "__init__.py").exists()}
    assert there <= set().union(*shown)


def test_packages_have_a_docstring_and_nothing_else(root):
    for path in (root / "workflow" / "scripts" / "meanforce").rglob("__init__.py"):
        (only,) = ast.parse(path.read_text()).body
        assert isinstance(only, ast.Expr) and isinstance(only.value.value, str), path


def test_every_line_of_a_profile_has_a_comment_before_it(root, ready_made_configs):
    profiles = set((root / "config").glob("*.yaml")) - set(ready_made_configs)
    assert {path.name for path in profiles} == {"local.yaml", "slurm.yaml"}
    for path in profiles:
        lines = [line.strip() for line in path.read_text().splitlines() if line]
        assert lines[0].startswith("#")
        for before, line in itertools.pairwise(lines):
            assert line.startswith("#") or before.startswith("#"), f"{path}: {line}"


def test_modules_stay_small(root):
    for folder in ("workflow", "tests"):
        for path in (root / folder).rglob("*.py"):
            assert len(path.read_text().splitlines()) <= 400, path


def test_settings_of_a_stage_are_canonical(config):
    """Order, spelling of units and comments change nothing; a value changes its own stages."""
    first = load_config(config)
    text = json.dumps(config)
    again = json.loads(re.sub(r'"300 K"', '"300.0 K"', text))
    again = {key: again[key] for key in reversed(again)}
    again["campaigns"]["capped_alanine"]["unbiased"]["stride"] = "0.04 ps"
    second = load_config(again)
    job = ("capped_alanine", "T300", "unbiased", "1")
    name = "capped_alanine_metadynamics_heavy_cgnet"
    for build, names in (
        (stages.prepare_job, job[:1]),
        (stages.sample_job, job),
        (stages.map_job, (*job, "heavy")),
        (stages.train_job, (name, "0")),
        (stages.simulate_job, (name, "T350")),
        (stages.validate_job, (name, "T350")),
        (stages.report_job, ()),
    ):
        ours, theirs = (build(c, *names).canonical() for c in (first, second))
        assert ours == theirs
    again["campaigns"]["capped_alanine"]["unbiased"]["stride"] = "0.06 ps"
    third = load_config(again)
    assert stages.sample_job(third, *job) != stages.sample_job(first, *job)
    assert stages.train_job(third, name, "0") == stages.train_job(first, name, "0")


def test_more_members_train_no_other_ones_again(config):
    """But two networks are trained on half of the data each, unlike a single one."""
    told = {}
    for number in (1, 2, 4):
        config["experiments"]["capped_alanine_metadynamics_heavy_cgnet"]["ensemble"] = number
        name = "capped_alanine_metadynamics_heavy_cgnet"
        told[number] = stages.train_job(load_config(config), name, "0")
    assert told[2] == told[4]
    assert (told[1].resampling, told[2].resampling) == ("validation_fold", "half_samples")


def test_every_job_has_its_own_seed(config):
    loaded = load_config(config)
    seeds = [
        stages.sample_job(loaded, system, state, campaign, str(replica)).seed
        for system, campaigns in loaded.campaigns.items()
        for campaign, settings in campaigns.items()
        for state in loaded.state_points
        for replica in range(1, settings.replicas + 1)
    ]
    assert len(set(seeds)) == len(seeds)
