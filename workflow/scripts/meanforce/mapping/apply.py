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
from meanforce.mapping.names import refuse_other_atoms
from meanforce.mapping.unwrap import bond_tree, make_whole
from meanforce.settings.mappings import Mapping
from meanforce.systems.atoms import Atoms


def map_replica(
    settings: Mapping,
    topology: mdtraj.Topology,
    constraints: list[tuple[int, int]],
    trajectory: Path,
    forces: Path,
    weights: Path | None,
    output: Path,
    report: Callable[[str], None],
    atoms: Atoms | None = None,
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
        atoms: their charges and start structure.

    Raises:
        InputError: mapping and molecule do not fit, or the files do not belong together.
    """
    names = [str(atom) for atom in topology.atoms]
    beads = build_beads(settings, topology, "mapping", atoms)
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
        refuse_other_atoms(frames.atom_labels(), topology, str(trajectory))
        tree, box = bond_tree(topology, beads.atoms), frames.box()
        chunk = max(1, BLOCK // (12 * topology.n_atoms))
        temperature = frames.attributes["temperature"]
        parameters = {
            "bead_names": list(beads.names),
            "bonds": [list(pair) for pair in beads.bonds],
            "bead_types": list(beads.types),
            "bead_residues": [list(residue) for residue in beads.residues],
            "stereo_centers": [list(center) for center in beads.stereo],
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
        with H5mdWriter(output, beads.masses, parameters, with_forces=True) as writer:
            for start in range(0, frames.n_frames, chunk):
                part = slice(start, start + chunk)
                positions = make_whole(frames.positions(part), tree, box).astype(np.float64)
                atomistic = force_file.forces(part).astype(np.float64)
                writer.append(
                    position=np.einsum("bi,nid->nbd", configuration_map, positions, optimize=True),
                    force=np.einsum("bi,nid->nbd", force_map, atomistic, optimize=True),
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
