"""Metadynamics along variables that are not periodic, and its bias on grids."""

import math

import numpy as np
import openmm
import pytest
from two_particles import pair

from meanforce.core.beads import Beads
from meanforce.data.trajectory import TrajectoryReader
from meanforce.sampling.collective_variables import Variable
from meanforce.sampling.grid import BiasGrid
from meanforce.settings.campaigns.metadynamics import MetadynamicsSettings
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.units import kt
from torsion import (
    PROTOCOL,
    make_engine,
)

pytestmark = pytest.mark.slow

INTERNAL = {"internal": True}


def test_metadynamics_along_a_variable_that_is_not_periodic(tmp_path, monkeypatch):
    import torsion

    distance = CollectiveVariableSettings(kind="distance", mapping="all", beads=["A", "B"])
    beads = Beads.of_beads(
        names=("A", "B"), atoms=((0,), (1,)), weights=((1.0,), (1.0,)), bonds=(),
        masses=np.full(2, 20.0),
    )  # fmt: skip
    monkeypatch.setattr(torsion, "PHI", distance)
    monkeypatch.setattr(torsion, "BEADS", beads)
    campaign = MetadynamicsSettings.model_validate(
        PROTOCOL
        | {
            "kind": "metadynamics", "collective_variables": ["phi"], "height": 0.5,
            "width": [0.04], "pace": 0.25, "bias_factor": 6.0, "burn_in": 200.0,
            "lower": [0.25], "upper": [0.95], "length": 2500.0,
        },
        context=INTERNAL,
    )  # fmt: skip
    engine, _ = make_engine(campaign, tmp_path / "pair", system=pair())
    made = [tmp_path / "pair" / name for name in ("t.h5", "l.csv", "s.csv")]
    engine.run(None, *made)
    with TrajectoryReader(made[0]) as frames:
        positions = frames.positions(slice(None)).astype(float)
        weights = np.exp(frames.array("log_weight"))
    r = np.linalg.norm(positions[:, 0] - positions[:, 1], axis=1)
    fine = np.linspace(0.2, 1.0, 4001)
    density = fine**2 * np.exp(-8 * ((fine - 0.6) ** 2 / 0.04 - 1) ** 2 / kt(300.0))
    exact = density[fine < 0.6].sum() / density.sum()
    blocks = [np.array_split(values, 14) for values in (weights, (r < 0.6) * weights)]
    total, inside = (np.array([block.sum() for block in part]) for part in blocks)
    estimate = inside.sum() / total.sum()
    error = math.sqrt(((inside - estimate * total) ** 2).sum() * 14 / 13) / total.sum()
    # Student with 13 degrees of freedom: 7 standard errors, false alarm 1e-5.
    assert abs(estimate - exact) < 7 * error
    assert error < 0.03
    # Both wells were visited often: the bias did its work.
    assert (np.diff((r > 0.6).astype(int)) != 0).sum() > 50


@pytest.mark.parametrize(
    "periodic", [(True,), (False,), (True, True), (True, False), (True, False, True)]
)
def test_openmm_and_grid_have_the_same_bias(periodic):
    """Splines through the grid against the sum of Gaussians that it was made of."""
    generator = np.random.default_rng(len(periodic))
    system = openmm.System()
    system.addParticle(1.0)
    variables, parts = [], []
    for number, wraps in enumerate(periodic):
        # A dihedral would need more particles; the energy x is as good a variable.
        force = openmm.CustomExternalForce("xyz"[number])
        force.addParticle(0)
        parts.append(force)
        variables.append(Variable((force,), wraps))
    lower = [-math.pi if wraps else -1.0 for wraps in periodic]
    upper = [math.pi if wraps else 2.0 for wraps in periodic]
    width = [0.4 if wraps else 0.25 for wraps in periodic]
    bins = [40 if wraps else 30 for wraps in periodic]
    grid = BiasGrid(tuple(variables), lower, upper, bins)
    centers = generator.uniform(lower, upper, (10, len(periodic)))
    for center in centers:
        grid.add(center, width, 1.5)
    force = grid.force()
    system.addForce(force)
    context = openmm.Context(
        system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference")
    )
    points = generator.uniform(lower, upper, (60, len(periodic)))
    if periodic[0]:
        points[0, 0], points[1, 0] = math.pi - 1e-6, -math.pi + 1e-6
    for point in points:
        position = np.zeros((1, 3))
        position[0, : len(periodic)] = point
        context.setPositions(position)
        difference = np.abs(point - centers)
        wrapped = np.where(periodic, np.minimum(difference, 2 * math.pi - difference), difference)
        exact = 1.5 * np.exp(-0.5 * ((wrapped / width) ** 2).sum(1)).sum()
        found = context.getState(energy=True).getPotentialEnergy()._value
        assert found == pytest.approx(exact, abs=0.03)
    if not periodic[-1]:
        # Beyond its ends the bias keeps its value there.
        position[0, len(periodic) - 1] = 5.0
        context.setPositions(position)
        state = context.getState(energy=True, forces=True)
        assert state.getForces(asNumpy=True)._value[0, len(periodic) - 1] == 0.0
