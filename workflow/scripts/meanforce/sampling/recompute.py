"""The stage `forces`: unbiased energies and forces of every stored frame."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import openmm

from meanforce.data.trajectory import TrajectoryReader
from meanforce.errors import InputError
from meanforce.sampling.platform import platform_properties
from meanforce.systems.prepared import Prepared

CHUNK = 5000
TOLERANCE = 1e-4
"""Largest root mean square deviation from in-run forces, relative to the forces."""


def recompute(
    prepared: Prepared,
    trajectory: Path,
    output: Path,
    threads: int,
    report: Callable[[str], None],
) -> None:
    """Write potential energies (kJ/mol) and forces (kJ/mol/nm) of all frames without the bias.

    They are compared with the force-group values that the run stored for some frames.

    Raises:
        InputError: the forces differ from the in-run ones.
    """
    with TrajectoryReader(trajectory) as frames, h5py.File(output, "w") as file:
        platform = openmm.Platform.getPlatformByName(frames.attributes["platform"])
        context = openmm.Context(
            prepared.system,
            openmm.VerletIntegrator(0.001),
            platform,
            platform_properties(platform, threads),
        )
        n_atoms = prepared.system.getNumParticles()
        if frames.n_atoms != n_atoms:
            raise InputError(
                f"{trajectory}: has {frames.n_atoms} atoms, but the prepared system {n_atoms}"
            )
        forces = file.create_dataset(
            "forces",
            (frames.n_frames, n_atoms, 3),
            "f4",
            chunks=(min(1000, frames.n_frames), n_atoms, 3),
        )
        energies = file.create_dataset("potential_energy", (frames.n_frames,), "f8")
        forces.attrs["unit"], energies.attrs["unit"] = "kJ mol-1 nm-1", "kJ mol-1"
        for start in range(0, frames.n_frames, CHUNK):
            positions = frames.positions(slice(start, start + CHUNK)).astype(float)
            block = np.empty_like(positions)
            energy = np.empty(len(positions))
            for number, frame in enumerate(positions):
                context.setPositions(frame)
                state = context.getState(forces=True, energy=True)
                block[number] = state.getForces(asNumpy=True)._value
                energy[number] = state.getPotentialEnergy()._value
            forces[start : start + len(block)] = block
            energies[start : start + len(block)] = energy
            report(f"{100 * (start + len(block)) / frames.n_frames:.0f} %")
        deviation = _deviation(frames, forces)
        file.attrs["deviation_from_run"] = deviation
        report(f"relative deviation from the in-run unbiased forces: {deviation:.1e}")
    if deviation > TOLERANCE:
        raise InputError(
            f"{trajectory}: recomputed forces differ from the in-run unbiased ones by "
            f"{deviation:.1e} (allowed {TOLERANCE:g}); trajectory and system do not belong together"
        )


def _deviation(frames: TrajectoryReader, forces: h5py.Dataset) -> float:
    checked = frames.array("checked_frames")
    in_run = frames.array("checked_forces")
    again = forces[checked]
    return float(np.sqrt(((again - in_run) ** 2).mean() / (in_run**2).mean()))
