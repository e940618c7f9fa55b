"""Inversion of liquid propane from published g(r), without any atomistic run.

Targets and potentials: Rühle, Junghans, Macromol. Theory Simul. 20, 472 (2011). Minutes each.
"""

import functools

import pandas as pd
import pytest
from inversions import settings
from liquid_boxes import needs_lammps
from published_propane import TERMS, problem, published_coefficients, starts

from meanforce.fitting.boltzmann_inversion import BoltzmannInversion
from meanforce.fitting.iterative.direct import direct_inversion
from meanforce.fitting.iterative.iterate import Iterate
from meanforce.fitting.iterative.loop import iterate
from meanforce.restart.job import or_temporary

RUN = {
    "chains": 2, "time_step": 0.002, "friction": 1.0, "equilibration": 2.0, "length": 10.0,
    "stride": 0.2, "engine": "lammps",
}  # fmt: skip
PAIRS = ("pairs_A_A", "pairs_A_B", "pairs_B_B")

pytestmark = [pytest.mark.slow, pytest.mark.long, needs_lammps]


def inverted(start, at_most: int, **fitting) -> Iterate:
    """Inversion of 200 molecules from some coefficients, or from what gives them for a problem."""
    run = RUN | fitting.pop("run", {})
    given = problem(starts(), settings(TERMS, run=run, at_most=at_most, **fitting))
    begin = start(given) if callable(start) else start
    with or_temporary(None) as job:
        now = iterate(given, BoltzmannInversion(given), begin, lambda line: None, job)
    print(pd.DataFrame(now.rows).T.to_string())
    return now


def total(row: dict, measure: str = "distance") -> float:
    """Σ over the pairs of types."""
    return sum(row[f"{measure}_{name}"] for name in PAIRS)


def test_one_more_step_from_the_published_potentials_comes_closer():
    """After five published steps, g is near its targets, but beyond the noise."""
    before, after = inverted(published_coefficients, 2, run={"length": 40.0}).rows
    assert total(before) > 3 * total(before, "floor")
    assert total(after) < total(before)


@functools.cache
def from_the_targets() -> Iterate:
    """From −kT ln g of the published tables alone."""
    return inverted(direct_inversion, 8, run={"length": 8.0})


def kept(now: Iterate) -> dict:
    """Numbers of the best iterate."""
    return next(row for row in now.rows if row["iteration"] == now.best.iteration)


def test_inversion_from_the_targets_alone_brings_g_near_its_noise():
    """The distances of −kT ln g are 10 floors."""
    now = from_the_targets()
    assert now.rows[0]["score"] > 8 and kept(now)["score"] < 2.5
    assert total(kept(now)) < 0.2 * total(now.rows[0])
