"""The PMF error of one-bead models against quadrature, and its floor; fixed seeds."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from comparisons import X, along_x, by_name

from meanforce.analysis import exact_pmf, populations
from meanforce.analysis.comparison import Comparison, axes_of
from meanforce.settings.job import validated
from meanforce.settings.validation import Validation
from meanforce.systems.muller_brown_surface import pmf
from meanforce.units import kt

SIZE, MEMBERS = 0.3, 5
SETTINGS = {
    "surface": ["x"], "lower": [10.0], "upper": [56.0], "bins": 92, "cutoff": 20.0,
    "basins": {"left": [{"x": (10.0, 31.2)}]},
}  # fmt: skip

GRID = np.linspace(5, 60, 1101)
EXACT = pmf(GRID, 300.0)


@pytest.fixture(autouse=True)
def _quadrature_once(monkeypatch):
    monkeypatch.setattr(exact_pmf, "pmf", lambda x, temperature: np.interp(x, GRID, EXACT))


class Member:
    """The exact PMF and a smooth error of variance SIZE² kT²."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._weights = SIZE * np.sqrt(2 / 12) * rng.standard_normal(12)

    def energy_and_forces(self, positions: torch.Tensor, temperature: float) -> tuple:
        x = positions[:, 0, 0].double().numpy()
        error = np.cos(np.pi * np.outer((x - 10) / 46, np.arange(1, 13))) @ self._weights
        return torch.from_numpy(np.interp(x, GRID, EXACT) + kt(temperature) * error), None


def compare(seed: int) -> Comparison:
    rng = np.random.default_rng(seed)
    validation = validated(Validation, SETTINGS, "validation")
    members = [Member(rng) for _ in range(MEMBERS)]
    exact = exact_pmf.exact_distribution(axes_of(validation, X).edges[0], 300.0)
    return Comparison(
        validation=validation, variables=X, temperature=300.0,
        model=along_x(rng.uniform(15, 45, 400)), reference=None, exact=exact, reference_forces=None,
        ensemble=SimpleNamespace(members=members, dtype=torch.float64), jackknife_folds=None,
        rng=rng,
    )  # fmt: skip


def test_models_that_err_by_their_spread_score_the_floor():
    rows = [by_name(exact_pmf.rows(compare(seed)))["pmf_rmse"] for seed in range(8)]
    scores, floors = ([getattr(row, key) ** 2 for row in rows] for key in ("value", "noise_floor"))
    # Some ten independent directions each: 8 means of squares are known to 16 %, floors to 8 %.
    assert np.mean(floors) == pytest.approx(np.mean(scores), rel=0.8)
    assert np.sqrt(np.mean(floors)) == pytest.approx(SIZE / np.sqrt(MEMBERS), rel=0.3)


def test_exact_population_left_of_the_barrier():
    """0.9617, by quadrature of the published surface."""
    row = by_name(populations.rows(compare(1)))["population_left_reference"]
    assert row.value == pytest.approx(0.9617, abs=0.002)
