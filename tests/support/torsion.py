"""A molecule whose free energies are known, and how tests sample it.

A chain of four particles with stiff bonds and angles and the torsion potential k(1 + cos φ) has
F(φ) = k(1 + cos φ): bonds and angles do not depend on φ.
"""

import math

import numpy as np
import openmm
from openmm import app, unit

from meanforce.core.beads import Beads
from meanforce.data.trajectory import TrajectoryReader
from meanforce.restart.job import Job
from meanforce.sampling.collective_variables import as_variable
from meanforce.sampling.engine import Engine
from meanforce.sampling.registry import dynamics_of
from meanforce.sampling.task import Host, Task
from meanforce.settings.campaigns.metadynamics import MetadynamicsSettings
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.systems.prepared import Prepared
from meanforce.units import kt

BARRIER = 8.0
"""2k of the torsion, kJ/mol."""

PROTOCOL = {
    "length": 400.0, "stride": 0.1, "time_step": 0.005, "friction": 5.0, "equilibration": 5.0,
    "platform": "Reference",
}  # fmt: skip
PHI = CollectiveVariableSettings(kind="dihedral", mapping="all", beads=["A", "B", "C", "D"])
BEADS = Beads.of_beads(
    names=("A", "B", "C", "D"),
    atoms=((0,), (1,), (2,), (3,)),
    weights=((1.0,),) * 4,
    bonds=((0, 1), (1, 2), (2, 3)),
    masses=np.full(4, 12.0),
)


def molecule() -> Prepared:
    system = openmm.System()
    for _ in range(4):
        system.addParticle(12.0)
    bonds, angles = openmm.HarmonicBondForce(), openmm.HarmonicAngleForce()
    for i in range(3):
        bonds.addBond(i, i + 1, 0.15, 50000.0)
    for i in range(2):
        angles.addAngle(i, i + 1, i + 2, 1.9, 500.0)
    torsion = openmm.PeriodicTorsionForce()
    torsion.addTorsion(0, 1, 2, 3, 1, 0.0, BARRIER / 2)
    for force in (bonds, angles, torsion):
        system.addForce(force)
    topology = app.Topology()
    residue = topology.addResidue("MOL", topology.addChain())
    for name in "ABCD":
        topology.addAtom(name, app.Element.getBySymbol("C"), residue)
    positions = [[0.0, 0.14, 0], [0, 0, 0], [0.15, 0, 0], [0.15, -0.14, 0.02]]
    return Prepared(system, topology, np.array(positions) * unit.nanometer)


def job_in(folder) -> Job:
    folder.mkdir(exist_ok=True)
    return Job(folder, {})


def make_engine(campaign, folder, seed=3, system=None, variable=None, **task) -> tuple[Engine, Job]:
    variables = {}
    if campaign.biased_variables:
        variables = {campaign.biased_variables[0]: as_variable(variable or PHI, BEADS, "variable")}
    prepared = system or molecule()
    task = Task(campaign, variables, 300.0, seed, **task)
    job = job_in(folder)
    dynamics = dynamics_of(task, Host(prepared))
    return Engine(dynamics, campaign, 300.0, prepared.topology, job, lambda line: None), job


def run(campaign, folder, seed=3, **task) -> TrajectoryReader:
    engine, job = make_engine(campaign, folder, seed, **task)
    engine.run(job.load(), folder / "trajectory.h5", folder / "log.csv", folder / "segments.csv")
    return TrajectoryReader(folder / "trajectory.h5")


def metadynamics(**changes) -> MetadynamicsSettings:
    values = {
        "kind": "metadynamics", "collective_variables": ["phi"], "height": 0.5, "width": [0.3],
        "pace": 0.25, "bias_factor": 5.0, "bins": 60, "burn_in": 100.0,
    }  # fmt: skip
    return MetadynamicsSettings.model_validate(
        PROTOCOL | values | changes, context={"internal": True}
    )


def dihedral(positions: np.ndarray) -> np.ndarray:
    import mdtraj

    trajectory = mdtraj.Trajectory(positions, None)
    return mdtraj.compute_dihedrals(trajectory, [[0, 1, 2, 3]])[:, 0]


def exact_populations(bins: int, temperature: float = 300.0) -> np.ndarray:
    centers = (np.arange(bins) + 0.5) * 2 * math.pi / bins - math.pi
    weights = np.exp(-BARRIER / 2 * (1 + np.cos(centers)) / kt(temperature))
    return weights / weights.sum()
