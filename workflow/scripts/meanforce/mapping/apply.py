"""The stage `map`: an atomistic trajectory and its forces become a dataset of beads."""

from collections.abc import Callable
from pathlib import Path

import h5py
import mdtraj
import numpy as np

from meanforce.data.forces import BLOCK, ForcesReader
from meanforce.data.h5md import H5mdWriter
from meanforce.data.trajectory import TrajectoryReader
from meanforce.errors import InputError
from meanforce.mapping.configuration import build_beads
from meanforce.mapping.force_maps import build_force_map
from meanforce.mapping.project import project
from meanforce.settings.mappings import Mapping


def map_replica(
    settings: Mapping,
    topology: mdtraj.Topology,
    constraints: list[tuple[int, int]],
    trajectory: Path,
    forces: Path,
    weights: Path | None,
    output: Path,
    report: Callable[[str], None],
) -> None:
    """Write the H5MD dataset of one replica: R = M r, F = B f.

    Args:
        settings: of the mapping.
        topology: of the atoms.
        constraints: pairs of atoms held at a fixed distance.
        trajectory: file of the stage `sample`.
        forces: file of the stage `forces`.
        weights: file of the stage `weights`, or None where frames carry their own weights.
        output: file to write.
        report: called with a line of progress.

    Raises:
        InputError: mapping and molecule do not fit, or the files do not belong together.
    """
    names = [str(atom) for atom in topology.atoms]
    beads = build_beads(settings, topology, "mapping")
    force_map = build_force_map(
        settings.force_map, beads, topology.n_atoms, constraints, names, "mapping"
    )
    configuration_map = beads.matrix(topology.n_atoms)
    with TrajectoryReader(trajectory) as frames, ForcesReader(forces) as force_file:
        if force_file.trajectory != frames.attributes["content"]:
            raise InputError(
                f"{forces}: has the forces of another run than {trajectory}; delete it, so that "
                "it is made again"
            )
        if frames.n_atoms != topology.n_atoms:
            raise InputError(
                f"{trajectory}: has {frames.n_atoms} atoms, but the prepared system "
                f"{topology.n_atoms}"
            )
        chunk = max(1, BLOCK // (12 * topology.n_atoms))
        temperature = frames.attributes["temperature"]
        parameters = {
            "bead_names": list(beads.names),
            "bonds": [list(pair) for pair in beads.bonds],
            "temperature": temperature,
            "force_map": settings.force_map,
            "time_step": frames.attributes["time_step"],
            "platform": frames.attributes["platform"],
        }
        times = frames.times()
        bias = frames.array("bias_energy")
        log_weight = frames.array("log_weight")
        if weights is not None:
            log_weight = read_weights(weights, frames.attributes["content"])
        walkers = frames.array("walker")
        with H5mdWriter(output, beads.masses, parameters, True, frames.box()) as writer:
            for start in range(0, frames.n_frames, chunk):
                part = slice(start, start + chunk)
                writer.append(
                    position=project(configuration_map, frames.positions(part)),
                    force=project(force_map, force_file.forces(part)),
                    time=times[part],
                    bias_energy=bias[part],
                    log_weight=log_weight[part],
                    chain=walkers[part],
                )
        report(f"{frames.n_frames} frames of {len(beads.names)} beads")


def read_weights(path: Path, content: str) -> np.ndarray:
    """Log-weights of the frames of one trajectory, shape (n_frames,).

    Raises:
        InputError: the file is damaged, or was made from other trajectories.
    """
    try:
        with h5py.File(path, "r") as file:
            return file[content][:]
    except (OSError, KeyError) as error:
        raise InputError(
            f"{path}: has no weights of this trajectory ({error}); delete it, so that it is made "
            "again"
        ) from error
