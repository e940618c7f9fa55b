"""The baseline: training data reweighted and judged as a model, on draws from known densities."""

import dataclasses
import math

import numpy as np
import pytest
import yaml
from comparisons import X, along_x, by_name, compare
from config_changes import put
from reference_files import write

from meanforce.analysis import baseline
from meanforce.analysis.baseline import pooled
from meanforce.analysis.kinds import Measure, Source, metric_name
from meanforce.analysis.metrics import basins, divergence
from meanforce.analysis.metrics.registry import METRICS
from meanforce.analysis.samples import reference_sample
from meanforce.errors import InputError
from meanforce.jobs import stages
from meanforce.jobs.validate import TrainingFacts
from meanforce.settings.load import load_config
from meanforce.units import KCAL, kt

HALVES = {
    "basins": {"left": [{"x": [-4.0, 0.0]}], "right": [{"x": [0.0, 4.0]}]},
    "differences": {"sides": ["right", "left"]},
    "barriers": {"x": ["left", "right"]},
    "cutoff": 8.0,
}
ENTRY = TrainingFacts(
    dynamical=False, jobs_per_replica=1, windows=None, datasets=1, time_windows=None
)
"""Of a campaign with one dataset."""


def biased(path, n, seed, mean=0.0):
    """Frames of N(1, 1) with the log-weights of N(mean, 1)."""
    x = 1.0 + np.random.default_rng(seed).standard_normal(n)
    return write(path, x, (mean - 1.0) * x)


def loaded(*paths, **changes):
    """The sample of one campaign, as the stage reads it."""
    entry = ENTRY.model_copy(update={"datasets": len(paths)} | changes)
    return baseline.training_sample(list(paths), [entry], [X["x"]], 10, 300.0, print)


def test_names_of_rows():
    value, distance, error = Measure.VALUE, Measure.DISTANCE, Measure.SIGNED_ERROR
    for arguments, name in {
        ("js_phi_psi", distance, Source.MODEL): "js_phi_psi",
        ("js_phi_psi", distance, Source.BASELINE): "js_phi_psi_baseline",
        ("delta_f_a", value, Source.MODEL): "delta_f_a",
        ("delta_f_a", value, Source.REFERENCE): "delta_f_a_reference",
        ("delta_f_a", value, Source.BASELINE): "delta_f_a_baseline",
        ("delta_f_a", error, Source.MODEL): "delta_f_a_error",
        ("delta_f_a", error, Source.BASELINE): "delta_f_a_baseline_error",
    }.items():
        assert metric_name(*arguments) == name


def test_frames_are_judged_as_those_of_a_model(tmp_path):
    """The same numbers as with the frames in place of the CG run."""
    draws = np.random.default_rng(0)
    model, reference = (along_x(draws.standard_normal(4000)) for _ in range(2))
    sample = loaded(biased(tmp_path / "a.h5", 3000, 1))
    comparison = compare(model, reference, **HALVES)
    found = by_name(baseline.rows(comparison, sample, reference))
    hand = dataclasses.replace(compare(sample, reference, **HALVES), scope=("baseline",))
    expected = by_name(
        dataclasses.replace(row, source=Source.BASELINE)
        for metric in baseline.METRICS
        for row in metric(hand)
        if row.source == Source.MODEL
    )
    assert set(found) == set(expected)
    assert {"js_x_baseline", "fes_rmse_x_baseline", "barrier_x_baseline_error"} < set(found)
    for name, row in expected.items():
        np.testing.assert_equal(
            dataclasses.astuple(found[name]), dataclasses.astuple(row), err_msg=name
        )


def test_the_error_of_exact_draws_is_known(tmp_path):
    """Frames of N(1, 1) that weigh w = φ₀/φ₁ each, so that p(x > 0) is ½.

    n·var(p) = E₁[w²(1 − p)²; x > 0] + E₁[w²p²; x < 0] = E₀[w]/4 = e/4, and dΔF/dp = 4 kT.
    """
    exact = np.diff([0.5 * (1 + math.erf(x / math.sqrt(2))) for x in np.linspace(-4, 4, 41)])
    comparison = compare(
        along_x(np.random.default_rng(0).standard_normal(100)), None,
        exact=exact / exact.sum(), **HALVES,
    )  # fmt: skip
    paths = [biased(tmp_path / f"{r}.h5", 20000, 10 + r) for r in range(3)]
    found = by_name(baseline.rows(comparison, loaded(*paths), None))
    row = found["delta_f_sides_baseline_error"]
    assert abs(row.value) < 5 * row.stderr
    kT = kt(300.0) / KCAL
    expected = kT * 4 * math.sqrt(math.e / 4 / 6e4)
    # Relative error of the error: 0.13 from thirty blocks, and 0.05 from 200 draws.
    assert row.stderr / expected == pytest.approx(1.0, abs=0.55)
    assert found["delta_f_sides_baseline"].value == pytest.approx(row.value)
    shifted = [biased(tmp_path / f"s{r}.h5", 20000, 20 + r, mean=0.3) for r in range(3)]
    wrong = by_name(baseline.rows(comparison, loaded(*shifted), None))
    side = 0.5 * (1 + math.erf(0.3 / math.sqrt(2)))
    assert wrong["delta_f_sides_baseline_error"].value == pytest.approx(
        -kT * math.log(side / (1 - side)), abs=0.03
    )
    assert wrong["js_x_baseline"].value > 5 * found["js_x_baseline"].value


def test_the_models_rows_do_not_depend_on_it(tmp_path):
    draws = np.random.default_rng(0)
    model, reference = (along_x(draws.standard_normal(1000)) for _ in range(2))
    sample = loaded(biased(tmp_path / "a.h5", 1000, 1))
    plain, other = (compare(model, reference, **HALVES) for _ in range(2))
    baseline.rows(other, sample, reference)
    for metric in (divergence.rows, basins.rows):
        assert metric(plain) == metric(other)
    assert set(baseline.METRICS) < set(METRICS)


def test_data_are_not_judged_by_themselves(tmp_path):
    paths = [biased(tmp_path / f"{name}.h5", 500, seed) for name, seed in (("a", 1), ("b", 2))]
    copy = tmp_path / "copy.h5"
    copy.write_bytes(paths[0].read_bytes())
    assert baseline.independent(paths[:1], paths[1:])
    assert not baseline.independent(paths, [copy])
    comparison = compare(along_x(np.zeros(10)), along_x(np.zeros(10)))
    assert baseline.rows(comparison, loaded(*paths), None) == []


def test_only_the_window_is_reweighted(tmp_path):
    """A trajectory at 1 and then −1: a run with the first half must not depend on the rest."""
    path = write(tmp_path / "a.h5", np.repeat([1.0, -1.0], 500))
    sample = loaded(path, time_windows=[(99.5, 500.0)])
    assert len(sample.weights) == 400 and (sample.variables == 1.0).all()
    assert (sample.times[0], sample.times[-1]) == (100.0, 499.0)
    assert np.bincount(sample.blocks).tolist() == [40] * 10
    assert len(loaded(path).weights) == 1000
    with pytest.raises(InputError, match="has no frame from 2000 to 3000 ps"):
        reference_sample([path], [X["x"]], 10, windows=[(2000.0, 3000.0)])


def test_campaigns_count_by_their_frames(tmp_path):
    """Their log-weights have no constant in common."""
    x = np.full(100, 1.0)
    paths = [
        write(tmp_path / "a.h5", x, np.full(100, 50.0)),
        write(tmp_path / "b.h5", -np.ones(300), np.full(300, -50.0)),
    ]
    entries = [ENTRY] * 2
    sample = baseline.training_sample(paths, entries, [X["x"]], 10, 300.0, print)
    assert sample.weights.sum() == pytest.approx(1)
    assert sample.weights @ (sample.variables[:, 0] > 0) == pytest.approx(0.25)
    assert sample.n_units == 20 and len(np.unique(sample.chains)) == 2
    assert sample.sums(np.ones(400)) == pytest.approx(np.repeat([0.025, 0.075], 10))
    slopes = np.arange(1000.0).reshape(100, 10)
    first, second = (reference_sample([path], [X["x"]], 10) for path in paths)
    both = pooled([dataclasses.replace(first, response=slopes), second])
    assert (both.response[:100, :10] == slopes).all() and not both.response[:, 10:].any()


def test_what_the_stage_is_told(config):
    experiment = "capped_alanine_metadynamics_heavy_cgnet"
    found = stages.validate_job(load_config(config), experiment, "T300").training
    assert found == [ENTRY]
    assert stages.validate_job(load_config(config), experiment, "T350").training == []


@pytest.mark.parametrize(("replicas", "datasets"), [(None, 6), ([2], 2), ([3, 1], 4)])
def test_all_windows_of_a_replica_are_reweighted(config, replicas, datasets):
    experiment = "capped_alanine_metadynamics_heavy_cgnet"
    campaigns = config["campaigns"]["capped_alanine"]
    campaigns["metadynamics"] = campaigns["unbiased"] | {
        "kind": "umbrella", "collective_variables": ["phi"], "windows_per_job": 4, "replicas": 3,
        "rows": [{"first": "-3 rad", "last": "2 rad", "number": 6}],
        "force_constant": ["100 kJ/mol/rad^2"],
    }  # fmt: skip
    if replicas:
        put("experiments", experiment, "replicas", replicas)(config)
    found = stages.validate_job(load_config(config), experiment, "T400").training
    assert [one.datasets for one in found] == [datasets] * bool(datasets)


def test_a_run_is_reweighted_in_its_window(root, monkeypatch):
    monkeypatch.chdir(root)
    config = load_config(yaml.safe_load((root / "config" / "learning_curve.yaml").read_text()))
    name = "metadynamics_500ps_2"
    (one,) = stages.validate_job(config, name, "T300").training
    assert one.datasets == 1
    assert one.time_windows == stages.train_job(config, name, "0").windows
