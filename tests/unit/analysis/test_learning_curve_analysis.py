"""Savings from learning curves with known answers, and the table and figure of runs."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.optimize import isotonic_regression
from table_rows import distance, kind, signed_error
from table_rows import value as plain_value

from meanforce.analysis.kinds import Group, Measure, Source
from meanforce.analysis.learning_curve import (
    headlines,
    is_shown,
    points,
    run_errors,
    savings_table,
)
from meanforce.analysis.savings import (
    LearningCurve,
    compare,
    non_increasing,
    reached,
    savings_between,
)
from meanforce.figures.learning import savings as savings_shown
from meanforce.figures.learning_curve import draw

TIMES = np.array([0.1, 0.25, 0.5, 1.0, 2.5, 5.0])
SOURCES = ("model", "baseline")


def power_law(prefactor, seeds=5, noise=0.0, rng=None, floor=0.0):
    """Errors prefactor·t^(−1/2), each times a log-normal factor."""
    errors = np.maximum(prefactor / np.sqrt(TIMES), floor) * np.ones((seeds, 1))
    if noise:
        errors = errors * np.exp(rng.normal(0.0, noise, errors.shape))
    return LearningCurve(TIMES, errors)


def test_a_third_of_the_error_is_a_ninth_of_the_time():
    """Without noise the answer is exact wherever the other curve reaches the error."""
    found = compare(power_law(1.0), power_law(3.0), 0.0, np.random.default_rng(0))
    assert [time for time, *_ in found[:-1]] == TIMES.tolist()
    for time, level, savings in found[:-1]:
        assert level == pytest.approx(1.0 / math.sqrt(time))
        if 9.0 * time <= TIMES[-1]:
            assert savings.bound == ""
            assert savings.factor == pytest.approx(9.0)
            assert (savings.low, savings.high) == pytest.approx((9.0, 9.0))
        else:
            # The other data end before they get there.
            assert savings.bound == "at least"
            assert [savings.factor, savings.low] == pytest.approx([TIMES[-1] / time] * 2)
            assert savings.high == math.inf
    time, level, overall = found[-1]
    assert math.isnan(time) and math.isnan(level)
    assert overall.bound == "" and overall.factor == pytest.approx(9.0)


def test_the_other_way_round_it_is_a_loss():
    found = compare(power_law(3.0), power_law(1.0), 0.0, np.random.default_rng(0))
    assert found[-1][2].factor == pytest.approx(1 / 9)
    # The error at 0.1 ns is one that the other data had before.
    assert found[0][2].bound == "at most"
    assert found[0][2].factor == pytest.approx(1.0)
    assert found[-2][2].factor == pytest.approx(1 / 9)


def test_error_bars_cover_the_truth():
    """One standard error covers the truth about two times in three, and the bias is small.

    Which errors both curves reach depends on their noise, which makes the estimate too cautious by
    an amount of second order: 0.02 in ln 9 at 20 % noise of a seed (4,000 trials), where the spread
    is 0.15. In 150 synthetic studies the mean is known to 0.0125, so that half a spread is 4.4 of
    these away. The bootstrap over five seeds may underestimate the error somewhat; coverage is
    known to 3.8 %, and 68 % − 19 % or + 16 % are at least 4 of these away.
    """
    rng = np.random.default_rng(11)
    logs, covered = [], 0
    for _ in range(150):
        pair = [power_law(prefactor, 5, 0.2, rng) for prefactor in (1.0, 3.0)]
        overall = compare(*pair, 0.0, rng, draws=100)[-1][2]
        assert overall.bound == ""
        logs.append(math.log(overall.factor / 9.0))
        covered += overall.low <= 9.0 <= overall.high
    spread = np.std(logs, ddof=1)
    assert abs(np.mean(logs)) < 0.5 * spread
    assert spread < 0.25
    assert 0.49 < covered / 150 < 0.84


def test_nothing_is_asked_below_the_floor():
    """Both curves saturate at the floor; their values there contain no information about time."""
    floor = 0.8
    pair = power_law(1.0, floor=floor), power_law(3.0, floor=floor)
    found = compare(*pair, 1.5, np.random.default_rng(0))
    for _, level, savings in found[:-1]:
        assert level >= 1.5
        assert savings.factor == pytest.approx(9.0) or savings.bound
    assert found[-1][2].factor == pytest.approx(9.0)
    blind = compare(*pair, 20.0, np.random.default_rng(0))
    assert {savings.bound for *_, savings in blind} == {"unknown"}
    assert all(math.isnan(savings.factor) for *_, savings in blind)


def test_both_curves_are_asked_and_the_other_way_round_is_the_inverse():
    """The curve's own times give no information on errors that only the other curve reaches."""
    ours, theirs = power_law(1.0, floor=0.9), power_law(1.0)
    found = savings_between(ours, theirs, 0.0, np.random.default_rng(0))
    assert [time_of for time_of, *_ in found] == ["experiment"] * 6 + ["against"] * 6 + [""]
    out_of_reach = [s for time_of, time, _, s in found if time_of == "against" and time > 1.3]
    assert [s.bound for s in out_of_reach] == ["at most"] * 2
    assert [s.factor for s in out_of_reach] == pytest.approx([0.5, 1.0])
    assert [s.certain for s in out_of_reach] == pytest.approx([0.5, 1.0])
    back = savings_between(theirs, ours, 0.0, np.random.default_rng(0))
    assert sorted(1 / s.factor for *_, s in back) == pytest.approx(
        sorted(s.factor for *_, s in found)
    )


def test_the_best_of_many_bounds_is_still_certain():
    """Curves of the same law, whose true factor is 1: none may be called better too often.

    One standard error allows 15.9 % of headlines to be wrong. With an error bar of its own for each
    bound it is 28 % here; with a part of it each 8 % (both of 400 trials). Of 250 trials more than
    39 are then wrong with a probability below 1e-5.
    """
    rng, wrong, alone = np.random.default_rng(5), 0, 0
    for _ in range(250):
        pair = [power_law(1.0, 4, 0.4, rng, floor=1.2) for _ in range(2)]
        found = compare(*pair, 0.0, rng, draws=300, bounds=12)[:-1]
        bounds = [s for *_, s in found if s.bound == "at least"]
        wrong += max((s.certain for s in bounds), default=0.0) > 1 + 1e-9
        alone += max((s.low for s in bounds), default=0.0) > 1 + 1e-9
    assert wrong <= 0.159 * 250 < alone


def test_seeds_that_share_their_data_are_drawn_together():
    """Noise that both curves have in common does not affect their distance."""
    luck = np.exp(np.random.default_rng(6).normal(0.0, 0.5, (5, 1)))
    pair = [LearningCurve(TIMES, luck * prefactor / np.sqrt(TIMES)) for prefactor in (1.0, 3.0)]
    for paired, width in ((True, 1e-9), (False, 0.3)):
        overall = compare(*pair, 0.0, np.random.default_rng(0), paired=paired)[-1][2]
        assert overall.factor == pytest.approx(9.0)
        assert (math.log(overall.high / overall.low) > width) is not paired


def test_curves_without_a_common_error_bound_the_factor():
    found = compare(power_law(1.0), power_law(100.0), 0.0, np.random.default_rng(0))
    overall = found[-1][2]
    assert overall.bound == "at least"
    assert overall.factor == pytest.approx(50.0) and overall.high == math.inf
    found = compare(power_law(100.0), power_law(1.0), 0.0, np.random.default_rng(0))
    assert found[-1][2].bound == "at most"
    assert found[-1][2].factor == pytest.approx(1 / 50)


def test_when_a_curve_reaches_an_error():
    """A bump is levelled; between times the logarithms are interpolated."""
    times = np.log([1.0, 2.0, 4.0, 8.0])
    errors = non_increasing(np.log([[8.0, 2.0, 4.0, 1.0]]))
    level = math.sqrt(8.0)
    assert np.exp(errors[0]) == pytest.approx([8.0, level, level, 1.0])
    asked = np.log([[9.0, 8.0, level, math.sqrt(level), 1.0, 0.5]])
    early, late = reached(times, errors, asked)
    assert np.exp(early[0]) == pytest.approx([0.0, 1.0, 2.0, 4.0 * math.sqrt(2), 8.0, 8.0])
    assert np.exp(late[0]) == pytest.approx([1.0, 1.0, 2.0, 4.0 * math.sqrt(2), 8.0, math.inf])


def test_monotone_curves_are_those_of_scipy():
    values = np.random.default_rng(3).normal(size=(50, 7))
    expected = [isotonic_regression(row, increasing=False).x for row in values]
    assert non_increasing(values) == pytest.approx(np.array(expected))


def test_one_seed_has_no_error_bar():
    pair = power_law(1.0, 1), power_law(3.0, 1)
    overall = compare(*pair, 0.0, np.random.default_rng(0))[-1][2]
    assert overall.factor == pytest.approx(9.0)
    assert (overall.low, overall.high) == (0.0, math.inf)


STABILITY = kind("stability", Measure.FRACTION, Group.CONVERGENCE)
REWEIGHTED = signed_error("delta_f_x", source=Source.BASELINE)
REWEIGHTED_VALUE = plain_value("delta_f_x", source=Source.BASELINE)


def made_up_summary(reweighted=None):
    """A summary as the runs of two experiments give it: ΔF errors ∓c/√t, one of them infinite.

    Args:
        reweighted: ratio of the errors of the baseline to those of the models.
    """
    runs, rows = {}, []
    for experiment, prefactor, plain in (("biased", 1.0, False), ("plain", 3.0, True)):
        for time in TIMES:
            for seed in (1, 2, 3):
                run = f"{experiment}_{time * 1000:.0f}ps_{seed}"
                runs[run] = {
                    "experiment": experiment, "atomistic_time": 1000.0 * time, "seed": seed,
                    "plain": plain,
                }  # fmt: skip
                value = (-1) ** seed * prefactor / math.sqrt(time)
                if (experiment, time, seed) == ("plain", 0.1, 3):
                    value = -math.inf
                labels = {"experiment": run, "campaign": experiment, "state_point": "T300",
                          "role": "train", "noise_floor": 0.1, "stderr": 0.1}  # fmt: skip
                rows += [
                    labels | signed_error("delta_f_x") | {"value": value, "unit": "kcal/mol"},
                    labels | plain_value("delta_f_x") | {"value": 7.0, "unit": "kcal/mol"},
                    labels | REWEIGHTED_VALUE | {"value": 7.0, "unit": "kcal/mol"},
                    labels | STABILITY | {"value": 0.5 if plain else 1.0, "unit": ""},
                ]
                if reweighted is not None:
                    other = {"value": reweighted * value, "noise_floor": 5.0}
                    rows.append(rows[-4] | REWEIGHTED | other)
    return pd.DataFrame(rows), runs


def test_table_of_runs(tmp_path):
    summary, runs = made_up_summary()
    errors = run_errors(summary, runs)
    assert len(errors) == len(runs) and set(errors["metric"]) == {"delta_f_x_error"}
    mean = points(errors)
    assert len(mean) == 12 and set(mean["seeds"]) == {3}
    biased = mean[mean["experiment"] == "biased"]
    assert biased["atomistic_time"].tolist() == TIMES.tolist()
    assert biased["error"].to_numpy() == pytest.approx(1.0 / np.sqrt(TIMES))
    assert biased["stderr"].to_numpy() == pytest.approx(0.0, abs=1e-12)
    plain = mean[mean["experiment"] == "plain"]
    assert plain["error"].iloc[0] == math.inf
    assert plain["error"].to_numpy()[1:] == pytest.approx(3.0 / np.sqrt(TIMES[1:]))
    assert set(plain["stable"]) == {0.5} and set(biased["stable"]) == {1.0}

    savings = savings_table(errors, seed=1)
    assert len(savings) == 13
    assert set(zip(savings["experiment"], savings["against"], strict=True)) == {("biased", "plain")}
    assert set(savings["against_source"]) == {"model"}
    overall = savings[savings["atomistic_time"].isna()].iloc[0]
    # An infinite error counts as a large one, so that it moves only the first interval.
    assert overall["factor"] == pytest.approx(9.0)
    assert headlines(savings)["factor"].tolist() == [overall["factor"]]
    draw(errors, mean, savings, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_errors_that_plain_data_never_reach_are_the_headline():
    """Plain data that stay above 1.5, where the others are below from the second time on."""
    summary, runs = made_up_summary()
    errors = run_errors(summary, runs)
    never = errors["plain"] & (errors["error"] < 1.5)
    errors.loc[never, "error"] = 1.5
    savings = savings_table(errors, seed=1)
    (line,) = headlines(savings).to_dict("records")
    assert line["bound"] == "at least"
    assert line["factor"] == pytest.approx(TIMES[-1] / line["atomistic_time"])
    assert line["error"] < 1.5
    shown = savings_shown(savings)
    assert shown[0]["factor"].startswith("≥ ") and " at " in shown[0]["factor"]


def labels_of(path, monkeypatch, *tables):
    """Legend and lines of text of the drawn figure."""
    shown = []
    monkeypatch.setattr(plt, "close", lambda figure: shown.append(figure))
    draw(*tables, path)
    (figure,) = shown
    (panel,) = figure.axes
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    return legend, [line for text in panel.texts for line in text.get_text().split("\n")], panel


def test_direct_reweighting_stands_beside_every_curve(tmp_path, monkeypatch):
    """Three times the model's error, so that the model needs a ninth of the time."""
    summary, runs = made_up_summary(3.0)
    errors = run_errors(summary, runs)
    assert set(errors["metric"]) == {"delta_f_x_error"}
    mean = points(errors)
    assert len(mean) == 24 and list(mean)[:2] == ["experiment", "source"]
    pair = [mean[(mean["experiment"] == "biased") & (mean["source"] == one)] for one in SOURCES]
    assert pair[1]["error"].to_numpy() == pytest.approx(3.0 * pair[0]["error"].to_numpy())
    # Its chains cannot break, and its floor has the noise of the training data.
    assert pair[1]["stable"].isna().all() and set(pair[1]["noise_floor"]) == {5.0}
    savings = savings_table(errors, seed=1)
    found = headlines(savings).set_index(["experiment", "against_source"])
    assert set(found.index) == {
        ("biased", "model"), ("biased", "baseline"), ("plain", "baseline")
    }  # fmt: skip
    assert found.loc[("biased", "baseline"), "factor"] == pytest.approx(9.0)
    legend, lines, panel = labels_of(tmp_path / "a.png", monkeypatch, errors, mean, savings)
    assert "direct reweighting of the same frames" in legend
    place = lines.index("atomistic time, against direct reweighting:")
    assert lines[place + 1].startswith("  biased: 9 times") and lines[place + 1].endswith(" less")
    dashed = [line for line in panel.lines if line.get_linestyle() == "--"]
    solid = [line for line in panel.lines if line.get_linestyle() == "-"]
    assert [line.get_color() for line in dashed] == [line.get_color() for line in solid]
    assert dashed[0].get_ydata() == pytest.approx(3.0 * np.asarray(solid[0].get_ydata()))


def test_where_direct_reweighting_is_better_it_is_said(tmp_path, monkeypatch):
    """A ninth of the error everywhere, far below what the model ever reaches."""
    summary, runs = made_up_summary(1 / 9)
    errors = run_errors(summary, runs)
    savings = savings_table(errors, seed=1)
    found = headlines(savings).set_index(["experiment", "against_source"])
    one = found.loc[("biased", "baseline")]
    assert one["bound"] == "at most" and one["factor"] < 0.1
    lines = labels_of(tmp_path / "a.png", monkeypatch, errors, points(errors), savings)[1]
    assert any(line.startswith("  biased: > ") and " more" in line for line in lines)


def test_errors_without_a_number_count_as_infinite():
    """If model and reference share no bin of the surface, the error is not a number."""
    summary, runs = made_up_summary()
    some = (summary["metric"] == "delta_f_x_error") & (summary["experiment"] == "biased_500ps_2")
    assert some.sum() == 1
    mean = points(run_errors(summary.assign(value=summary["value"].mask(some)), runs))
    at = mean[(mean["experiment"] == "biased") & (mean["atomistic_time"] == 0.5)]
    assert at["error"].tolist() == [math.inf] and at["seeds"].tolist() == [3]


def test_without_plain_data_there_is_nothing_to_save():
    summary, runs = made_up_summary()
    for run in runs.values():
        run["plain"] = False
    savings = savings_table(run_errors(summary, runs), seed=1)
    assert savings.empty and "factor" in savings.columns


def test_which_metrics_are_shown():
    """Rows are chosen by their classification, and not by their names."""
    structure = distance("wasserstein_bond", Group.STRUCTURE)
    table = pd.DataFrame([
        distance("js_phi_psi"), distance("fes_rmse"), signed_error("delta_f_x"),
        distance("js_tica_1", Group.SLOW_MODES), distance("js_x", source=Source.BASELINE),
        plain_value("delta_f_x"), plain_value("js_x"), signed_error("barrier", Group.BARRIERS),
        distance("fes_rmse_d", Group.PROFILES), STABILITY, structure,
    ])  # fmt: skip
    assert is_shown(table).tolist() == [True] * 5 + [False] * 6
    # Without a surface the structure is what is left to judge.
    without = table[table["group"] != Group.SURFACE]
    assert without[is_shown(without)]["metric"].tolist() == [
        "delta_f_x_error", "js_tica_1", "fes_rmse_d", "wasserstein_bond"
    ]  # fmt: skip


def test_a_further_metric_moves_no_savings():
    summary, runs = made_up_summary(2.0)
    rng = np.random.default_rng(1)
    noisy = summary.assign(value=summary["value"] * np.exp(0.3 * rng.standard_normal(len(summary))))
    error = noisy["metric"] == "delta_f_x_error"
    further = noisy[error].assign(**distance("js_phi_psi"))
    alone, beside = (
        savings_table(run_errors(table, runs), seed=1)
        for table in (noisy, pd.concat([further, noisy]))
    )
    same = beside[beside["metric"] == "delta_f_x_error"].reset_index(drop=True)
    pd.testing.assert_frame_equal(same, alone, check_exact=True)
    assert (alone["low"] < alone["factor"]).any()
