"""Verdicts, the table of transfer, and leaks, on tables and files with known answers."""

import math

import numpy as np
import pandas as pd
import pytest
import yaml
from comparisons import along_x, by_name, compare
from config_changes import put
from table_rows import distance, kind, signed_error
from table_rows import value as plain

from meanforce.analysis.kinds import Group, Measure, Source
from meanforce.analysis.leakage import refuse_leaks, trained_on
from meanforce.analysis.metrics import divergence
from meanforce.analysis.transfer import COLUMNS, transfer_table
from meanforce.analysis.verdict import verdicts
from meanforce.data.h5md import FrameBlock, H5mdWriter, contents
from meanforce.errors import InputError
from meanforce.settings.load import load_config

LABELS = {
    "experiment": "biased", "system": "s", "mapping": "m", "force_map": "aggregate",
    "campaign": "metadynamics", "potential": "cgnet", "state_point": "T300", "role": "train",
    "unit": "",
}  # fmt: skip
BASELINE = signed_error("delta_f_a", source=Source.BASELINE)
JS_BASELINE = distance("js_phi", source=Source.BASELINE)
CONVERGED = kind("converged", Measure.CONVERGENCE, Group.CONVERGENCE)
UNBIASED = {"experiment": "unbiased", "campaign": "unbiased"}


def table(*rows: dict) -> pd.DataFrame:
    nothing = dict.fromkeys(("noise_floor", "resolution", "data_limit"), math.nan)
    return pd.DataFrame([LABELS | nothing | {"dof": math.inf} | row for row in rows])


def js(value, stderr=0.001, resolution=0.004, **labels):
    known = {"value": value, "stderr": stderr, "resolution": resolution}
    return distance("js_phi") | known | labels


def error(value, stderr=0.1, resolution=0.2, **labels):
    known = {"value": value, "stderr": stderr, "resolution": resolution}
    return signed_error("delta_f_a") | known | labels


def test_a_model_alone_is_within_noise_or_worse():
    assert verdicts(table(js(0.0039))) == ["within noise"]
    assert verdicts(table(js(0.0041))) == ["worse"]
    assert verdicts(table(error(-0.19), error(-0.21, state_point="T350"))) == [
        "within noise", "worse",
    ]  # fmt: skip


def test_what_a_single_network_is_worth_is_not_known_but_whether_it_errs_is():
    assert verdicts(table(error(-0.19, stderr=math.nan))) == ["within noise"]
    assert verdicts(table(error(-0.21, stderr=math.nan))) == ["worse"]
    alone = table(error(-0.5, stderr=math.nan), error(0.9, **UNBIASED))
    assert verdicts(alone) == ["worse", "worse"]


def test_an_error_that_the_draw_of_the_training_data_explains_is_limited_by_data():
    assert verdicts(table(error(0.3, data_limit=0.4))) == ["limited by data"]
    assert verdicts(table(error(0.5, data_limit=0.4))) == ["worse"]
    assert verdicts(table(error(0.1, data_limit=0.4))) == ["within noise"]


def test_of_two_recipes_one_is_better_where_the_difference_is_resolved():
    assert verdicts(table(js(0.010), js(0.020, **UNBIASED))) == ["resolved better", "worse"]
    assert verdicts(table(error(-0.5), error(0.9, **UNBIASED))) == ["resolved better", "worse"]
    # 1.96 √2 · 0.001 apart are needed.
    assert verdicts(table(js(0.010), js(0.0127, **UNBIASED))) == ["worse", "worse"]
    # An error as small as that of a perfect model is not beaten, and needs no rival.
    assert verdicts(table(js(0.003), js(0.020, **UNBIASED))) == ["within noise", "worse"]
    third = js(0.0105, potential="mace", experiment="third")
    assert verdicts(table(js(0.010), js(0.020, **UNBIASED), third)) == ["worse"] * 3


def test_few_degrees_of_freedom_and_several_rivals_ask_for_more():
    """t(3) = 3.18 in place of 1.96; of five rivals each must be beaten at 1 %: 2.58."""
    pair = error(0.5, dof=3.0), error(0.9, stderr=0.0, **UNBIASED)
    assert verdicts(table(*pair)) == ["resolved better", "worse"]
    close = error(0.5, dof=3.0), error(0.81, stderr=0.0, **UNBIASED)
    assert verdicts(table(*close)) == ["worse", "worse"]
    assert verdicts(table(error(0.5), close[1]))[0] == "resolved better"
    rivals = [error(0.74, stderr=0.0, potential=f"p{i}", experiment=f"e{i}") for i in range(5)]
    assert verdicts(table(error(0.5), rivals[0]))[0] == "resolved better"
    assert verdicts(table(error(0.5), *rivals))[0] == "worse"


def test_of_equal_recipes_none_is_better():
    """Six recipes with the same true error: a table may name one by chance in 5 % of cases.

    26 or more of 200 have the probability 3e-6.
    """
    rng = np.random.default_rng(2)
    wrong = 0
    for _ in range(200):
        values = 1.0 + 0.1 * rng.standard_normal(6)
        rows = [error(v, potential=f"p{i}", experiment=f"e{i}") for i, v in enumerate(values)]
        wrong += "resolved better" in verdicts(table(*rows))
    assert wrong < 26


def test_errors_of_opposite_sign_share_the_noise_of_the_reference():
    """Sizes of d + r and −d + r differ by 2r, r being the reference's noise with 0.1.

    In 300 pairs of equal sizes, one is called better in 5 %, and would be in 17 % if r were not
    common to them; more than 10 % has a probability of 1e-4.
    """
    rng, called, trials = np.random.default_rng(3), 0, 300
    for shift in 0.1 * rng.standard_normal(trials):
        rows = table(error(2 + shift), error(shift - 2, **UNBIASED))
        called += "resolved better" in verdicts(rows)
    assert called < 0.1 * trials


def test_rivals_are_other_recipes_at_the_same_place():
    rivals = (
        js(0.020, experiment="repeat"),
        js(0.020, **UNBIASED, state_point="T350"),
        js(0.020, **UNBIASED, mapping="other"),
        js(0.020) | UNBIASED | distance("js_psi"),
    )
    assert verdicts(table(js(0.010), *rivals)) == ["worse"] * 5


def test_direct_reweighting_of_the_same_data_is_a_rival():
    rows = js(0.010), js(0.020) | JS_BASELINE
    assert verdicts(table(*rows)) == ["resolved better", "worse"]
    rows = error(0.9), error(0.5) | BASELINE
    assert verdicts(table(*rows)) == ["worse", "resolved better"]


def test_the_reweighting_of_more_data_of_the_same_recipe_is_no_rival():
    """As along a learning curve, where each run has the baseline of its own data."""
    short = error(0.5), error(2.0) | BASELINE
    longer = {"experiment": "biased_10ns_1"}
    rows = table(*short, error(0.3, **longer), error(0.4) | BASELINE | longer)
    assert verdicts(rows) == ["resolved better", "worse", "worse", "worse"]


def test_a_baseline_of_the_same_campaigns_is_no_rival_of_itself():
    """Models of two potentials have the reweighting of the same data beside them."""
    other = {"experiment": "b", "potential": "m"}
    rows = table(
        error(2.0), error(0.5) | BASELINE, error(3.0, **other), error(0.5) | BASELINE | other
    )
    assert verdicts(rows) == ["worse", "resolved better", "worse", "resolved better"]


def test_of_a_run_that_has_not_converged_nothing_is_said():
    run = CONVERGED | {"value": 0.0, "stderr": math.nan}
    rows = js(0.0039), error(0.9), run, js(0.0039, state_point="T350")
    assert verdicts(table(*rows)) == ["not converged", "not converged", "", "within noise"]
    assert verdicts(table(js(0.0039), run | {"value": 1.0})) == ["within noise", ""]
    # Direct reweighting needs no CG run.
    baseline = js(0.0039) | JS_BASELINE
    assert verdicts(table(run, baseline)) == ["", "within noise"]


def test_a_run_that_has_not_converged_is_no_rival():
    run = CONVERGED | {"value": 0.0, "stderr": math.nan} | UNBIASED
    rows = js(0.010), js(0.020, **UNBIASED), run
    assert verdicts(table(*rows)) == ["worse", "not converged", ""]
    third = js(0.020, potential="mace", experiment="third")
    assert verdicts(table(*rows, third))[0] == "resolved better"


def test_an_infinite_error_is_explained_by_nothing_and_beaten_by_what_is_known():
    rows = error(math.inf, data_limit=math.inf), error(0.5, math.nan, **UNBIASED)
    assert verdicts(table(*rows)) == ["worse", "worse"]


def test_rows_that_measure_no_error_have_no_verdict():
    kinds = (
        plain("delta_f_a"), plain("delta_f_a", source=Source.REFERENCE),
        plain("delta_f_a", source=Source.BASELINE), plain("js_phi"),
        kind("rhat_phi", Measure.CONVERGENCE, Group.CONVERGENCE),
    )  # fmt: skip
    assert set(verdicts(table(*(js(9.0) | one for one in kinds)))) == {""}
    # Nor errors that cannot be judged.
    rows = js(0.1, resolution=math.nan), js(math.nan), error(1, resolution=math.nan)
    assert verdicts(table(*rows)) == [""] * 3


def test_distances_are_judged_by_what_they_resolve_and_stability_from_above():
    for measure in (Measure.DISTANCE, Measure.LOSS):
        one = kind("any_name", measure, Group.FORCES)
        rows = (js(value, 0.0065, 4.571) | one for value in (4.569, 4.6))
        assert [verdicts(table(row))[0] for row in rows] == ["within noise", "worse"]
    stability = kind("stability", Measure.FRACTION, Group.CONVERGENCE)
    assert verdicts(table(js(0.0), js(1.0, 0.0) | stability))[1] == "within noise"
    assert verdicts(table(js(0.0), js(0.5, 0.05) | stability))[1] == "worse"
    # Without a reference nothing is known of the model.
    elsewhere = stability | {"state_point": "T350"}
    assert verdicts(table(js(0.0), js(1.0, 0.0) | elsewhere))[1] == ""


def test_an_infinite_error_is_worse():
    """A basin that a model never visits."""
    rows = table(error(math.inf, math.nan, math.nan), error(0.5, **UNBIASED))
    assert verdicts(rows) == ["worse", "resolved better"]


def test_a_perfect_model_is_seldom_called_worse():
    """In 60 draws a right verdict errs 3 times; 12 or more have the probability 1e-5."""
    wrong = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        sides = (along_x(rng.standard_normal(4000)) for _ in range(2))
        for row in divergence.rows(compare(*sides, cutoff=8.0)):
            if row.metric == "js_x":
                wrong += verdicts(table(row.columns())) != ["within noise"]
    assert wrong < 12
    sides = (along_x(np.random.default_rng(9).normal(0, s, 4000)) for s in (1.0, 1.3))
    row = by_name(divergence.rows(compare(*sides)))["js_x"]
    assert verdicts(table(row.columns())) == ["worse"]


def test_transfer_between_and_beyond_the_training_temperatures():
    temperatures = {"T300": 300.0, "T350": 350.0, "T400": 400.0, "T450": 450.0}
    held_out = {"role": "held-out"}
    two = [
        js(0.01, state_point="T300"), js(0.02, state_point="T400"),
        js(0.03, state_point="T350", **held_out), js(0.04, state_point="T450", **held_out),
    ]  # fmt: skip
    one = {"experiment": "one"}
    rows = [
        js(0.01, **one),
        *(js(0.05, state_point=f"T{t}", **one, **held_out) for t in (350, 400, 450)),
    ]
    found = transfer_table(table(*two, *rows), temperatures)
    assert list(found) == COLUMNS
    assert found["distance"].tolist() == [0, 0, 50, 50, 0, 50, 100, 150]
    assert found["place"].tolist() == [
        "trained", "trained", "interpolation", "extrapolation",
        "trained", "extrapolation", "extrapolation", "extrapolation",
    ]  # fmt: skip
    assert found["temperature"].tolist() == [300, 400, 350, 450, 300, 350, 400, 450]
    assert found["value"].tolist() == [0.01, 0.02, 0.03, 0.04, 0.01, 0.05, 0.05, 0.05]


@pytest.fixture
def datasets(tmp_path):
    """Two datasets, and the first under another name."""
    paths = [tmp_path / name for name in ("a.h5", "b.h5", "copy.h5")]
    for path, seed in zip(paths, (1, 2, 1), strict=True):
        positions = np.random.default_rng(seed).standard_normal((5, 1, 3))
        parameters = {"bead_names": ["X"], "bonds": [], "temperature": 300.0}
        with H5mdWriter(path, np.ones(1), parameters, with_forces=False) as writer:
            writer.append(FrameBlock(positions, *(np.zeros(5) for _ in range(4))))
    return paths


def test_training_data_are_known_by_what_they_hold(datasets):
    a, b, copy = datasets
    about = {"datasets": contents([a])}
    assert trained_on(about, [b, copy]) == [copy]
    assert trained_on(about, [b]) == []
    assert trained_on({}, [a]) is None
    # Older models name paths.
    assert trained_on({"datasets": [str(a)]}, [a, copy]) == [a]
    refuse_leaks([], "T350")
    refuse_leaks(None, "T350")
    message = r"copy\.h5: the model was trained on this dataset, but is judged .* 'T350' were held"
    with pytest.raises(InputError, match=message):
        refuse_leaks([copy], "T350")


EXPERIMENT = "capped_alanine_metadynamics_heavy_cgnet"


def held_out_as(config, name, **state):
    put("state_points", name, state)(config)
    put("experiments", EXPERIMENT, "held_out", ["T350", name])(config)


def test_a_held_out_state_that_is_trained_at_under_another_name_is_refused(config):
    held_out_as(config, "again", temperature="400.0 K", pressure="5 bar")
    message = (
        r"held_out: 'again' is the same state as 'T400', which is in 'train' \(400 K\); a held"
    )
    with pytest.raises(InputError, match=message):
        load_config(config)


@pytest.mark.parametrize(("pressure", "same"), [("1 bar", True), ("2 bar", False)])
def test_pressure_tells_states_apart_in_explicit_solvent_only(config, root, pressure, same):
    water = yaml.safe_load((root / "config" / "capped_alanine_water.yaml").read_text())
    config["systems"]["capped_alanine"] = water["systems"]["capped_alanine_water"]
    held_out_as(config, "again", temperature="300 K", pressure=pressure)
    if same:
        with pytest.raises(InputError, match="'again' is the same state as 'T300'"):
            load_config(config)
    else:
        load_config(config)
