"""Molecules that a periodic box has cut in a file: forces are those of whole ones."""

import dataclasses

import ethanol
import numpy as np
import openmm
import pytest
from existing_runs import Run, dynamics, imported, job, write
from openmm import app, unit

from meanforce.data.trajectory import TrajectoryReader
from meanforce.sampling.external.force_agreement import recomputed
from meanforce.systems.prepared import Prepared

EDGE = 1.9


def ethanol_in_a_box(folder) -> Prepared:
    """One flexible molecule at the origin, so that a cut bond has a huge force."""
    structure = app.PDBFile(str(ethanol.pdb(folder / "e.pdb")))
    model = app.Modeller(structure.topology, structure.positions)
    return _boxed(app.ForceField(str(ethanol.ffxml(folder / "e.xml"))), model)


def water_of_four_sites(folder) -> Prepared:
    """Rigid, with a site that no bond joins to its molecule."""
    field = app.ForceField("tip4pew.xml")
    model = app.Modeller(app.Topology(), [] * unit.nanometer)
    edges = openmm.Vec3(EDGE, EDGE, EDGE) * unit.nanometer
    model.addSolvent(field, boxSize=edges, model="tip4pew")
    return _boxed(field, model)


def _boxed(field: app.ForceField, model: app.Modeller) -> Prepared:
    model.topology.setPeriodicBoxVectors(EDGE * np.eye(3) * unit.nanometer)
    system = field.createSystem(
        model.topology, nonbondedMethod=app.PME, nonbondedCutoff=0.8 * unit.nanometer
    )
    return Prepared(system, model.topology, model.positions)


def wrapped(run: Run) -> Run:
    """All atoms inside the box, each by itself, as LAMMPS and GROMACS write them."""
    positions = (run.positions - EDGE * np.floor(run.positions / EDGE)).astype("f4")
    return dataclasses.replace(run, positions=positions)


@pytest.mark.parametrize("make", [ethanol_in_a_box, water_of_four_sites])
def test_forces_of_molecules_in_pieces(tmp_path, make):
    prepared = make(tmp_path)
    prepared.write(tmp_path / "prepared")
    run = dynamics(prepared, 4)
    # So that the ethanol, and many water molecules, lie on the edges of the box.
    center = run.positions[0, :9].mean(axis=0)
    pieces = wrapped(dataclasses.replace(run, positions=run.positions - center))
    boxes = np.broadcast_to(run.box, (4, 3, 3))
    wrong = recomputed(prepared, pieces.positions, boxes, 1)
    assert np.abs(wrong - run.forces).max() > 0.03 * np.abs(run.forces).max()
    for suffix, options in (("trr", {}), ("ncdf", {"forces": True})):
        path = write(tmp_path / f"run.{suffix}", pieces, **options)
        # With the forces of the file, which are compared with recomputed ones, and without.
        lines = imported(job([path]), tmp_path / "prepared", tmp_path / "made")
        assert any("relative deviation" in line for line in lines)
        imported(job([path], forces="recompute"), tmp_path / "prepared", tmp_path / "made")
        with TrajectoryReader(tmp_path / "made" / "trajectory.h5") as frames:
            positions = frames.positions(slice(None))
        apart = (positions - run.positions + center) / EDGE
        np.testing.assert_allclose(apart, np.round(apart), atol=1e-5)
        found = recomputed(prepared, positions, boxes, 1)
        np.testing.assert_allclose(found, run.forces, rtol=2e-3, atol=2.0)
