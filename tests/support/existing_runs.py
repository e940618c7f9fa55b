"""Short runs of capped alanine as other programs would have left them, written by MDAnalysis."""

import dataclasses
from pathlib import Path

import MDAnalysis
import numpy as np
import openmm
from openmm import unit

from meanforce.jobs.import_frames import ImportJob
from meanforce.sampling.external.one_job import ImportInputs, import_frames
from meanforce.settings.systems.peptide import PeptideSettings
from meanforce.systems.prepared import Prepared
from meanforce.systems.registry import build
from meanforce.systems.topology import prepared_topology

STEP = 0.02
"""Time between frames, ps."""


@dataclasses.dataclass(frozen=True)
class Run:
    """Frames with the forces of the force field.

    Attributes:
        positions: nm, shape (n, n_atoms, 3).
        forces: kJ/mol/nm, shape (n, n_atoms, 3).
        times: ps, shape (n,).
        box: nm, shape (3, 3), or None.
    """

    positions: np.ndarray
    forces: np.ndarray
    times: np.ndarray
    box: np.ndarray | None = None

    def __getitem__(self, chosen: slice) -> "Run":
        return Run(self.positions[chosen], self.forces[chosen], self.times[chosen], self.box)


def prepared_alanine(root: Path, folder: Path) -> Prepared:
    """Capped alanine in implicit solvent, written to a folder."""
    settings = PeptideSettings(
        kind="peptide", structure=str(root / "resources/capped_alanine.pdb"),
        force_field=["amber99sbildn.xml", "amber99_obc.xml"],
    )  # fmt: skip
    made = build(settings, seed=1)
    made.write(folder)
    return made


def dynamics(prepared: Prepared, n_frames: int, seed: int = 1) -> Run:
    """A run of a prepared system."""
    integrator = openmm.LangevinMiddleIntegrator(300.0, 5.0, 0.002)
    integrator.setRandomNumberSeed(seed)
    platform = openmm.Platform.getPlatformByName("Reference")
    context = openmm.Context(prepared.system, integrator, platform)
    context.setPositions(prepared.positions)
    context.setVelocitiesToTemperature(300.0, seed)
    periodic = prepared.system.usesPeriodicBoundaryConditions()
    shape = (n_frames, prepared.system.getNumParticles(), 3)
    positions, forces = np.empty(shape, np.float32), np.empty(shape, np.float32)
    for number in range(n_frames):
        integrator.step(round(STEP / 0.002))
        positions[number] = context.getState(positions=True).getPositions(asNumpy=True)._value
        # Of the rounded positions, which are those in the file.
        context.setPositions(positions[number].astype(float))
        state = context.getState(forces=True)
        forces[number] = state.getForces(asNumpy=True)._value
    box = None
    if periodic:
        box = np.array(state.getPeriodicBoxVectors().value_in_unit(unit.nanometer))
    return Run(positions, forces, STEP * np.arange(n_frames), box)


def write(path: Path, run: Run, **options) -> str:
    """Write frames in the format of the path's suffix, through MDAnalysis; returns the path."""
    universe = MDAnalysis.Universe.empty(
        run.positions.shape[1], trajectory=True, forces=True, velocities=False
    )
    with MDAnalysis.Writer(str(path), run.positions.shape[1], **options) as writer:
        for number, time in enumerate(run.times):
            step = universe.trajectory.ts
            # MDAnalysis works in Å and kJ/mol/Å.
            step.positions, step.forces = 10.0 * run.positions[number], run.forces[number] / 10.0
            step.time, step.frame = time, number
            if run.box is not None:
                step.triclinic_dimensions = 10.0 * run.box
            writer.write(universe)
    return str(path)


def job(files: list[str], **changes) -> ImportJob:
    """A job that imports files of one trajectory; further keys are those of the trajectory."""
    own = {name: changes.pop(name) for name in list(changes) if name in ImportJob.model_fields}
    values = {
        "forces": "file", "disagreement": "refuse", "has_force_field": True, "temperature": 300.0,
        "biased": [], "collective_variables": {},
        "trajectory": {"files": files, "state_point": "T300"} | changes,
    }  # fmt: skip
    return ImportJob.of(**(values | own))


def imported(job: ImportJob, folder: Path, output: Path, mapped=None) -> list[str]:
    """Import into a folder; returns the lines that were reported."""
    lines: list[str] = []
    output.mkdir(exist_ok=True)
    topology = prepared_topology(folder / "topology.cif")
    inputs = ImportInputs(Prepared.read(folder), topology, mapped or {}, 1)
    import_frames(job, inputs, output, lines.append)
    return lines
