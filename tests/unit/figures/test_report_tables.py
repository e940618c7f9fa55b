"""Tables of metrics, and figures that compare experiments."""

import numpy as np
import pandas as pd
import pytest
from svg_text import svg_of
from table_rows import distance, kind, signed_error, value

from meanforce.analysis.kinds import Group, Measure, Source
from meanforce.dynamics.job import Speed
from meanforce.figures import (
    baseline_table,
    floors,
    learning,
    metric_table,
    metrics,
    overview,
    speed,
    transfer,
)  # fmt: skip
from meanforce.figures.axes import Axis


def test_every_group_of_metrics_has_a_title():
    assert [*metrics.TITLES] != [] and set(metrics.TITLES) == set(Group)
    assert len({*metrics.TITLES.values()}) == len(Group)


BARRIERS = Group.BARRIERS
STABILITY = kind("stability", Measure.FRACTION, Group.CONVERGENCE)


def rows(**changes) -> pd.DataFrame:
    base = {
        "experiment": "a", "system": "s", "mapping": "m", "force_map": "f", "campaign": "c",
        "potential": "p", "state_point": "T300", "role": "train",
        "value": 0.2, "stderr": 0.01, "noise_floor": 0.1, "unit": "kcal/mol", "dof": np.inf,
    }  # fmt: skip
    listed = [
        distance("fes_rmse"),
        distance("js_x") | {"value": 0.03, "noise_floor": 0.002, "unit": np.nan},
        value("barrier", BARRIERS) | {"value": 5.0, "noise_floor": np.nan},
        value("barrier", BARRIERS, Source.REFERENCE) | {"value": 5.5, "noise_floor": np.nan},
        signed_error("barrier", BARRIERS) | {"value": -0.5, "noise_floor": 0.1},
        STABILITY | {"value": 1.0, "noise_floor": 1.0},
        distance("fes_rmse") | {"state_point": "T350", "role": "held-out", "value": 0.4},
    ]  # fmt: skip
    return pd.DataFrame([base | changes | row for row in listed])


def test_the_overview_gives_errors_in_units_of_their_floors():
    table = rows()
    metrics, lines = overview.lines(table, lambda name: ["T300", "T350"])
    assert metrics == ["fes_rmse", "js_x", "barrier_error"]
    assert [(line.state, line.role) for line in lines] == [("T300", "train"), ("T350", "held-out")]
    assert [cell.text for cell in lines[0].cells] == ["2.0×", "15×", "5.0×"]
    assert [cell.look for cell in lines[0].cells] == ["level1", "level3", "level2"]
    assert lines[1].cells[0].text == "4.0×" and lines[1].cells[1:] == [None, None]
    assert lines[0].cells[0].title == "0.200 ± 0.010 kcal/mol; noise floor 0.1 kcal/mol"
    assert lines[0].cells[0].mark == ""
    judged = table.assign(verdict=["worse", "within noise", "", "", np.nan, "", "resolved better"])
    _, lines = overview.lines(judged, lambda name: ["T300", "T350"])
    assert [cell.mark for cell in lines[0].cells] == ["▼", "≈", ""]
    assert lines[1].cells[0].mark == "▲" and lines[1].cells[0].title.endswith("resolved better")


def test_the_table_of_metrics_puts_the_reference_beside_the_model():
    groups = metric_table.groups(rows(), ["T300", "T350"])
    assert [group["name"] for group in groups] == [
        "Free-energy surface", "Barriers", "Sampling of the CG model",
    ]  # fmt: skip
    listed = {row["metric"]: row for group in groups for row in group["rows"]}
    assert "barrier_reference" not in listed
    assert listed["barrier"]["cells"][0] == {
        "value": "5.000 ± 0.010", "reference": "5.5", "floor": "", "resolved": "", "verdict": "",
        "mark": "",
    }  # fmt: skip
    assert listed["barrier"]["cells"][1]["value"] == "–"
    assert listed["js_x"]["unit"] == ""


def test_a_floor_says_what_it_is_of_the_reference_alone_and_what_is_resolved():
    table = rows().assign(noise_floor_reference=0.05, resolution=0.17)
    _, lines = overview.lines(table, lambda name: ["T300", "T350"])
    told = "of the reference alone 0.05; smallest error resolved 0.17"
    assert lines[0].cells[0].title.endswith(told)
    groups = metric_table.groups(table, ["T300", "T350"])
    listed = {row["metric"]: row for group in groups for row in group["rows"]}
    assert listed["js_x"]["cells"][0]["resolved"] == told


def test_the_better_of_model_and_baseline_is_known_at_two_standard_errors():
    def one(value, stderr):
        return pd.Series({"value": value, "stderr": stderr, "dof": np.inf})

    cases = [
        ((0.1, 0.03), (0.25, 0.04), "model"),  # 0.15 apart, 2·0.05 needed
        ((0.3, 0.03), (-0.1, 0.04), "baseline"),  # opposite signs: 2·0.07
        ((-0.1, 0.03), (0.22, 0.04), ""),  # 0.12, resolved for the same sign
        ((-0.1, 0.03), (-0.22, 0.04), "model"),
        ((np.inf, np.nan), (0.5, 0.1), "baseline"), ((0.5, 0.1), (-np.inf, np.nan), "model"),
        ((np.inf, np.nan), (-np.inf, np.nan), ""), ((0.1, np.nan), (9.0, 0.1), ""),
        ((np.nan, 0.1), (0.1, 0.1), ""),
    ]  # fmt: skip
    for model, other, expected in cases:
        assert baseline_table.better(one(*model), one(*other)) == expected, (model, other)
    # Two degrees of freedom ask for 4.3 standard errors.
    few = pd.Series({"value": 0.1, "stderr": 0.03, "dof": 2.0})
    assert baseline_table.better(few, one(0.2, 0.001)) == ""
    assert baseline_table.better(one(0.1, 0.03), one(0.2, 0.001)) == "model"


def test_models_and_baselines_stand_side_by_side():
    extra = [
        distance("js_x", source=Source.BASELINE)
        | {"value": 0.03, "stderr": 0.01, "noise_floor": 0.01},
        value("barrier", BARRIERS, Source.BASELINE) | {"value": 5.4},
        signed_error("barrier", BARRIERS, Source.BASELINE)
        | {"value": 0.1, "stderr": 0.02, "noise_floor": 0.05},
    ]
    table = pd.concat([rows(), *(rows().iloc[[0]].assign(**one) for one in extra)])
    held_out = rows().iloc[[1]].assign(state_point="T350", role="held-out")
    table = pd.concat([table, held_out], ignore_index=True)
    columns, lines = baseline_table.lines(table, lambda name: ["T300", "T350"])
    assert [(one.metric, one.signed) for one in columns] == [
        ("js_x", False), ("barrier_error", True)
    ]  # fmt: skip
    first, second = lines
    assert [(cell.look, cell.mark) for cell in first.cells] == [("", "≈"), ("lost", "▼")]
    assert first.cells[1].text == "0.500 ± 0.010" and first.cells[1].below == "0.100 ± 0.020"
    assert (second.cells[0].mark, second.cells[1]) == ("", None)
    assert second.cells[0].below == "no atomistic data there"
    assert list(baseline_table.counts(lines).values()) == [0, 1, 1]
    assert baseline_table.lines(rows(), lambda name: ["T300", "T350"]) == ([], [])
    # Elsewhere the baseline has a group of its own, and is not an error of the model.
    assert overview.lines(table, lambda name: ["T300", "T350"])[0] == [
        "fes_rmse", "js_x", "barrier_error"
    ]  # fmt: skip
    last = metric_table.groups(table, ["T300", "T350"])[-1]
    assert last["name"] == "Direct reweighting of the same frames" and len(last["rows"]) == 3
    assert "0 of 5 below twice" in floors.figure(table, ["T300", "T350"], "a").alt


def test_errors_are_drawn_in_units_of_their_floors():
    figure = floors.figure(rows(), ["T300", "T350"], "a")
    assert "0 of 4 below twice" in figure.alt and "js_x at T300, 15 times" in figure.alt
    assert "barrier_error" in svg_of(figure)
    assert floors.figure(rows(noise_floor=np.nan).query("metric == 'barrier'"), [], "a") is None


def test_an_infinite_error_stands_at_the_edge():
    table = rows()
    table.loc[table["metric"] == "barrier_error", "value"] = -np.inf
    figure = floors.figure(table, ["T300", "T350"], "a")
    assert "∞ times its floor" in figure.alt
    assert "inf" not in svg_of(figure) and "nan" not in svg_of(figure)
    cells = [cell for line in overview.lines(table, lambda _: ["T300"])[1] for cell in line.cells]
    assert "∞×" in [cell.text for cell in cells if cell]


def test_error_against_distance_needs_held_out_points():
    table = pd.DataFrame({
        "experiment": "a", "state_point": ["T300", "T350", "T450"],
        "temperature": [300.0, 350.0, 450.0], "distance": [0.0, 50.0, 50.0],
        "place": ["trained", "interpolation", "extrapolation"], **signed_error("delta_f_x"),
        "value": [0.1, -0.2, 0.6], "stderr": 0.05, "noise_floor": 0.04, "unit": "kcal/mol",
    })  # fmt: skip
    figure = transfer.figures(table, "s")["delta_f_x_error"]
    assert "trained 0.1 kcal/mol, interpolation 0.2 kcal/mol, extrapolation 0.6" in figure.alt
    assert "|error| / kcal/mol" in svg_of(figure)
    assert transfer.figures(table[table["place"] == "trained"], "s") == {}
    many = pd.concat([table.assign(experiment=str(i)) for i in range(20)])
    assert len({(key.colour, key.dash) for key in transfer.keys(many)}) == 20


def test_rates_are_means_over_wall_time(tmp_path):
    paths = []
    for job, lines in (("1", "0,50,10,432,300,A\n50,150,40,216,300,A\n"), ("2", "0,1,0,0,0,B\n")):
        path = tmp_path / "s" / "T300" / "c" / job / "segments.csv"
        path.parent.mkdir(parents=True)
        path.write_text("from_ps,to_ps,wall_s,ns_per_day,temperature_k,platform\n" + lines)
        paths.append(path)
    (line,) = speed.atomistic(paths)
    # 0.15 ns in 50 s; the second job was over before it began.
    assert line["sampled"] == "0.15" and line["rate"] == pytest.approx(0.15 / 50 * 86400)
    assert line["platforms"] == "A" and line["jobs"] == 1 and line["share"] == 100
    assert speed.atomistic([]) == []


def test_ticks_share_a_power_of_ten():
    axis = Axis("error / nm", 0.0, 2.3e-5)
    assert axis.text == "error / 10⁻⁵ nm"
    assert [text for _, text in axis.ticks()] == ["0", "0.5", "1", "1.5", "2"]
    assert Axis("error", 0.0, 3e5).text == "error / 10⁵"
    assert Axis("error / nm", 0.0, 0.4).text == "error / nm"


def test_savings_say_what_is_a_bound():
    facts = {
        "experiment": "a", "against": "b", "against_source": "model", "state_point": "T300",
        "unit": np.nan,
    }  # fmt: skip
    cases = [
        (12.4, 7.1, 20.9, "", "12× (7.1 to 21)"), (3.0, 0.0, np.inf, "at least", "≥ 3×"),
        (3.0, 2.0, np.inf, "at least", "≥ 3× (2 to ∞)"),
        (0.5, 0.0, 0.9, "at most", "≤ 0.5× (0 to 0.9)"),
        (np.nan, 0.0, np.inf, "unknown", "not known"),
    ]  # fmt: skip
    heads = ("factor", "low", "high", "bound")
    rows = [
        facts | {"metric": f"metric_{number}"} | dict(zip(heads, case[:4], strict=True))
        for number, case in enumerate(cases)
    ]
    table = pd.DataFrame(rows).assign(atomistic_time=np.nan, error=np.nan, certain=np.nan)
    lines = learning.savings(table)
    assert [line["factor"] for line in lines] == [case[4] for case in cases]
    assert [line["metric"] for line in lines] == [row["metric"] for row in rows]
    # A certain bound at one error, larger than the mean over all, takes its place.
    timed = {"metric": "metric_3", "atomistic_time": 0.5, "error": 0.33, "unit": "kT"}
    bound = table.iloc[[2]].assign(**timed, certain=1.5)
    line = learning.savings(pd.concat([table, bound]))[3]
    assert line["factor"] == "≥ 3× (1.5 to ∞) at 0.33 kT" and line["against"] == "b"
    # Not certain enough, as one of several bounds.
    doubtful = table.iloc[[2]].assign(**timed, certain=0.9)
    assert learning.savings(pd.concat([table, doubtful]))[3]["factor"] == "≤ 0.5× (0 to 0.9)"
    same = table.iloc[[0]].assign(against="a", against_source="baseline")
    assert learning.savings(same)[0]["against"] == "direct reweighting of the same frames"


def test_a_cg_runs_speed_is_read_as_it_is_written(tmp_path):
    path = tmp_path / "a" / "T300" / "speed.csv"
    path.parent.mkdir(parents=True)
    Speed(200, 1200, 4.0, 100, "cpu").write(path)
    (line,) = speed.coarse_grained([path], {"a": 0.005})
    # 1000 steps of 100 chains in 4 s; 5 fs each.
    assert line["rate"] == 25000 and line["text"] == "25 k" and line["device"] == "torch, cpu"
    assert line["time"] == "10.8 k" and line["replicas"] == 100
    # A process that found nothing left to do has no rate.
    Speed(1200, 1200, 0.1, 100, "cpu").write(path)
    assert speed.coarse_grained([path], {"a": 0.005}) == []
