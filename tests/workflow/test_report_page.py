"""The report's page in a browser: it shows everything, alone, on any screen, to every reader."""

import itertools
import sys

import pandas as pd
import pytest
from chromium import browser, program
from report_results import write_results

import report

if program() is None:
    pytest.skip("needs a browser: Debian's package `chromium`", allow_module_level=True)

PHONE, DESKTOP = 375, 1280
VISITS = itertools.count()

FIGURES = """
Promise.all([...document.images].map((image) => {
  image.loading = "eager";
  return image.decode().then(() => image.naturalWidth, () => 0);
}))
"""
OPEN_ALL = "document.querySelectorAll('details').forEach((item) => { item.open = true; })"


@pytest.fixture(scope="module")
def page_file(root, tmp_path_factory):
    """A page made by the stage's program from small results."""
    folder = tmp_path_factory.mktemp("results") / "results"
    template = root / "workflow" / "report" / "report.html.j2"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            sys, "argv", ["report.py", *write_results(root, folder), "--template", str(template)]
        )
        report.main()
    return folder / "report.html"


@pytest.fixture(scope="module")
def places(page_file):
    """Experiments at their state points, and whether they are of alanine."""
    summary = pd.read_csv(page_file.parent / "summary.csv")
    listed = summary[["experiment", "system", "state_point"]].drop_duplicates()
    return listed.assign(alanine=listed["system"] == "capped_alanine")


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def opened(chromium, page_file):
    """Function that shows the page in a window of some width."""

    def show(width: int, scripts: bool = True, part: str = ""):
        # An address that differs only after # would not be loaded anew.
        chromium.open(f"{page_file.as_uri()}?{next(VISITS)}#{part}", width, 900, scripts)
        return chromium

    return show


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_every_figure_shows_and_nothing_complains(opened, places, width):
    page = opened(width)
    widths = page.value(FIGURES)
    # Places of alanine have a surface, of three figures, and four profiles; the others three
    # profiles. Training and errors of each experiment; 7 errors against distance, a learning curve.
    alanine, others = (len(places[places["alanine"] == yes]) for yes in (True, False))
    experiments = places["experiment"].nunique()
    assert len(widths) == alanine * (3 + 4) + others * 3 + experiments * 2 + 7 + 1
    assert min(widths) > 0
    page.value(OPEN_ALL)
    assert page.value("[...document.images].every((i) => i.clientWidth > 100)")
    assert page.complaints() == []
    assert all(address.startswith("file:") for address in page.requested())
    assert len(page.requested()) == 1


def test_every_figure_has_a_text_of_its_own(opened):
    texts = opened(DESKTOP).value("[...document.images].map((i) => i.alt)")
    assert min(map(len, texts)) > 30
    assert len(set(texts)) == len(texts)
    # The model is 0.3·sin(x) above the reference, in all bins but the last three.
    profile = next(text for text in texts if text.startswith("Profile of free energy along φ"))
    assert "differ by 0.22 kcal/mol (root mean square), at most by 0.3 kcal/mol at" in profile


@pytest.mark.parametrize("width", [320, PHONE, 768, DESKTOP])
def test_only_tables_scroll_sideways(opened, width):
    page = opened(width)
    page.value(OPEN_ALL)
    assert page.value("document.documentElement.scrollWidth") <= width
    overflowing = page.value(
        "[...document.querySelectorAll('.scroll')].filter((e) => e.scrollWidth > e.clientWidth)"
        ".map((e) => [e.tabIndex, getComputedStyle(e).overflowX, e.ariaLabel.length > 5])"
    )
    assert all(item == [0, "auto", True] for item in overflowing)
    assert overflowing or width > PHONE
    # Figures' texts of 10.5 pixels stay readable. Figures out of sight need not be loaded yet.
    scales = page.value(
        "[...document.images].filter((i) => i.src.startsWith('data:image/svg'))"
        ".map((i) => i.clientWidth / Number(i.getAttribute('width')))"
    )
    assert min(scales) * 10.5 > (8 if width >= PHONE else 6.5)


def test_headings_are_in_order(opened):
    levels = opened(DESKTOP).value(
        "[...document.querySelectorAll('h1,h2,h3,h4,h5')].map((h) => Number(h.tagName[1]))"
    )
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels))


def test_the_page_reads_without_scripts(opened, places):
    page = opened(DESKTOP, scripts=False)
    page.send("Emulation.setScriptExecutionDisabled", value=False)
    assert page.value("document.querySelector('.tools').hidden")
    assert page.value("document.querySelectorAll('details.experiment').length") == 4
    assert min(page.value(FIGURES)) > 0
    found = "[...document.querySelectorAll('.sortable td .mark')]"
    marks = page.value(f"{found}.map((m) => m.innerText)")
    # Headline errors: four of alanine, two of Müller–Brown.
    assert len(marks) == (4 * places["alanine"] + 2 * ~places["alanine"]).sum()
    assert set(marks) == {"▲", "≈", "▼"}


def test_experiments_open_by_keyboard_and_by_links(opened):
    name = "muller_brown_static_x_rbf"
    page = opened(DESKTOP)
    is_open = f"document.getElementById('{name}').open"
    assert not page.value(is_open)
    page.value(f"document.querySelector('#{name} > summary').focus()")
    for kind in ("keyDown", "keyUp"):
        page.send("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", text="\r",
                  windowsVirtualKeyCode=13)  # fmt: skip
    assert page.value(is_open)
    page = opened(DESKTOP, part=name)
    assert page.value(is_open)
    assert page.value(f"document.getElementById('{name}').getBoundingClientRect().top < 100")
    assert page.complaints() == []


def test_experiments_are_filtered_and_tables_sorted(opened, places):
    page = opened(DESKTOP)
    shown = "[...document.querySelectorAll('details.experiment')].filter((e) => !e.hidden).length"
    page.value("document.getElementById('filter').focus()")
    page.send("Input.insertText", text="Brown")
    assert page.value(shown) == 2
    orders = (
        "[...document.querySelectorAll('.matrix')[1].tBodies[0].rows]"
        ".map((row) => row.cells[1].textContent.trim().slice(0, 4))"
    )
    states = list(places.loc[places["alanine"], "state_point"].str[:4])
    shown_first = page.value(orders)
    assert sorted(shown_first) == sorted(states) != shown_first
    click = "document.querySelectorAll('.matrix')[1].querySelectorAll('th button')[1].click()"
    page.value(click)
    assert page.value(orders) == sorted(states)
    page.value(click)
    assert page.value(orders) == sorted(states, reverse=True)
    assert page.complaints() == []
