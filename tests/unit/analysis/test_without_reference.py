"""Comparisons without a surface, without a reference, and without both; fixed seeds."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from comparisons import along_x, by_name, compare
from peptides import TORSIONS, peptide_sample

from meanforce.analysis import baseline
from meanforce.analysis.curves import table
from meanforce.analysis.kinds import Group, Measure, Source
from meanforce.analysis.metrics.registry import all_curves, all_rows
from meanforce.analysis.metrics_table import metrics_table
from meanforce.analysis.surface_table import surface_table
from meanforce.analysis.verdict import verdicts
from meanforce.errors import InputError
from meanforce.figures import profiles, surface
from meanforce.figures.free_energy import draw
from meanforce.settings.job import validated
from meanforce.settings.validation import ValidationSettings

SURFACE = {
    "surface": ["phi", "psi"], "lower": [-4.0] * 2, "upper": [4.0] * 2,
    "basins": {"left": [{"phi": [-3.14, 0.0]}], "right": [{"phi": [0.0, 3.14]}]},
    "differences": {"sides": ["left", "right"]},
    "barriers": {"phi": ["left", "right"]},
}  # fmt: skip
NO_SURFACE = {"surface": [], "lower": None, "upper": None}
RUN = {"converged": True, "dynamical": True}
MODEL, REFERENCE = (
    dataclasses.replace(peptide_sample(seed, n=6000, chains=np.arange(6000) // 300), **RUN)
    for seed in (1, 2)
)
LABELS = {
    "experiment": "e", "system": "s", "mapping": "m", "force_map": "f", "campaign": "c",
    "potential": "p", "state_point": "T300", "role": "train",
}  # fmt: skip


def judged(reference, **changes):
    return compare(MODEL, reference, TORSIONS, **(SURFACE | changes))


@pytest.fixture(scope="module")
def whole():
    return by_name(all_rows(judged(REFERENCE)))


def groups_of(rows: dict) -> set:
    return {row.quantity.group for row in rows.values()}


def test_without_a_surface_all_else_is_judged(whole):
    comparison = judged(REFERENCE, **NO_SURFACE, basins={}, differences={}, barriers={})
    rows = by_name(all_rows(comparison))
    gone = {Group.SURFACE, Group.BASINS, Group.BARRIERS, Group.POPULATIONS}
    assert groups_of(rows) == groups_of(whole) - gone
    assert set(whole) - set(rows) == {
        name for name, row in whole.items() if row.quantity.group in gone
    } | {"surface_share_tica_1"}
    # Periodic variables have the same axes as on the surface, and all rows the same numbers.
    for name in rows:
        if not name.startswith("fes_rmse"):
            np.testing.assert_equal(rows[name].columns(), whole[name].columns(), err_msg=name)
    assert {"fes_rmse_phi", "fes_rmse_psi", "rhat_psi", "autocorrelation_time_phi"} < set(rows)
    assert surface_table(comparison).empty


def test_without_a_reference_the_model_has_values_and_no_verdicts(whole):
    comparison = judged(None)
    rows = by_name(all_rows(comparison))
    assert {row.source for row in rows.values()} == {Source.MODEL}
    judging = (Measure.DISTANCE, Measure.SIGNED_ERROR, Measure.LOSS)
    assert not [name for name, row in rows.items() if row.measure in judging]
    expected = {
        name for name, row in whole.items()
        if row.source == Source.MODEL and row.measure not in judging
        and not name.startswith(("speed_up", "surface_share", "coverage"))
    }  # fmt: skip
    assert set(rows) == expected
    assert {"delta_f_sides", "barrier_phi", "population_left", "radius_of_gyration"} < expected
    for name, row in rows.items():
        np.testing.assert_equal(row.columns(), whole[name].columns(), err_msg=name)
    summary = metrics_table(LABELS, [row.columns() for row in rows.values()])
    assert set(verdicts(summary)) == {""}
    assert baseline.rows(comparison, REFERENCE, None) == []


def test_what_is_drawn_of_a_model_alone(tmp_path):
    comparison = judged(None)
    curves = all_curves(comparison)
    assert {"phi", "psi", "radius_of_gyration", "omega_ACE1_ALA2"} <= {c.quantity for c in curves}
    rows = table(curves)
    assert rows["reference"].isna().all() and rows["model"].notna().any()
    made = profiles.figures(rows, "here")
    assert all("of the model alone; there is no reference" in one.alt for one in made)
    found = surface_table(comparison)
    assert found["reference"].isna().all() and found["difference"].isna().all()
    assert np.nanmin(found["model"]) == 0
    (figure,) = surface.figures(found, ["rad", "rad"], 4.0, "here")
    assert figure.alt.startswith("Free-energy surface of the model")
    full = all_curves(judged(REFERENCE))
    known = {curve.quantity: curve for curve in full}
    for curve in curves:
        if curve.quantity.startswith("omega"):
            # On the same axis as with a reference, and with the same bits.
            np.testing.assert_array_equal(curve.model, known[curve.quantity].model)
    draw(comparison, curves, tmp_path / "a.png", "a")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("reference", [None, REFERENCE])
def test_figures_without_a_surface(tmp_path, reference):
    comparison = judged(reference, **NO_SURFACE, basins={}, differences={}, barriers={})
    for number, curves in enumerate((all_curves(comparison), [])):
        path = tmp_path / f"{number}.png"
        draw(comparison, curves, path, "a")
        assert path.read_bytes().startswith(b"\x89PNG")


def test_tables_without_rows_are_read_again(tmp_path):
    comparison = compare(along_x(np.zeros(40)), None, {}, **NO_SURFACE)
    assert all_curves(comparison) == []
    assert [row.metric for row in all_rows(comparison)] == ["stability"]
    for one in (surface_table(comparison), table([])):
        one.to_csv(tmp_path / "a.csv", index=False)
        again = pd.read_csv(tmp_path / "a.csv")
        assert again.empty and list(again) == list(one)


def test_basins_need_a_surface():
    with pytest.raises(InputError, match=r"'left' uses 'phi', which is not in 'surface' \(empty\)"):
        validated(ValidationSettings, SURFACE | NO_SURFACE, "validation")
    with pytest.raises(InputError, match="'lower' needs one value for each variable of 'surface'"):
        validated(ValidationSettings, NO_SURFACE | {"lower": [1.0]}, "validation")
