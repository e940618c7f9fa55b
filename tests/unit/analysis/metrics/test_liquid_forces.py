"""Force errors in a liquid: a perfect model is at the bound of the noise, a wrong one beyond."""

import dataclasses

import numpy as np
import pytest
from comparisons import by_name
from gases import comparison_of, switched
from liquids import argon

from meanforce.analysis.comparison import ReferenceForces
from meanforce.analysis.metrics import force_error
from meanforce.analysis.metrics.force_error import UNIT
from meanforce.analysis.rows import Row

NOISE = 20.0
"""kJ/mol/nm, added to the forces; these are about 40."""


def rows(factor: float) -> dict[str, Row]:
    """Rows of a model whose well is deeper by a factor."""
    liquid = argon(120)
    forces = liquid.frames.forces.double().numpy()
    forces = forces + np.random.default_rng(1).normal(0, NOISE, forces.shape)
    pair = dataclasses.replace(liquid.pair, epsilon=factor * liquid.pair.epsilon)
    return by_name(
        force_error.rows(comparison_of(liquid, switched(pair), forces=ReferenceForces(forces)))
    )


def test_a_perfect_model_of_a_liquid_has_the_noise_of_the_forces_and_no_verdict():
    """As the bound is of sums over pairs only, it cannot show that a model is right."""
    found = rows(1.0)
    # Of 92,160 components: known to 0.25 %.
    assert found["force_rmse"].value == pytest.approx(NOISE / UNIT, rel=0.0125)
    assert found["force_irreducible"].value == pytest.approx(NOISE / UNIT, rel=0.0125)
    assert np.isnan(found["force_rmse"].resolution)


def test_a_wrong_model_of_a_liquid_is_beyond_the_noise_of_the_forces():
    """Forces that are a fifth too large are 8 kJ/mol/nm off: 8 % more than the noise."""
    found = rows(1.2)
    assert found["force_rmse"].value > 1.05 * NOISE / UNIT
    assert found["force_irreducible"].value == pytest.approx(NOISE / UNIT, rel=0.02)
    assert found["force_rmse"].value > found["force_rmse"].resolution
