"""The stage `forces`: unbiased energies and forces of every stored frame."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import openmm

from meanforce.data.forces import BLOCK, force_type, write_forces
from meanforce.data.trajectory import TrajectoryReader
from meanforce.errors import InputError
from meanforce.progress import Progress, Rate
from meanforce.restart.job import Job
from meanforce.restart.records import RecordFile
from meanforce.sampling.in_run_forces import context_of, refuse_other_forces, relative_deviation
from meanforce.sampling.pressure import pressure_of
from meanforce.systems.masses import particle_masses
from meanforce.systems.prepared import Prepared

PART = 128
"""Frames whose forces are kept in memory before they are written."""


def recompute(
    prepared: Prepared,
    trajectory: Path,
    output: Path,
    threads: int,
    job: Job,
    report: Callable[[str], None],
) -> None:
    """Write potential energies (kJ/mol) and forces (kJ/mol/nm) of all frames without the bias.

    In a periodic box, the mean pressure of some frames (bar) and its error are attributes.

    They are compared with the force-group values that the run stored for some frames.

    Raises:
        InputError: the forces differ from the in-run ones, or are not finite.
        Stopped: the job was asked to stop.
    """
    bundle = job.load()
    n_atoms = prepared.system.getNumParticles()
    kind = force_type(n_atoms)
    ends = tuple(bundle.info["file"]) if bundle else (0, 0)
    done = RecordFile(job.folder / "forces.raw", kind, ends)
    with TrajectoryReader(trajectory) as frames:
        if frames.n_atoms != n_atoms:
            raise InputError(
                f"{trajectory}: has {frames.n_atoms} atoms, but the prepared system has {n_atoms}"
            )
        progress = Progress(report, frames.n_frames, len(done), Rate("frames/s"))
        with progress.during("setting up forces"):
            context = context_of(prepared, frames, threads)
        block = max(1, BLOCK // (24 * n_atoms))
        for start in range(len(done), frames.n_frames, block):
            chosen = slice(start, start + block)
            positions = frames.positions(chosen).astype(float)
            boxes = frames.boxes(chosen) if frames.has_boxes else None
            for first in range(0, len(positions), PART):
                part = slice(first, first + PART)
                cells = None if boxes is None else boxes[part]
                _evaluate(context, positions[part], cells, done, job, progress)
        progress.advance(frames.n_frames, "forces of frames")
        pressure = None
        if prepared.periodic:
            with progress.during("pressure of some frames"):
                pressure = pressure_of(context, frames, particle_masses(prepared.system))
        deviation = _deviation(done, frames)
        content = frames.attributes["content"]
        with progress.during("writing files"):
            compared = {} if deviation is None else {"deviation_from_run": deviation}
            if pressure is not None:
                compared |= {"pressure": pressure.value, "pressure_stderr": pressure.stderr}
            write_forces(output, done, compared | {"trajectory": content})
    done.close()
    if deviation is None:
        report("the run stored no forces to compare these with")
        return progress.finish()
    refuse_other_forces(deviation, trajectory, report)
    progress.finish()


def _evaluate(
    context: openmm.Context,
    positions: np.ndarray,
    boxes: np.ndarray | None,
    done: RecordFile,
    job: Job,
    progress: Progress,
) -> None:
    """Energies and forces of some frames, written together because single writes take longer."""
    records, kept, before = np.empty(len(positions), done.kind), 0, len(done)
    energies, forces = records["energy"], records["forces"]
    for number, frame in enumerate(positions):
        progress.advance(before + number, "forces of frames")
        if boxes is not None:
            context.setPeriodicBoxVectors(*boxes[number])
        context.setPositions(frame)
        state = context.getState(forces=True, energy=True)
        energies[number] = state.getPotentialEnergy()._value
        forces[number] = state.getForces(asNumpy=True)._value
        # For a large system even these few frames take minutes.
        if job.due():
            done.append(records[kept : number + 1])
            kept = number + 1
            job.save({}, {"file": list(done.position())})
    done.append(records[kept:])


def _deviation(done: RecordFile, frames: TrajectoryReader) -> float | None:
    """Root mean square deviation from the in-run forces, relative to them; None without any."""
    checked = frames.array("checked_frames")
    if not len(checked):
        return None
    return relative_deviation(done.take(checked)["forces"], frames.array("checked_forces"))
