"""Verdicts, the table of transfer, and leaks, on tables and files with known answers."""

import math

import numpy as np
import pandas as pd
import pytest
import yaml
from comparisons import along_x, by_name, compare
from config_changes import put

from meanforce.analysis import divergence
from meanforce.analysis.leakage import refuse_leaks, trained_on
from meanforce.analysis.transfer import COLUMNS, transfer_table
from meanforce.analysis.verdict import verdicts
from meanforce.data.h5md import H5mdWriter, contents
from meanforce.errors import InputError
from meanforce.settings.load import load_config

LABELS = {
    "experiment": "biased", "system": "s", "mapping": "m", "force_map": "aggregate",
    "campaign": "metadynamics", "potential": "cgnet", "state_point": "T300", "role": "train",
    "unit": "",
}  # fmt: skip
UNBIASED = {"experiment": "unbiased", "campaign": "unbiased"}


def table(*rows: dict) -> pd.DataFrame:
    return pd.DataFrame([LABELS | {"noise_floor": math.nan} | row for row in rows])


def js(value, stderr=0.001, floor=0.002, **labels):
    return {"metric": "js_phi", "value": value, "stderr": stderr, "noise_floor": floor} | labels


def error(value, stderr=0.1, **labels):
    return {"metric": "delta_f_a_error", "value": value, "stderr": stderr} | labels


def test_a_model_alone_is_within_noise_or_worse():
    assert verdicts(table(js(0.0039))) == ["within noise"]
    assert verdicts(table(js(0.0041))) == ["worse"]
    assert verdicts(table(error(-0.19), error(-0.21, state_point="T350"))) == [
        "within noise", "worse",
    ]  # fmt: skip


def test_of_two_recipes_one_is_better_where_the_difference_is_resolved():
    assert verdicts(table(js(0.010), js(0.020, **UNBIASED))) == ["resolved better", "worse"]
    assert verdicts(table(error(-0.5), error(0.9, **UNBIASED))) == ["resolved better", "worse"]
    # 2 √2 · 0.001 apart are needed.
    assert verdicts(table(js(0.010), js(0.0127, **UNBIASED))) == ["worse", "worse"]
    # As good as perfect is not beaten, nor does it need a rival.
    assert verdicts(table(js(0.003), js(0.020, **UNBIASED))) == ["within noise", "worse"]
    third = js(0.0105, potential="mace", experiment="third")
    assert verdicts(table(js(0.010), js(0.020, **UNBIASED), third)) == ["worse"] * 3


def test_rivals_are_other_recipes_at_the_same_place():
    rivals = (
        js(0.020, experiment="repeat"),
        js(0.020, **UNBIASED, state_point="T350"),
        js(0.020, **UNBIASED, mapping="other"),
        js(0.020, **UNBIASED, metric="js_psi"),
    )
    assert verdicts(table(js(0.010), *rivals)) == ["worse"] * 5


def test_rows_that_measure_no_error_have_no_verdict():
    names = (
        "delta_f_a", "delta_f_a_reference", "population_a", "rhat_phi", "force_irreducible",
        "ensemble_spread", "ensemble_calibration", "effective_sample_size", "speed_up_phi",
        "autocorrelation_time_phi_reference", "radius_of_gyration", "barrier_phi", "diffusion",
    )  # fmt: skip
    assert set(verdicts(table(*(js(9.0, metric=name) for name in names)))) == {""}
    # Nor errors that cannot be judged.
    assert verdicts(table(js(0.1, stderr=math.nan), js(math.nan), error(1, math.nan))) == [""] * 3


def test_distances_are_judged_by_their_floors_and_stability_from_above():
    names = ("fes_rmse", "fes_rmse_phi", "wasserstein_bond", "force_rmse", "rdf_rmse_A_B")
    for name in names:
        rows = js(4.569, 0.0065, 4.558, metric=name), js(4.6, 0.0065, 4.558, metric=name)
        assert verdicts(table(rows[0])) == ["within noise"]
        assert verdicts(table(rows[1])) == ["worse"]
    stability = {"metric": "stability", "floor": 1.0}
    assert verdicts(table(js(1.0, 0.0, **stability))) == ["within noise"]
    assert verdicts(table(js(0.5, 0.05, **stability))) == ["worse"]


def test_an_infinite_error_is_worse():
    """A basin that a model never visits."""
    rows = table(error(math.inf, math.nan), error(0.5, **UNBIASED))
    assert verdicts(rows) == ["worse", "resolved better"]


def test_a_perfect_model_is_seldom_called_worse():
    """Of 60 draws a right verdict errs 3 times; 12 or more has the probability 1e-5."""
    wrong = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        sides = (along_x(rng.standard_normal(4000)) for _ in range(2))
        for row in divergence.rows(compare(*sides, cutoff=8.0)):
            if row.metric == "js_x":
                wrong += verdicts(table({"metric": "js_x"} | vars(row))) != ["within noise"]
    assert wrong < 12
    sides = (along_x(np.random.default_rng(9).normal(0, s, 4000)) for s in (1.0, 1.3))
    row = by_name(divergence.rows(compare(*sides)))["js_x"]
    assert verdicts(table(vars(row))) == ["worse"]


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
            writer.append(positions, *(np.zeros(5) for _ in range(4)))
    return paths


def test_training_data_are_known_by_what_they_hold(datasets):
    a, b, copy = datasets
    about = {"datasets": contents([a])}
    assert trained_on(about, [b, copy]) == [copy]
    assert trained_on(about, [b]) == []
    assert trained_on({}, [a]) is None
    # Models of before name paths.
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
