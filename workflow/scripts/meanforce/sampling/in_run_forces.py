"""Forces that a run stored, against recomputed ones."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import openmm

from meanforce.data.trajectory import TrajectoryReader
from meanforce.errors import InputError
from meanforce.progress import Progress, Rate
from meanforce.systems.platform import choose_platform, platform_properties
from meanforce.systems.prepared import Prepared

TOLERANCE = 1e-4
"""Largest root mean square deviation from in-run forces, relative to the forces."""


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
            context = context_of(prepared, frames, threads)
    again = np.empty_like(in_run)
    for number, frame in enumerate(positions):
        progress.advance(number, "checking forces on whole frames")
        context.setPositions(frame)
        again[number] = context.getState(forces=True).getForces(asNumpy=True)._value[atoms]
    refuse_other_forces(relative_deviation(again, in_run), trajectory, report)
    progress.finish()


def context_of(prepared: Prepared, frames: TrajectoryReader, threads: int) -> openmm.Context:
    """For forces without the bias, on the platform of the run."""
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


def relative_deviation(again: np.ndarray, in_run: np.ndarray) -> float:
    """Root mean square deviation of forces relative to the in-run ones."""
    in_run = in_run.astype(float)
    square = float(((again - in_run) ** 2).sum())
    return float(np.sqrt(square / max((in_run**2).sum(), 1e-300)))


def refuse_other_forces(deviation: float, trajectory: Path, report: Callable[[str], None]) -> None:
    """Report the deviation of recomputed forces from those of the run.

    Raises:
        InputError: it is too large.
    """
    report(f"relative deviation from the in-run unbiased forces: {deviation:.1e}")
    if not deviation < TOLERANCE:
        raise InputError(
            f"{trajectory}: recomputed forces differ from the in-run unbiased ones by "
            f"{deviation:.1e} (allowed {TOLERANCE:g}); trajectory and system do not belong together"
        )
