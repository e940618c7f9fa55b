"""Figures and tables of the report: everything is drawn in its right place, with a description."""

import base64
import io
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from svg_text import svg_of

from meanforce.figures import (
    colours,
    iterations,
    profiles,
    style,
    surface,
    training,
)  # fmt: skip
from meanforce.figures.axes import Axis, axis_of
from meanforce.figures.chart import Frame, Panel, drawing
from meanforce.figures.numbers import counted, number

SQUARE = Frame(width=100, height=100, left=0, right=0, top=0, bottom=0)


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


@pytest.mark.parametrize(("characters", "size"), [(10, 12.5), (52, 9.3)])
def test_a_long_title_is_small_enough_for_its_panel(characters, size):
    frame = Frame(width=310, height=100, left=10, right=0, top=20, bottom=0)
    panel = Panel(Axis("", 0, 1), Axis("", 0, 1), "x" * characters, frame)
    assert f"font-size='{size}'" in drawing([panel])
