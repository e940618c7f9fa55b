"""Pressure of stored frames of atoms against the pair potential's own virial; fixed seeds."""

from types import SimpleNamespace

import numpy as np
import openmm
import pytest
from comparisons import by_name
from gases import comparison_of, liquid_comparison, nothing, switched
from liquids import argon
from openmm import unit
from openmmtools.testsystems import LennardJonesFluid
from sampled_systems import STEPS, prepared_in, run_of, testsystem

from meanforce.analysis.metrics import pressure
from meanforce.analysis.samples import reference_sample
from meanforce.data.h5md import H5mdReader
from meanforce.sampling.pressure import pressure_of
from meanforce.systems.masses import particle_masses

SMALL = {"box_edge": "1.5 nm", "cutoff": "0.7 nm", "nonbondedMethod": "CutoffPeriodic"}
WATER = {"molecules": {"HOH": {"beads": {"W": ["O", "H1", "H2"]}}}}


def stored(positions: np.ndarray, box: np.ndarray, temperature: float, periodic: bool = True):
    """Frames as a trajectory's reader gives them."""
    return SimpleNamespace(
        n_frames=len(positions),
        is_periodic=periodic,
        has_boxes=False,
        positions=lambda frames: positions[frames],
        box=lambda: box,
        temperatures=lambda: None,
        attributes={"temperature": temperature},
    )


def context_of(system: openmm.System) -> openmm.Context:
    integrator = openmm.VerletIntegrator(0.001)
    return openmm.Context(system, integrator, openmm.Platform.getPlatformByName("Reference"))


def test_pressure_of_frames_of_argon():
    liquid = argon(40)
    width = liquid.pair.cutoff - liquid.pair.switch
    system = LennardJonesFluid(
        nparticles=256, reduced_density=0.7, cutoff=liquid.pair.cutoff * unit.nanometer,
        switch_width=width * unit.nanometer, dispersion_correction=False,
    ).system  # fmt: skip
    comparison = comparison_of(liquid, switched(liquid.pair))
    each = pressure.pressures(comparison, comparison.model, np.arange(40))
    frames = stored(liquid.frames.positions.numpy(), comparison.model.box, liquid.temperature)
    found = pressure_of(context_of(system), frames, particle_masses(system))
    # The step of 1e-3 of single precision: relative errors of its square, times 12·13.
    assert found.value == pytest.approx(each.mean(), abs=2e-3 * abs(each).max())
    blocks = each.reshape(10, 4).mean(axis=1)
    assert found.stderr == pytest.approx(blocks.std(ddof=1) / np.sqrt(10), rel=0.05)
    assert pressure_of(context_of(system), stored(*3 * [np.zeros(1)], False), np.ones(1)) is None


def test_molecules_are_not_deformed():
    """Stiff dimers without other forces are an ideal gas of molecules, whatever their bonds."""
    rng, box, count = np.random.default_rng(1), 3.0 * np.eye(3), 50
    system, bonds = openmm.System(), openmm.HarmonicBondForce()
    system.setDefaultPeriodicBoxVectors(*box)
    for number in range(2 * count):
        system.addParticle(1.0 + number % 2)
        if number % 2:
            bonds.addBond(number - 1, number, 0.1, 1e5)
    system.addForce(bonds)
    centres = rng.uniform(0, 3, (20, count, 1, 3))
    positions = (centres + rng.normal(0, 0.1, (20, count, 2, 3))).reshape(20, -1, 3)
    found = pressure_of(context_of(system), stored(positions, box, 300.0), particle_masses(system))
    assert found.value == pytest.approx(count / 27.0 * 300.0 * 0.1380649, rel=1e-3)


def test_pressure_comes_from_the_run_to_the_metrics(tmp_path):
    """Two runs of rigid water: sampled, recomputed, mapped to one bead each, and read."""
    paths = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        prepared = prepared_in(testsystem("WaterBox", **SMALL), tmp_path / name)
        run = run_of(prepared, WATER, length=12 * STEPS["stride"])
        with run.forces as forces, run.dataset as dataset:
            assert dataset.parameters["pressure"] == list(forces.pressure)
            assert forces.pressure[1] > 0 and np.isfinite(forces.pressure).all()
        paths.append(tmp_path / name / "dataset.h5")
    sample = reference_sample(paths, [], 4)
    with H5mdReader(paths[0]) as one, H5mdReader(paths[1]) as two:
        known = np.array([reader.parameters["pressure"] for reader in (one, two)])
    assert sample.pressure[0] == pytest.approx(known[:, 0].mean())
    assert sample.pressure[1] == pytest.approx(np.hypot(*known[:, 1]) / 2)
    rows = by_name(pressure.rows(liquid_comparison(sample, sample, nothing())))
    assert rows["pressure_reference"].value == sample.pressure[0]
    assert rows["pressure_reference"].stderr == sample.pressure[1]
    assert rows["pressure"].value != rows["pressure_reference"].value
    assert "pressure_error" not in rows
