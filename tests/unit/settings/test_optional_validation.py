"""Configs without a surface, without a reference, and without the section `validation`."""

import pytest
from config_changes import ALANINE, assert_refused, both, put

from meanforce.jobs import stages
from meanforce.sampling.check import check_structures
from meanforce.settings.load import load_config
from meanforce.settings.plan import planned_jobs

EXPERIMENT = "capped_alanine_metadynamics_heavy_cgnet"


def without_surface(config):
    """Basins and barriers are intervals of the surface's variables, so they go with it."""
    config["validation"][ALANINE] = {"cutoff": "4 kcal/mol"}


def without_validation(config):
    del config["validation"][ALANINE]


def without_reference(config):
    for experiment in config["experiments"].values():
        if experiment["system"] == ALANINE:
            experiment["reference"] = None


@pytest.mark.parametrize(
    "change", [without_surface, without_validation, without_reference,
               both(without_validation, without_reference)],
)  # fmt: skip
def test_it_is_accepted_and_its_jobs_are_planned(config, change):
    change(config)
    loaded = load_config(config)
    check_structures(loaded)
    settings = stages.simulate_job(loaded, EXPERIMENT, "T300")
    has_surface = change is without_reference
    assert settings.surface == (["phi", "psi"] if has_surface else [])
    # Without a surface, convergence is checked on the variables of the mapping.
    assert set(settings.collective_variables) >= {"phi", "psi"}
    judged = stages.validate_job(loaded, EXPERIMENT, "T300")
    assert judged.validation.surface == settings.surface
    has_reference = change in (without_surface, without_validation)
    assert (judged.reference is not None) == has_reference
    outputs = [job.output for job in planned_jobs(loaded)]
    assert any("/reference/" in path and ALANINE in path for path in outputs) == has_reference
    assert f"results/experiments/{EXPERIMENT}/T300/metrics.csv" in outputs


def test_convergence_needs_something_to_look_at(config):
    """Without a surface or a variable of its mapping, a run has a fixed length."""
    for section in ("experiments", "potentials"):
        keep = {EXPERIMENT, config["experiments"][EXPERIMENT]["potential"]}
        config[section] = {k: v for k, v in config[section].items() if k in keep}
    config["experiments"][EXPERIMENT] |= {"campaigns": ["unbiased"], "reference": None}
    config["collective_variables"][ALANINE] = {}
    unbiased = config["campaigns"][ALANINE]["unbiased"]
    config["campaigns"][ALANINE] = {"unbiased": unbiased}
    simulation = config["experiments"][EXPERIMENT]["simulation"]
    config["simulations"] = {simulation: config["simulations"][simulation] | {"bias": None}}
    without_validation(config)
    fixed = put("simulations", simulation, "until", None)
    message = (
        rf"simulations\.{simulation}\.until: there is no collective "
        r"variable to judge convergence by: 'validation\.capped_alanine' has no 'surface', the run "
        r"has no bias, and the mapping 'heavy' has no collective variables; declare one, or set "
        r"'until: null'"
    )
    assert_refused(config, lambda _: None, message)
    fixed(config)
    settings = stages.simulate_job(load_config(config), EXPERIMENT, "T300")
    assert settings.surface == [] and settings.collective_variables == {}


def test_a_learning_curve_needs_a_reference(config):
    change = both(
        put("experiments", EXPERIMENT, "atomistic_time", ["1 ns"]),
        put("experiments", EXPERIMENT, "seeds", 1),
        put("experiments", EXPERIMENT, "reference", None),
    )
    message = rf"experiments\.{EXPERIMENT}\.reference: is missing, but a learning curve"
    assert_refused(config, change, message)
