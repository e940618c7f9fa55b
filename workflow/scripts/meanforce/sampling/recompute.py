"""The stage `forces`: unbiased energies and forces of every stored frame.

Runs that stored forces themselves are checked here too.
"""

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
from meanforce.sampling.pressure import masses_of, pressure_of
from meanforce.systems.platform import choose_platform, platform_properties
from meanforce.systems.prepared import Prepared

PART = 128
"""Frames whose forces are kept in memory before they are written."""

TOLERANCE = 1e-4
"""Largest root mean square deviation from in-run forces, relative to the forces."""


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
            context = _context(prepared, frames, threads)
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
                pressure = pressure_of(context, frames, masses_of(prepared.system))
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
    _refuse_other_forces(deviation, trajectory, report)
    progress.finish()


def check_whole_frames(
    prepared: Prepared, trajectory: Path, threads: int, report: Callable[[str], None]
) -> None:
    """Recompute forces on the whole frames of a run that stored some atoms with their forces.

    The deviation is that of the stored atoms' forces.

    Raises:
        InputError: the forces differ from the in-run ones.
    """
    with TrajectoryReader(trajectory) as frames:
        positions, atoms = frames.array("whole_positions"), frames.stored_atoms
        in_run = frames.array("whole_forces")[:, atoms]
        progress = Progress(report, len(positions), rate=Rate("frames/s"))
        with progress.during("setting up forces"):
            context = _context(prepared, frames, threads)
    again = np.empty_like(in_run)
    for number, frame in enumerate(positions):
        progress.advance(number, "checking forces on whole frames")
        context.setPositions(frame)
        again[number] = context.getState(forces=True).getForces(asNumpy=True)._value[atoms]
    _refuse_other_forces(_relative(again, in_run), trajectory, report)
    progress.finish()


def _refuse_other_forces(deviation: float, trajectory: Path, report: Callable[[str], None]) -> None:
    report(f"relative deviation from the in-run unbiased forces: {deviation:.1e}")
    if not deviation < TOLERANCE:
        raise InputError(
            f"{trajectory}: recomputed forces differ from the in-run unbiased ones by "
            f"{deviation:.1e} (allowed {TOLERANCE:g}); trajectory and system do not belong together"
        )


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


def _context(prepared: Prepared, frames: TrajectoryReader, threads: int) -> openmm.Context:
    platform = choose_platform(
        frames.attributes["platform"], prepared.system, prepared.positions, threads
    )
    context = openmm.Context(
        prepared.system,
        openmm.VerletIntegrator(0.001),
        platform,
        platform_properties(platform, threads),
    )
    if frames.is_periodic and not frames.has_boxes:
        context.setPeriodicBoxVectors(*frames.box())
    return context


def _deviation(done: RecordFile, frames: TrajectoryReader) -> float | None:
    """Root mean square deviation from the in-run forces, relative to them; None without any."""
    checked = frames.array("checked_frames")
    if not len(checked):
        return None
    return _relative(done.take(checked)["forces"], frames.array("checked_forces"))


def _relative(again: np.ndarray, in_run: np.ndarray) -> float:
    """Root mean square deviation of forces relative to the in-run ones."""
    in_run = in_run.astype(float)
    square = float(((again - in_run) ** 2).sum())
    return float(np.sqrt(square / max((in_run**2).sum(), 1e-300)))
