"""Dumps that LAMMPS wrote (tests/data/lammps/make.py), against OpenMM: units, boxes, wrapping."""

from pathlib import Path

import mdtraj
import numpy as np
import openmm
import pytest
from existing_runs import imported, job
from MDAnalysis.lib.formats.libmdaxdr import TRRFile
from openmm import app, unit

from meanforce.data.forces import ForcesReader
from meanforce.data.h5md import H5mdReader
from meanforce.data.trajectory import TrajectoryReader
from meanforce.errors import InputError
from meanforce.mapping.apply import Files, map_replica
from meanforce.mapping.configuration import build_beads
from meanforce.mapping.system_atoms import SystemAtoms
from meanforce.restart.job import Job
from meanforce.sampling.external.force_agreement import recomputed
from meanforce.sampling.recompute import recompute
from meanforce.settings.mappings import MappingSettings
from meanforce.systems.prepared import Prepared
from meanforce.units import KCAL

BOX = np.diag([1.8, 1.6, 2.0])
UNITS = {
    "real": {"units": "real", "time_step": 0.001},
    "metal": {"units": "metal", "time_step": 0.001},
    # σ is 3 Å and ε 0.1 kcal/mol.
    "lj": {"units": {"length": 0.3, "energy": 0.1 * KCAL}, "time_step": 0.001},
}


def pairs() -> Prepared:
    """Two molecules of two atoms: 2·300 kcal/mol/Å² in OpenMM's convention."""
    system = openmm.System()
    bonds, others = openmm.HarmonicBondForce(), openmm.NonbondedForce()
    bonds.setUsesPeriodicBoundaryConditions(True)
    others.setNonbondedMethod(openmm.NonbondedForce.CutoffPeriodic)
    others.setCutoffDistance(0.6)
    others.setUseDispersionCorrection(False)
    topology = app.Topology()
    chain = topology.addChain()
    for first in (0, 2):
        residue = topology.addResidue("MOL", chain)
        for name, mass in (("C", 12.011), ("O", 15.999)):
            system.addParticle(mass)
            others.addParticle(0.0, 0.3, 0.1 * KCAL)
            topology.addAtom(name, app.Element.getBySymbol(name), residue)
        atoms = list(residue.atoms())
        topology.addBond(*atoms)
        bonds.addBond(first, first + 1, 0.12, 600.0 * KCAL * 100.0)
        others.addException(first, first + 1, 0.0, 1.0, 0.0)
    system.setDefaultPeriodicBoxVectors(*BOX)
    topology.setPeriodicBoxVectors(BOX * unit.nanometer)
    system.addForce(bonds)
    system.addForce(others)
    positions = np.array([[0.01, 0.8, 1.0], [1.7, 0.8, 1.0], [1.0, 1, 1.3], [1.1, 1, 1.3]])
    return Prepared(system, topology, positions * unit.nanometer)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    pairs().write(folder)
    return folder


@pytest.mark.parametrize("style", UNITS)
def test_forces_are_those_of_openmm(prepared, root, tmp_path, style):
    dump = str(root / "tests" / "data" / "lammps" / f"{style}.dump")
    lines = imported(job([dump], **UNITS[style]), prepared, tmp_path)
    with TrajectoryReader(tmp_path / "trajectory.h5") as frames:
        # Dumps have eight digits, and numbers of steps.
        assert frames.attributes["forces_checked"]["deviation"] < 1e-5
        np.testing.assert_allclose(frames.times(), np.arange(0, 60, 10) * 0.001)
        np.testing.assert_allclose(frames.box(), BOX, atol=1e-9)
    assert not [line for line in lines if "warning" in line]


def test_another_unit_style_is_refused(prepared, root, tmp_path):
    dump = str(root / "tests" / "data" / "lammps" / "metal.dump")
    with pytest.raises(InputError, match="forces of the files differ from recomputed ones"):
        imported(job([dump], **UNITS["real"]), prepared, tmp_path)


def varying(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Frames of one configuration, each atom wrapped, in boxes that change; see the LAMMPS run."""
    rng, prepared = np.random.default_rng(2), pairs()
    start = np.array(prepared.positions._value)
    start[1, 0] -= 1.8
    boxes = np.array([BOX * (1 + 0.02 * k) + np.tril(0.05 * k * np.ones((3, 3)), -1)
                      for k in range(8)])  # fmt: skip
    whole = start + rng.normal(0, 0.002, (8, 4, 3))
    # The boundary goes through the first molecule.
    moved = whole - whole[:, :2].mean(axis=1, keepdims=True)
    inverse = np.linalg.inv(boxes)
    wrapped = moved - np.floor(moved @ inverse) @ boxes
    with TRRFile(str(path), "w") as file:
        for k in range(8):
            x, box = wrapped[k].astype("f4"), boxes[k].astype("f4")
            file.write(x, None, np.zeros((4, 3), "f4"), box, k, float(k), 0.0, 4)
    return whole, boxes


def test_boxes_that_change_reach_the_dataset(prepared, tmp_path):
    """As at constant pressure; molecules that the boundary cuts are whole in each frame's box."""
    whole, boxes = varying(tmp_path / "run.trr")
    wanted = job([str(tmp_path / "run.trr")], forces="recompute")
    imported(wanted, prepared, tmp_path)
    output, table = tmp_path / "forces.h5", tmp_path / "maps.csv"
    work = Job(tmp_path, {})
    lines: list[str] = []
    recompute(pairs(), tmp_path / "trajectory.h5", output, 1, work, lines.append)
    assert "the run stored no forces to compare these with" in lines
    with TrajectoryReader(tmp_path / "trajectory.h5") as frames, ForcesReader(output) as forces:
        np.testing.assert_allclose(frames.boxes(slice(None)), boxes, atol=1e-6)
        with pytest.raises(InputError, match="has a periodic box that changes"):
            frames.box()
        given = frames.positions(slice(None))
        own = recomputed(pairs(), given, boxes, 1)
        np.testing.assert_allclose(forces.forces(slice(None)), own, rtol=1e-3, atol=0.5)
        # In the box of another frame they would be other ones; bonds of whole molecules are not.
        other = np.abs(recomputed(pairs(), given, boxes[[0] * 8], 1) - own).max()
        assert other > 1.0
        assert np.abs(forces.forces(slice(None)) - own).max() < 0.3 * other
    read = mdtraj.load(str(tmp_path / "trajectory.h5"))
    np.testing.assert_allclose(read.unitcell_vectors, boxes, atol=1e-5)
    settings = MappingSettings.model_validate(
        {"molecules": {"MOL": {"beads": {"C": ["C"], "O": ["O"]}}}, "force_map": "slice"}
    )
    topology = mdtraj.Topology.from_openmm(pairs().topology)
    beads = build_beads(settings, topology, "m")
    files = Files(tmp_path / "trajectory.h5", output, None, tmp_path / "cg.h5", table)
    map_replica(settings, beads, SystemAtoms.of(topology), files, None, print)
    with H5mdReader(tmp_path / "cg.h5") as dataset:
        np.testing.assert_allclose(dataset.boxes(), boxes, atol=1e-6)
        mapped = dataset.positions()
    for first in (0, 2):
        bond = whole[:, first + 1] - whole[:, first]
        np.testing.assert_allclose(mapped[:, first + 1] - mapped[:, first], bond, atol=1e-6)


@pytest.mark.parametrize("box", [np.zeros((3, 3)), np.full((3, 3), np.nan)])
def test_a_box_that_is_missing(prepared, tmp_path, box):
    positions = np.array(pairs().positions._value, "f4")
    with TRRFile(str(tmp_path / "run.trr"), "w") as file:
        for k in range(4):
            own = BOX if k < 2 else box
            file.write(positions, None, positions, own.astype("f4"), k, float(k), 0.0, 4)
    message = r"run\.trr: frame 2 has no periodic box, but the system has one"
    with pytest.raises(InputError, match=message):
        imported(job([str(tmp_path / "run.trr")], forces="recompute"), prepared, tmp_path)
    np.savez(tmp_path / "run.npz", positions=positions[None], time=np.zeros(1))
    with pytest.raises(InputError, match=r"run\.npz: has no periodic box, but the system"):
        imported(job([str(tmp_path / "run.npz")], forces="recompute"), prepared, tmp_path)
