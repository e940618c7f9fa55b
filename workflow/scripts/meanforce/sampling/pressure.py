"""Atomistic pressure of stored frames, from the energies of slightly scaled boxes.

P = N kT/V − ∂U/∂V, where the centres of the N molecules are moved with the box and the molecules
are not deformed, as by the Monte Carlo barostat; it holds with constraints and with every force of
OpenMM. Åqvist et al., Chem. Phys. Lett. 384, 288 (2004).
"""

import dataclasses

import numpy as np
import openmm

from meanforce.core.pressure import BAR
from meanforce.data.trajectory import TrajectoryReader
from meanforce.units import kt

FRAMES = 100
"""Frames that are evaluated, evenly spaced."""

STEP = 1e-3
"""Relative change of lengths. Energies in single precision need a step as large as this."""

BLOCKS = 10
"""Of time, for the error."""


@dataclasses.dataclass(frozen=True)
class Pressure:
    """Mean pressure of a run.

    Attributes:
        value: bar.
        stderr: from blocks of time, bar.
    """

    value: float
    stderr: float


def pressure_of(
    context: openmm.Context, frames: TrajectoryReader, masses: np.ndarray
) -> Pressure | None:
    """Mean pressure over some frames; None without a box, or with frames of several temperatures.

    Args:
        context: of the unbiased system.
        frames: of the run.
        masses: of the atoms, u, shape (n_atoms,); 0 for sites without mass.
    """
    if not frames.is_periodic or frames.temperatures() is not None or frames.n_frames < BLOCKS:
        return None
    molecules = [np.array(part) for part in context.getMolecules()]
    owner = np.empty(len(masses), dtype=int)
    for number, part in enumerate(molecules):
        owner[part] = number
    weights = np.maximum(masses, 1e-12)
    total = np.bincount(owner, weights=weights)
    thermal = len(molecules) * kt(float(frames.attributes["temperature"]))
    number = min(FRAMES, frames.n_frames)
    found = []
    for frame in np.arange(number) * frames.n_frames // number:
        chosen = slice(int(frame), int(frame) + 1)
        positions = frames.positions(chosen)[0].astype(float)
        box = frames.boxes(chosen)[0] if frames.has_boxes else frames.box()
        centres = np.stack(
            [np.bincount(owner, weights=weights * x) / total for x in positions.T], axis=1
        )
        energies = []
        for scale in (1 + STEP, 1 - STEP):
            context.setPeriodicBoxVectors(*(scale * np.asarray(box, dtype=float)))
            context.setPositions(positions + (scale - 1) * centres[owner])
            state = context.getState(energy=True)
            energies.append(state.getPotentialEnergy()._value)
        virial = -(energies[0] - energies[1]) / (2 * STEP)
        found.append((thermal + virial / 3) / abs(np.linalg.det(box)) / BAR)
    means = [np.mean(part) for part in np.array_split(found, BLOCKS)]
    return Pressure(float(np.mean(found)), float(np.std(means, ddof=1) / np.sqrt(BLOCKS)))
