"""Random numbers of the analysis: an additional metric changes no bit of any other."""

import dataclasses

import numpy as np
import pytest
from comparisons import compare
from peptides import TORSIONS, peptide_sample

from meanforce.analysis.kinds import Group
from meanforce.analysis.metrics import registry
from meanforce.analysis.metrics.registry import all_curves, all_rows
from meanforce.analysis.rows import Estimate, Quantity, compared
from meanforce.analysis.streams import stream
from meanforce.errors import InputError
from meanforce.statistics.errors import Error

SETTINGS = {
    "surface": ["phi", "psi"], "lower": [-4.0] * 2, "upper": [4.0] * 2,
    "basins": {"left": [{"phi": [-3.14, 0.0]}], "right": [{"phi": [0.0, 3.14]}]},
    "differences": {"sides": ["left", "right"]},
    "barriers": {"phi": ["left", "right"]},
}  # fmt: skip
SIDES = tuple(peptide_sample(seed, n=4000, cis=0.03) for seed in (1, 2))


def judged(seed: int = 1, **changes):
    return dataclasses.replace(compare(*SIDES, TORSIONS, **(SETTINGS | changes)), seed=seed)


def drawn(comparison):
    """A metric made of random numbers alone, which draws many of them."""
    rng = comparison.stream("greedy", "model")
    values = rng.standard_normal(1000)
    estimate = Estimate(float(values.mean()), Error(float(values.std())))
    return compared(Quantity("greedy", Group.STRUCTURE), estimate, None)


def numbers(rows) -> dict:
    return {row.metric: row.columns() for row in rows}


def test_a_further_metric_moves_no_other(monkeypatch):
    before = numbers(all_rows(judged()))
    for place in (0, 5, len(registry.METRICS)):
        metrics = [*registry.METRICS]
        metrics.insert(place, drawn)
        monkeypatch.setattr(registry, "METRICS", tuple(metrics))
        comparison = judged()
        after = numbers(all_rows(comparison))
        assert set(after) - set(before) == {"greedy"}
        assert all_curves(comparison)
        for name, row in before.items():
            np.testing.assert_equal(after[name], row, err_msg=name)
        monkeypatch.undo()


def test_two_rows_of_one_name_are_refused(monkeypatch):
    def taken(comparison):
        estimate = Estimate(0.0, Error(1.0))
        return compared(Quantity("stability", Group.STRUCTURE), estimate, None)

    monkeypatch.setattr(registry, "METRICS", (*registry.METRICS, taken))
    expected = "metrics 'convergence' and 'test streams': both give a row 'stability'; allowed are"
    with pytest.raises(InputError, match=expected):
        all_rows(judged())


def test_no_order_and_no_other_basin_moves_a_row():
    before = numbers(all_rows(judged()))
    comparison = judged()
    backwards = [row for metric in registry.METRICS[::-1] for row in metric(comparison)]
    np.testing.assert_equal(numbers(backwards), before)
    more = {"first": [{"psi": [-1.0, 0.5]}]} | SETTINGS["basins"]
    differences = {"first": ["first", "left"]} | SETTINGS["differences"]
    after = numbers(all_rows(judged(basins=more, differences=differences)))
    for name, row in before.items():
        np.testing.assert_equal(after[name], row, err_msg=name)


def test_seeds_and_names_tell_streams_apart():
    draws = [
        stream(*names).standard_normal(3).tolist()
        for names in ((1, "a", "b"), (2, "a", "b"), (1, "a", "c"), (1, "ab"), (1, "b", "a"))
    ]
    assert len({tuple(one) for one in draws}) == len(draws)
    assert stream(1, "a", "b").standard_normal(3).tolist() == draws[0]
    errors = [numbers(all_rows(judged(seed)))["delta_f_sides_error"]["stderr"] for seed in (1, 2)]
    assert errors[0] != errors[1]
    # The errors of two bootstraps with 200 draws and 19 units differ by some per cent.
    assert abs(errors[0] / errors[1] - 1) < 0.4


def test_model_and_reference_are_resampled_independently():
    """With the same frames on both sides their draws must not be the same."""
    comparison = compare(SIDES[0], SIDES[0], TORSIONS, **SETTINGS)
    assert (comparison.surface.model == comparison.surface.reference).all()
    assert not np.array_equal(comparison.surface.model_draws, comparison.surface.reference_draws)
