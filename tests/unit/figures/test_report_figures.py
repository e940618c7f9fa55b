"""Figures and tables of the report: everything is drawn in its right place, with a description."""

import base64
import io
import re
import xml.etree.ElementTree as ElementTree
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from table_rows import distance, kind, signed_error, value

from meanforce.analysis.kinds import Group, Measure, Source
from meanforce.dynamics.job import Speed
from meanforce.figures import (
    baseline_table,
    colours,
    floors,
    iterations,
    learning,
    metric_table,
    metrics,
    overview,
    profiles,
    speed,
    style,
    surface,
    training,
    transfer,
)  # fmt: skip
from meanforce.figures.axes import Axis, axis_of
from meanforce.figures.chart import Frame, Panel, drawing
from meanforce.figures.numbers import counted, number

SQUARE = Frame(width=100, height=100, left=0, right=0, top=0, bottom=0)


def svg_of(figure) -> str:
    text = unquote(figure.source.removeprefix("data:image/svg+xml,"))
    ElementTree.fromstring(text)  # noqa: S314 - our own text
    return text


def test_lines_go_through_their_points_and_break_at_gaps():
    panel = Panel(Axis("", 0, 10), Axis("", -1, 1), frame=SQUARE)
    panel.line(np.arange(5.0), np.array([-1.0, 1.0, np.nan, 0.0, 0.5]), "#123456")
    path = re.search(r"d='([^']*)' fill='none' stroke='#123456'", panel.body()).group(1)
    assert path == "M0.0 100.0L10.0 0.0M30.0 50.0L40.0 25.0"
    panel.band(np.arange(3.0), np.zeros(3), np.array([1.0, np.nan, 1.0]), "#654321")
    # Single points make no area.
    assert "d='' fill='#654321'" in panel.body()


def test_marks_and_error_bars_lie_at_their_values():
    panel = Panel(Axis("", 0.1, 10, log=True), Axis("", 0, 4), frame=SQUARE)
    panel.mark(1.0, 1.0, "diamond", "#123456", error=2.0, along="x")
    body = panel.body()
    assert "translate(50.0 75.0)" in body
    # A logarithmic axis ends before 1 − 2.
    assert re.search(r"d='M0\.0 75\.0L73\.9 75\.0' stroke='#123456'", body)


def test_labels_are_escaped():
    text = drawing([Panel(Axis("<x & 'y'>", 0, 1), Axis("y", 0, 1), "a < b")])
    labels = [part.text for part in ElementTree.fromstring(text).iter() if part.text]  # noqa: S314
    assert "<x & 'y'>" in labels and "a < b" in labels


@pytest.mark.parametrize(
    "axis",
    [
        Axis("", 0.0, 1.0), Axis("", -3.7, 12.2), Axis("", 0.0, 4.6e-7), Axis("", 1e5, 7.3e5),
        Axis("", -0.02, 0.013),
        Axis("", 1e-6, 20.0, log=True), Axis("", 0.1, 3.0, log=True), Axis("", 2.0, 4.9, log=True),
    ],
)  # fmt: skip
def test_ticks_are_few_and_inside(axis):
    ticks = axis.ticks()
    assert 2 <= len(ticks) <= 10
    fractions = axis.at(np.array([value for value, _ in ticks]))
    assert (fractions > -1e-3).all() and (fractions < 1.001).all()
    assert len({text for _, text in ticks}) == len(ticks)


def test_an_angle_gets_ticks_at_multiples_of_a_quarter_turn():
    axis = axis_of("φ", np.linspace(-3.09, 3.09, 60), "rad")
    assert axis.label == "φ / rad"
    assert [text for _, text in axis.ticks()] == ["−π", "−π/2", "0", "π/2", "π"]
    assert axis_of("distance", np.linspace(0.3, 3.0, 9), "nm").named == ()
    assert axis_of("nothing", np.array([np.nan]), "").high == 1.0


def test_numbers_are_rounded_to_their_errors():
    assert number(4.56921, 0.00649) == "4.5692 ± 0.0065"
    assert number(0.25637, 0.13103) == "0.26 ± 0.13"
    assert number(-1.998e-5, 3.2e-6) == "(−2.00 ± 0.32)·10⁻⁵"
    assert number(225000.0) == "2.25·10⁵"
    assert number(1.0, 0.0) == "1" and number(0.0) == "0"
    assert number(np.nan) == "" and number(np.inf) == "∞"
    assert number(2955.86) == "2956"
    assert counted(48646.0) == "48.6 k" and counted(3.2e6) == "3.2 M"


def luminance(rgb: np.ndarray) -> np.ndarray:
    """CIE 1931 luminance of sRGB colours, 0 to 1."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def test_colour_maps_are_read_without_telling_hues_apart():
    levels = luminance(colours.palette(style.SURFACE) / 255)
    assert (np.diff(np.cbrt(levels)) > -1e-3).all() and levels[-1] > 20 * levels[0]
    difference = colours.palette(style.DIFFERENCE) / 255
    levels = luminance(difference)
    middle = len(levels) // 2
    assert (np.diff(levels[: middle + 1]) > -1e-3).all()
    assert (np.diff(levels[middle:]) < 1e-3).all()
    assert levels[middle] > 0.9 and max(levels[0], levels[-1]) < 0.2
    # The signs stay apart without red-green vision (Machado et al. 2009, deuteranopia).
    matrix = np.array([
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ])  # fmt: skip
    quarter = len(levels) // 4
    seen = np.clip(difference[[quarter, -1 - quarter]] @ matrix.T, 0, 1)
    assert seen[1, 2] - seen[1, 0] > 0.1 and seen[0, 0] - seen[0, 2] > 0.3


def test_text_stands_out_from_the_page(root):
    css = (root / "workflow" / "report" / "report.css").read_text()

    def colour(pattern: str) -> np.ndarray:
        digits = re.search(pattern + r"\s*(#[0-9a-f]{6})", css).group(1)
        return np.array([int(digits[i : i + 2], 16) for i in (1, 3, 5)]) / 255

    def contrast(one: np.ndarray, other: np.ndarray) -> float:
        low, high = sorted(luminance(np.array([one, other])))
        return (high + 0.05) / (low + 0.05)

    ink, white = colour("--ink:"), np.ones(3)
    for level in range(4):
        assert contrast(ink, colour(rf"\.level{level} {{ background:")) > 4.5
    for name in ("quiet", "held", "link"):
        assert contrast(colour(f"--{name}:"), white) > 4.5


def surface_table() -> pd.DataFrame:
    x, y = (grid.ravel() for grid in np.meshgrid([0.5, 1.5, 2.5], [0.5, 1.5], indexing="ij"))
    reference = np.array([0.0, 1.0, 2.0, 9.0, np.nan, 3.0])
    model = reference + np.array([0.0, 0.0, 0.5, 0.0, 0.0, -0.5])
    return pd.DataFrame(
        {"x": x, "y": y, "reference": reference, "model": model, "difference": model - reference}
    )


def image_of(svg: str) -> np.ndarray:
    """Colour indices of a panel's picture."""
    data = re.search(r"pixelated' href='data:image/png;base64,([^']*)'", svg).group(1)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_surfaces_share_their_colours_and_lie_the_right_way_up():
    reference, model, difference = surface.figures(surface_table(), ["nm", "nm"], 4.0, "here")
    shown = image_of(svg_of(reference))
    # Rows run downwards, columns to the right; 9 kcal/mol is beyond the range of 0 to 8.
    scale = (colours.LEVELS - 1) / 8.0
    assert shown.tolist() == [
        [round(1 * scale), colours.LEVELS - 1, round(3 * scale)],
        [0, round(2 * scale), colours.LEVELS],
    ]
    assert image_of(svg_of(model))[0, 2] == round(2.5 * scale)
    half = (colours.LEVELS - 1) / 2
    assert image_of(svg_of(difference))[0].tolist() == [half, half, round(half * 0.75)]
    assert "x / nm" in svg_of(reference) and "kcal/mol" in svg_of(reference)
    assert "lowest at x = 0.50, y = 0.50" in reference.alt
    assert "root mean square 0.35 kcal/mol" in difference.alt and "-0.50 to 0.50" in difference.alt


@pytest.mark.parametrize(
    ("quantity", "kind", "unit", "labels"),
    [
        ("rdf_A_B", "rdf", "nm", ("r / nm", "g(r)")),
        ("displacement", "msd", "ps", ("time / ps", "MSD / nm²")),
        ("bond_A_B", "bond_density", "nm", ("length / nm", "density / 1/nm")),
        ("angle_A_B_A", "angle_density", "rad", ("angle / rad", "density / 1/rad")),
    ],
)
def test_curves_of_liquids_have_axes_of_their_own(quantity, kind, unit, labels):
    x = np.linspace(0.1, 2.0, 30)
    table = pd.DataFrame({
        "quantity": quantity, "kind": kind, "unit": unit, "x": x, "reference": x,
        "reference_stderr": 0.1, "model": x, "model_stderr": 0.1,
    })  # fmt: skip
    (made,) = profiles.figures(table, "here")
    text = svg_of(made)
    assert all(label in text for label in (*labels, quantity))


def test_a_profile_shows_the_difference_and_its_size():
    x = np.linspace(-3.09, 3.09, 60)
    reference = 1.0 - np.cos(x)
    table = pd.DataFrame({
        "quantity": "phi", "kind": "dihedral", "unit": "rad", "x": x, "reference": reference,
        "reference_stderr": 0.1, "model": reference + 0.5, "model_stderr": np.nan,
    })  # fmt: skip
    other = table.assign(quantity="rdf_A_B", kind="rdf", unit="nm")
    apart = np.where(x > 0, np.nan, 0.0)
    empty = table.assign(quantity="empty", reference=apart, model=apart[::-1])
    made = profiles.figures(pd.concat([table, other, empty]), "here")
    assert [figure.alt.split(",")[0] for figure in made] == [
        "Profile of free energy along φ", "Profile of g(r) along rdf_A_B",
        "Profile of free energy along empty",
    ]  # fmt: skip
    assert "differ by 0.5 kcal/mol (root mean square), at most by 0.5 kcal/mol at" in made[0].alt
    assert "share no bin" in made[2].alt
    assert "free energy / kcal/mol" in svg_of(made[0]) and "g(r)" in svg_of(made[1])


@pytest.mark.parametrize(("stderr", "tick"), [(0.01, "0.8"), (2.0, "2")])
def test_a_narrow_difference_stays_in_the_panel_if_it_is_resolved(stderr, tick):
    x = np.arange(60.0)
    reference = np.full(60, 1.0)
    table = pd.DataFrame({
        "quantity": "rdf_A_B", "kind": "rdf", "unit": "nm", "x": x, "reference": reference,
        "reference_stderr": stderr, "model": reference + (x == 20), "model_stderr": 0.0,
    })  # fmt: skip
    (made,) = profiles.figures(table, "here")
    assert f">−{tick}<" in svg_of(made)


def test_the_noise_floor_is_drawn_into_the_training_curves():
    epochs = np.arange(1, 21)
    losses = training.UNIT * (21 + 400 * np.exp(-epochs))
    curve = pd.DataFrame({"epoch": epochs, "training": losses, "validation": 1.1 * losses})
    levels = training.floor_lines({"T300": 20.0, "T400": 26.0})
    assert [value for _, value in levels] == [20.0, 26.0, 23.0]
    axis = training.vertical([curve, curve], levels)
    assert axis.low < 20.0 and 1.1 * losses[2] / training.UNIT < axis.high
    assert axis.high < 1.1 * losses[0] / training.UNIT
    figure = training.figure([curve, curve], {"T300": 20.0, "T400": 26.0}, "here")
    assert "irreducible, mean" in svg_of(figure)
    assert "2 members; lowest validation loss 23.1" in figure.alt and "part 23" in figure.alt
    ridges = pd.DataFrame({"smoothness": [0.0, 0.1, 0.1, 1.0], "validation": [9.0, 5.0, 4.0, 6.0]})
    assert "smoothness penalty" in svg_of(training.figure([ridges], {}, "here"))


def test_the_caption_of_training_curves_names_chosen_weight_decays():
    curve = pd.DataFrame({"epoch": [1, 2], "training": [9.0, 8.0], "validation": [9.0, 8.5]})
    assert training.caption([curve, curve]) == training.CAPTION
    chosen = [curve.assign(weight_decay=decay) for decay in (0.5, 2.0)]
    assert training.caption(chosen).endswith("on held-out time blocks: 0.5, 2.")
    drawn = [svg_of(training.figure(curves, {}, "here")) for curves in ([curve, curve], chosen)]
    assert drawn[0] == drawn[1]


def test_training_curves_with_other_columns_are_drawn_as_they_are():
    steps = np.arange(1, 6)
    losses = pd.DataFrame({"iteration": steps, "training": training.UNIT * (30.0 - steps)})
    figure = training.figure([losses], {"T300": 20.0}, "here")
    assert "iteration" in svg_of(figure) and "irreducible, T300" in svg_of(figure)
    assert "lowest training loss 25 (kcal" in figure.alt and "part 20" in figure.alt
    entropies = pd.DataFrame({"iteration": steps, "relative_entropy": 5.0 / steps})
    figure = training.figure([entropies, entropies], {"T300": 20.0}, "here")
    assert "relative_entropy" in svg_of(figure) and "irreducible" not in svg_of(figure)
    assert figure.alt.endswith("2 members; lowest relative_entropy 1")


def test_the_progress_of_a_fit_that_iterates_is_drawn_with_its_floors():
    steps = np.arange(1, 5)
    curve = pd.DataFrame(
        {
            "iteration": steps,
            "step": [1.0, 1.0, 0.5, 0.5],
            "distance_pairs_A_A": [0.2, np.nan, 0.05, 0.02],
            "floor_pairs_A_A": [0.02, np.nan, 0.01, 0.01],
            "pressure": [300.0, np.nan, 200.0, 100.0],
            "pressure_stderr": 5.0,
        }
    )
    assert iterations.is_of([curve]) and not iterations.is_of([curve[["iteration", "step"]]])
    figure = iterations.figure([curve, curve.iloc[:1]], "here")
    for text in ("iteration", "distance of g", "pairs A A", "pressure / bar", "step"):
        assert text in svg_of(figure), text
    assert "2 members, up to 4 iterations" in figure.alt
    assert "pairs_A_A 0.02 with a floor of 0.01" in figure.alt
    assert "pressure" not in svg_of(iterations.figure([curve.drop(columns="pressure")], "here"))


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
