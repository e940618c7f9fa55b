"""A job is written by a rule and read by a program: nothing is lost, nothing else is in it."""

import json

import pytest
import yaml
from config_changes import put

from meanforce.errors import InputError
from meanforce.jobs import stages
from meanforce.jobs.base import StageJob
from meanforce.jobs.prepare import PrepareJob
from meanforce.jobs.simulate import SimulateJob
from meanforce.settings.config import Config
from meanforce.settings.learning_curves import learning_curves
from meanforce.settings.load import load_config
from meanforce.settings.plan import STAGES

ALANINE = "capped_alanine"
SAMPLED = (ALANINE, "T300", "metadynamics", "1")


def jobs_of(config: Config) -> list[StageJob]:
    """A job or more of each stage that a config has."""
    found: list[StageJob] = [stages.report_job(config)]
    for system, campaigns in config.campaigns.items():
        found.append(stages.prepare_job(config, system))
        found += [stages.beads_job(config, system, name) for name in config.mappings[system]]
        for name, variable in config.variables_of(system).items():
            if variable.incomplete:
                found.append(stages.variable_job(config, system, variable.mapping, name))
        for state in config.state_points:
            if config.systems[system].equilibrated:
                found.append(stages.equilibrate_job(config, system, state))
            for campaign, chosen in campaigns.items():
                names = (system, state, campaign, chosen.jobs_of(state)[-1])
                found.append(stages.trajectory_job(config, *names))
                found += [stages.map_job(config, *names, m) for m in config.mappings[system]]
    for name, chosen in config.experiments.items():
        found.append(stages.train_job(config, name, chosen.ensemble - 1))
        for state in (*chosen.train, *chosen.held_out):
            found.append(stages.simulate_job(config, name, state))
            found.append(stages.validate_job(config, name, state))
    return found + [stages.learning_curve_job(config, curve) for curve in learning_curves(config)]


def test_every_job_of_every_config_is_read_as_it_was_written(ready_made_configs, monkeypatch, root):
    monkeypatch.chdir(root)
    kinds = set()
    for path in ready_made_configs:
        for job in jobs_of(load_config(yaml.safe_load(path.read_text()))):
            text = job.canonical()
            read = type(job).read(text)
            assert read == job and read.canonical() == text
            assert read.plain() == json.loads(text)
            kinds.add(type(job))
    # Forces and weights need no settings, and both stages that import have the same ones.
    other = {"forces", "weights", "import_frames_and_forces"}
    assert len(kinds) == len(set(STAGES) - other)


LEFT_OUT = {
    "replicas": ("campaigns", ALANINE, "metadynamics", "replicas", 7),
    "length elsewhere": ("campaigns", ALANINE, "metadynamics", "length_at", {"T350": "50 ns"}),
    "threads": ("campaigns", ALANINE, "metadynamics", "threads", 2),
    "force map": ("mappings", ALANINE, "heavy", "force_map", "optimal"),
    "masses": ("mappings", ALANINE, "heavy", "masses", "consistent"),
    "another mapping": ("mappings", ALANINE, "core_beta", "template", "ca"),
    "another campaign": ("campaigns", ALANINE, "unbiased", "friction", "3 / ps"),
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_changes_no_sampling(config, name):
    before = stages.sample_job(load_config(config), *SAMPLED).canonical()
    config["campaigns"][ALANINE]["metadynamics"]["replicas"] = 4
    put(*LEFT_OUT[name])(config)
    assert stages.sample_job(load_config(config), *SAMPLED).canonical() == before


@pytest.mark.parametrize(
    "change",
    [
        ("campaigns", ALANINE, "metadynamics", "length_at", {"T300": "50 ns"}),
        ("campaigns", ALANINE, "metadynamics", "height", "1.3 kJ/mol"),
        ("seed", 5),
    ],
)
def test_what_changes_sampling(config, change):
    before = stages.sample_job(load_config(config), *SAMPLED).canonical()
    put(*change)(config)
    assert stages.sample_job(load_config(config), *SAMPLED).canonical() != before


SYSTEM = {"kind": "muller_brown"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"system": SYSTEM}, "^--settings: 'seed' is missing; given: system$"),
        ({}, "^--settings: 'system' is missing; given: nothing$"),
        (
            {"system": SYSTEM, "seed": "x"},
            "seed: Input should be a valid integer.*; given .x.$",
        ),
        ({"system": SYSTEM, "seed": 1, "sed": 1}, "^--settings: there is no 'sed'$"),
        ({"system": {"kind": "x"}, "seed": 1}, "^--settings: system: Input tag 'x'.*muller_brown"),
        ({"system": [], "seed": 1}, "^--settings: system: "),
    ],
)
def test_a_bad_job_is_one_sentence(values, message):
    with pytest.raises(InputError, match=message) as caught:
        PrepareJob.read(json.dumps(values))
    assert "\n" not in str(caught.value)


def test_numbers_of_a_job_are_in_internal_units(config):
    text = stages.simulate_job(
        load_config(config), "capped_alanine_metadynamics_heavy_cgnet", "T350"
    ).canonical()
    assert SimulateJob.read(text).temperature == 350.0
    with pytest.raises(InputError, match=r"^--settings: temperature: .* out of range"):
        SimulateJob.read(json.dumps(json.loads(text) | {"temperature": -1.0}))
