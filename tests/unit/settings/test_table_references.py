"""Section `references`: tables that experiments are validated against."""

import pytest
from config_changes import ALANINE, assert_refused, both, put

from meanforce.errors import InputError
from meanforce.jobs import stages
from meanforce.settings import inputs
from meanforce.settings.load import load_config

EXPERIMENT = "capped_alanine_metadynamics_heavy_cgnet"
STATES = ("T300", "T350", "T400")
TABLE = {
    "kind": "table",
    "files": {state: [f"{state}.csv"] for state in STATES},
    "variables": {"psi": "deg", "phi": "deg"},
    "error": "error",
    "unit": "kcal/mol",
    "source": "a paper",
}


def table(**changes):
    return put("references", {ALANINE: {"published": TABLE | changes}})


used = put("experiments", EXPERIMENT, "reference", "published")

BAD = {
    "unknown reference": (
        both(table(), put("experiments", EXPERIMENT, "reference", "publisht")),
        r"reference: there is no campaign or table 'publisht'; known: .*published",
    ),
    "a campaign's name": (
        put("references", {ALANINE: {"metadynamics": TABLE}}),
        r"references\.capped_alanine\.metadynamics: is the name of a campaign",
    ),
    "no file": (
        both(table(files={"T300": ["a.csv"]}), used),
        r"references\.capped_alanine\.published\.files: there is no file for the state point 'T",
    ),
    "unknown state point": (
        table(files={"T301": ["a.csv"]}),
        r"published\.files: there is no state point 'T301'",
    ),
    "other variables": (
        table(variables={"phi": "deg"}),
        r"published\.variables: are phi, but the surface in 'validation\.capped_alanine' has phi",
    ),
    "wrong unit": (
        table(variables={"phi": "deg", "psi": "nm"}),
        r"published\.variables\.psi: is in 'nm', but it is an angle; allowed are rad and deg",
    ),
    "unknown unit of energies": (table(unit="eV"), r"published\.unit: given 'eV'"),
    "errors and repeats": (
        table(files={"T300": ["a.csv", "b.csv"]}),
        r"'files\.T300' has 2 repeats, whose scatter is the error; leave out 'error'",
    ),
    "one file twice": (
        table(files={"T300": ["a.csv", "a.csv"]}, error=None),
        r"'files\.T300' names a file twice",
    ),
    "one column for two": (table(error="phi"), r"columns have the same name"),
    "an exact result": (
        both(
            put("references", {"muller_brown": {"published": TABLE | {"variables": {"x": "nm"}}}}),
            put("experiments", "muller_brown_static_x_rbf", "reference", "published"),
        ),
        r"reference: 'published' is a table, but models of mapping 'x' are judged by an exact resu",
    ),
    "unknown system": (
        put("references", {"nothing": {"published": TABLE}}),
        r"references\.nothing: there is no system 'nothing'",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_references_are_refused(config, case):
    change, message = BAD[case]
    assert_refused(config, change, message)


def test_a_table_takes_the_place_of_a_campaign(config):
    both(table(), used)(config)
    whole = load_config(config)
    assert inputs.reference_data(whole, EXPERIMENT, ["T300"]) == []
    assert inputs.reference_tables(whole, EXPERIMENT, "T350") == ["T350.csv"]
    job = stages.validate_job(whole, EXPERIMENT, "T350")
    assert job.reference is None and job.table.files == {"T350": ["T350.csv"]}
    # Where a table comes from changes nothing.
    table(source="another paper")(config)
    again = stages.validate_job(load_config(config), EXPERIMENT, "T350")
    assert again.canonical() == job.canonical()


def test_experiments_with_campaigns_are_as_before(config):
    whole = load_config(config)
    assert stages.validate_job(whole, EXPERIMENT, "T300").table is None
    assert inputs.reference_tables(whole, EXPERIMENT, "T300") == []
    used(config)
    with pytest.raises(InputError, match="no campaign 'published'"):
        load_config(config)
