"""The Müller–Brown potential: published numbers, and the OpenMM force against the formula."""

import numpy as np
import openmm
import pytest

from meanforce.analysis.metrics.exact_pmf import features_of
from meanforce.settings.systems.muller_brown import MullerBrownSettings
from meanforce.systems import muller_brown
from meanforce.systems.muller_brown_surface import EXACT, energy, pmf
from meanforce.units import kt


def test_pmf_has_the_published_wells_and_barrier():
    x = np.linspace(10, 56, 4601)
    curve = pmf(x, 300.0) / kt(300.0)
    well, barrier = features_of(x, curve)
    assert well == pytest.approx(3.540, abs=2e-3)
    assert barrier == pytest.approx(5.299, abs=2e-3)
    assert x[np.argmin(curve)] == pytest.approx(23.05, abs=0.02)


def test_population_left_of_the_barrier():
    edges = np.array([0.0, 31.2, 60.0])
    assert EXACT.populations(edges, 300.0)[0] == pytest.approx(0.9617, abs=2e-3)


def test_openmm_energy_and_forces_are_the_formula():
    prepared = muller_brown.build(MullerBrownSettings(kind="muller_brown"))
    context = openmm.Context(
        prepared.system,
        openmm.VerletIntegrator(0.001),
        openmm.Platform.getPlatformByName("Reference"),
    )
    step = 1e-5
    for x, y in ((23.0, 31.0), (31.0, 20.0), (42.0, 8.0), (28.0, 13.0)):
        context.setPositions(np.array([[x, 5.0, -3.0], [7.0, y, 2.0]]))
        state = context.getState(energy=True, forces=True)
        forces = state.getForces(asNumpy=True)._value
        assert state.getPotentialEnergy()._value == pytest.approx(energy(x, y), rel=1e-9)
        slope_x = (energy(x + step, y) - energy(x - step, y)) / (2 * step)
        slope_y = (energy(x, y + step) - energy(x, y - step)) / (2 * step)
        assert forces[0] == pytest.approx([-slope_x, 0, 0], rel=1e-5, abs=1e-6)
        assert forces[1] == pytest.approx([0, -slope_y, 0], rel=1e-5, abs=1e-6)
