"""Iterative fits to united-atom ethane, mapped one to one, return its pair potential and its bond.

Force matching of the same liquid: `test_fits_of_liquids.py`.
"""

import dataclasses

import numpy as np
import pytest
import torch
from inversions import settings, silent
from liquids import BOND, STIFFNESS, ethane

from meanforce.fitting.iterative.loop import CONVERGED
from meanforce.fitting.iterative.registry import KINDS
from meanforce.units import kt

TERMS = {"bonds": {"functions": 12}, "pairs": {"cutoff": 1.0, "functions": 32, "exclude": 2}}
RUN = {
    "chains": 2, "time_step": 0.004, "friction": 2.0, "equilibration": 1.0, "length": 24.0,
    "stride": 0.12,
}  # fmt: skip


def fitted(kind: str, **given):
    liquid = ethane(200)
    frames = dataclasses.replace(liquid.frames, masses=np.full(250, 15.035))
    chosen = settings(TERMS, kind=kind, run=RUN, at_most=15, **given)
    return liquid, KINDS[kind](chosen, frames, {}, 0, 3, silent)


def off(liquid, potential) -> tuple[float, float]:
    """Largest error of the pair potential where g > 0.05, and of the bond within 2 sd, in kT."""
    unit = kt(liquid.temperature)
    names = {curve.kind: number for number, curve in enumerate(potential.curves)}
    r = liquid.places()
    pair = potential.curve(torch.from_numpy(r).float(), liquid.temperature, names["pairs"])[0]
    of_pair = abs(pair.numpy() - liquid.pair.energy(r)).max() / unit
    b = BOND + np.linspace(-2, 2, 41) * np.sqrt(unit / STIFFNESS)
    bond = potential.curve(torch.from_numpy(b).float(), liquid.temperature, names["bonds"])[0]
    of_bond = (bond.numpy() - 0.5 * STIFFNESS * (b - BOND) ** 2) / unit
    return float(of_pair), float(abs(of_bond - np.median(of_bond)).max())


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "given", "wanted"),
    [
        ("relative_entropy", {"start": "direct_inversion"}, 0.1),
        ("inverse_monte_carlo", {"inversion_steps": 2}, 0.2),
        # Its g is at its floor, which hardly depends on the potential's tail.
        ("boltzmann_inversion", {}, 0.6),
    ],
)
def test_the_potential_comes_back(kind, given, wanted):
    liquid, made = fitted(kind, **given)
    assert made.about["ended"] == CONVERGED
    pair, bond = off(liquid, made.potential)
    assert pair < wanted
    assert bond < 0.15
