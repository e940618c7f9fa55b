"""The stage `map`: an atomistic trajectory and its forces become a dataset of beads."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import mdtraj
import numpy as np

from meanforce.core.beads import Beads
from meanforce.data.forces import ForcesReader
from meanforce.data.h5md import EACH, H5mdWriter
from meanforce.data.trajectory import TrajectoryReader
from meanforce.errors import MAKE_AGAIN, InputError
from meanforce.mapping import table
from meanforce.mapping.block_force_maps import MappedMolecule, squares_of_all
from meanforce.mapping.columns import Columns, columns_of
from meanforce.mapping.copies import CopiedMoments, copied_molecules
from meanforce.mapping.frame_means import BiasForces
from meanforce.mapping.names import refuse_other_atoms
from meanforce.mapping.replica import Replica
from meanforce.mapping.stored_atoms import on_stored_atoms
from meanforce.mapping.system_atoms import SystemAtoms
from meanforce.mapping.unwrap import tree_of
from meanforce.progress import Progress, Rate
from meanforce.settings.mappings import MappingSettings


@dataclasses.dataclass(frozen=True)
class Files:
    """Files of one replica.

    Attributes:
        trajectory: of the stage `sample`.
        forces: of the stage `forces`, or the trajectory, where it holds them.
        weights: of the stage `weights`, or None where frames carry their own weights.
        dataset: H5MD file to write.
        table: CSV file to write, see `meanforce.mapping.table`.
    """

    trajectory: Path
    forces: Path
    weights: Path | None
    dataset: Path
    table: Path


def map_replica(
    settings: MappingSettings,
    beads: Beads,
    atoms: SystemAtoms,
    files: Files,
    seed: int | None,
    report: Callable[[str], None],
) -> BiasForces | None:
    """Write the H5MD dataset of one replica, R = M r and F = B f, and the table of force maps.

    Forces are read once, or twice where B is fitted to them; memory does not grow with frames.

    Args:
        settings: how forces are mapped onto the beads.
        beads: of the mapping.
        atoms: of the system.
        files: to read and to write.
        seed: of the noise, where there is noise.
        report: called with a line of progress.

    Returns:
        Forces of the bias on some frames, for checks; None without a bias or its forces.

    Raises:
        InputError: mapping and molecule do not fit, the files do not belong together, or a check of
            the forces fails.
    """
    stored = _stored_atoms(files.trajectory)
    if stored is not None:
        beads, atoms = on_stored_atoms(beads, atoms, stored, str(files.trajectory))
    topology = atoms.topology
    molecule = MappedMolecule.of(beads, atoms, settings.solvent_groups)
    columns = Columns()
    if beads.topology.has_copies:
        molecule = dataclasses.replace(molecule, copies=copied_molecules(molecule, atoms))
    else:
        columns = columns_of(settings, molecule, atoms, report)
        molecule = molecule.with_columns(columns.torques, columns.covariates)
    with TrajectoryReader(files.trajectory) as frames, ForcesReader(files.forces) as forces:
        _refuse_strangers(files, frames, forces, topology)
        tree = tree_of(topology, molecule.beads, columns.atoms)
        # A fitted force map needs an additional pass through the forces.
        passes = 2 if settings.force_map == "optimal" else 1
        progress = Progress(report, passes * frames.n_frames, rate=Rate("frames/s"))
        replica = Replica(molecule, columns, tree, frames, forces, settings, seed, progress)
        force_maps = replica.force_maps()
        parameters = molecule.beads.dataset_parameters() | {
            "temperature": frames.attributes["temperature"],
            "force_map": settings.force_map,
            "noise": settings.noise and settings.noise.level,
            "time_step": frames.attributes["time_step"],
            "platform": frames.attributes["platform"],
        }
        if beads.topology.has_copies and forces.pressure is not None:
            # Of the atoms, bar: value and standard error.
            parameters["pressure"] = list(forces.pressure)
        with H5mdWriter(
            files.dataset,
            molecule.beads.masses,
            parameters,
            with_forces=True,
            box=EACH if frames.has_boxes else frames.box(),
            with_temperatures=frames.temperatures() is not None,
            with_unperturbed=settings.noise is not None,
        ) as writer:
            some = replica.write(writer, force_maps, files.weights)
            checks = replica.checks(force_maps, str(files.forces))
            writer.parameters |= checks
        bias = replica.bias_forces(force_maps)
    with progress.during("table of force maps"):
        rows = _table(replica, molecule, some, settings)
    table.write(files.table, rows)
    report(f"{frames.n_frames} frames of {len(molecule.beads.names)} beads")
    if not checks["bias_is_function_of_beads"]:
        report("the bias is NOT a function of the beads: use these frames with weights only")
    for line in table.lines(rows):
        report(line)
    return bias


def _stored_atoms(trajectory: Path) -> np.ndarray | None:
    with TrajectoryReader(trajectory) as frames:
        return frames.stored_atoms


def _table(
    replica: Replica,
    molecule: MappedMolecule,
    some: tuple[np.ndarray, ...] | None,
    settings: MappingSettings,
) -> list[dict[str, str | float]]:
    """Rows of the table of force maps: of each bead, or of copies of each bead of the template."""
    topology, frames = molecule.beads.topology, replica.counted.frames
    augmented = settings.noise is not None
    if isinstance(replica.counted, CopiedMoments):
        names, means = table.means_of_copies(topology, {"dataset": replica.squares})
        squares = replica.counted.squares() | means
        return table.rows(names, squares, frames, np.zeros((0, len(names))), augmented)
    squares = squares_of_all(molecule, replica.counted) | {"dataset": replica.squares}
    return table.rows(topology.names, squares, frames, table.noise_squares(*some), augmented)


def _refuse_strangers(
    files: Files, frames: TrajectoryReader, forces: ForcesReader, topology: mdtraj.Topology
) -> None:
    if forces.trajectory != frames.attributes["content"]:
        raise InputError(
            f"{files.forces}: has the forces of another run than {files.trajectory}; {MAKE_AGAIN}"
        )
    refuse_other_atoms(frames.atom_labels(), topology, str(files.trajectory))
