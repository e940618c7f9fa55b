"""docs/metrics.md has every metric that the code can write, with its unit, and no others."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest
from comparisons import along_x, compare
from gases import ATOM, BENT, gas, liquid_comparison, nothing

from meanforce.analysis import baseline
from meanforce.analysis.kinds import Measure, Source
from meanforce.analysis.metrics.registry import all_rows
from meanforce.core.topology import Topology
from meanforce.dynamics.stability import KINDS as BREAKS
from meanforce.figures.metrics import TITLES

CODE = Path("workflow/scripts/meanforce/analysis")
ROW = re.compile(r"\| `([^`]+)` \| ?([^|]*?) ?\| ([DCLFVS])( B)? \| (.+) \|")
PLACE = re.compile("[A-Z]{4,}")
"""A part of a name in the page that stands for names in the config or of beads."""

IN_CODE = {
    # What f-strings and variables in `analysis/metrics` take, by the expression.
    "variables": "SURFACE",
    "basin": "BASIN",
    "kind": ("bond", "angle", "dihedral"),
    "profile.quantity": (
        "VARIABLE", "distance_BEAD_BEAD", "radius_of_gyration", "end_to_end",
        "omega_RESIDUE_RESIDUE", "tica_NUMBER",
    ),
}  # fmt: skip
KNOWN = {
    # Arguments that are no f-strings, and names that are made of several parts, by module.
    ("chain_dimensions", "name"): ("radius_of_gyration", "end_to_end"),
    ("exact_pmf", "name"): ("well_difference", "barrier"),
    ("torsions", "name.replace('omega', 'population_cis', 1)"): (
        "population_cis_RESIDUE_RESIDUE",
    ),
    ("convergence", "name"): (),
    ("convergence", "f'stability_{kind}'"): ("stability_BREAK",),
    ("basins", "f'delta_f_{name}'"): ("delta_f_DIFFERENCE",),
    ("rdf", "f'rdf_rmse_{name}'"): ("rdf_rmse_TYPE_TYPE",),
    ("bonded", "f'correlation_{name}'"): ("correlation_bond_TYPES_angle_TYPES",),
    ("chain_dimensions", "f'wasserstein_{name}'"): (
        "wasserstein_radius_of_gyration", "wasserstein_end_to_end",
    ),
    ("slow_modes", "f'surface_share_{profile.quantity}'"): ("surface_share_tica_NUMBER",),
    ("profiles", "f'fes_rmse_{profile.quantity}'"): (
        "fes_rmse_VARIABLE", "fes_rmse_distance_BEAD_BEAD", "fes_rmse_radius_of_gyration",
        "fes_rmse_end_to_end",
    ),
    # Rows of ω and of slow modes.
    ("one_quantity", "f'js_{profile.quantity}'"): ("js_omega_RESIDUE_RESIDUE", "js_tica_NUMBER"),
}  # fmt: skip


@pytest.fixture(scope="module")
def page(root) -> str:
    return (root / "docs" / "metrics.md").read_text()


@pytest.fixture(scope="module")
def documented(page) -> dict[str, tuple[str, str, bool]]:
    """Name: unit, letter of its kind, and whether there are rows of the baseline."""
    rows = [match for match in map(ROW.fullmatch, page.splitlines()) if match]
    found = {
        name: (unit, kind, bool(own)) for name, unit, kind, own, _ in (m.groups() for m in rows)
    }
    assert len(found) == len(rows)
    return found


def made_in(module: Path) -> set[str]:
    """Names of quantities that a module makes."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id not in ("Quantity", "_row", "_fraction") or not node.args:
            continue
        argument = node.args[0]
        text = ast.unparse(argument)
        if (module.stem, text) in KNOWN:
            found |= set(KNOWN[module.stem, text])
        elif isinstance(argument, ast.Constant):
            found.add(argument.value)
        else:
            assert isinstance(argument, ast.JoinedStr), (
                f"{module}: name this metric in KNOWN: {text}"
            )
            names = [""]
            for part in argument.values:
                if isinstance(part, ast.Constant):
                    ends = (part.value,)
                else:
                    ends = IN_CODE.get(ast.unparse(part.value), "VARIABLE")
                    ends = (ends,) if isinstance(ends, str) else ends
                names = [name + end for name in names for end in ends]
            found |= set(names)
    return found


def test_the_page_has_the_metrics_that_the_code_makes_and_no_others(root, documented):
    files = [*(root / CODE / "metrics").glob("*.py"), root / CODE / "one_quantity.py"]
    made = set().union(*map(made_in, files))
    assert len(made) > 40
    assert made == set(documented)


def test_sections_are_those_of_the_report_in_its_order(page):
    titles = re.findall("^## (.+)$", page, re.MULTILINE)
    assert titles == ["Reading a row", *TITLES.values()]


def test_ways_to_break_are_named(page):
    (line,) = [line for line in page.splitlines() if line.startswith("| `stability_BREAK`")]
    assert set(re.findall("`([a-z]+)`", line)) == set(BREAKS)


def entry_of(row, documented):
    """The entry of a row: one without a name that is filled in goes first."""
    fitting = [
        name
        for name in documented
        if re.fullmatch(PLACE.sub(".+", re.escape(name)), row.quantity.name)
    ]
    assert fitting, f"not in docs/metrics.md: {row.quantity.name}"
    return documented[min(fitting, key=lambda name: (len(PLACE.findall(name)), -len(name)))]


LETTERS = {
    Measure.DISTANCE: "D", Measure.LOSS: "L", Measure.FRACTION: "F", Measure.SIGNED_ERROR: "C",
    Measure.VALUE: "VC", Measure.CONVERGENCE: "S",
}  # fmt: skip


def comparisons():
    rng = np.random.default_rng(1)
    model, reference, other = (along_x(rng.normal(size=2000)) for _ in range(3))
    basins = {"left": [{"x": (-4.0, 0.0)}], "right": [{"x": (0.0, 4.0)}]}
    pairs = {"differences": {"sides": ("left", "right")}, "barriers": {"x": ("left", "right")}}
    one = compare(model, reference, basins=basins, **pairs)
    yield "one bead", all_rows(one) + baseline.rows(one, other, reference)
    for name, molecule in (
        ("atoms", Topology(((ATOM, 60),))),
        ("molecules", Topology(((BENT, 60),))),
    ):
        sides = gas(60, 1, molecule), gas(60, 2, molecule)
        yield name, all_rows(liquid_comparison(*sides, nothing()))


@pytest.mark.parametrize("name", ["one bead", "atoms", "molecules"])
def test_rows_have_the_unit_and_the_kind_of_the_page(name, documented):
    rows = dict(comparisons())[name]
    assert len(rows) > 5
    for row in rows:
        unit, letter, has_baseline = entry_of(row, documented)
        assert row.unit == unit, row.metric
        assert letter in LETTERS[row.measure], row.metric
        assert has_baseline or row.source != Source.BASELINE, row.metric
