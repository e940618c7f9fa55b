"""The stage `map`: an atomistic trajectory and its forces become a dataset of beads."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import mdtraj
import numpy as np

from meanforce.data.forces import BLOCK, ForcesReader
from meanforce.data.h5md import H5mdWriter
from meanforce.data.trajectory import TrajectoryReader
from meanforce.errors import InputError
from meanforce.mapping import consistency, table
from meanforce.mapping.configuration import build_beads
from meanforce.mapping.groups import Moments, groups_of
from meanforce.mapping.labels import (
    Labels,
    Molecule,
    fixed_labels,
    mean_squares_of_all,
    optimal_labels,
)
from meanforce.settings.mappings import Mapping
from meanforce.units import kt


@dataclasses.dataclass(frozen=True)
class Files:
    """Files of one replica.

    Attributes:
        trajectory: of the stage `sample`.
        forces: of the stage `forces`.
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
    settings: Mapping,
    topology: mdtraj.Topology,
    constraints: list[tuple[int, int]],
    files: Files,
    seed: int | None,
    report: Callable[[str], None],
) -> None:
    """Write the H5MD dataset of one replica, R = M r and F = B f, and the table of force maps.

    Forces are read once, or twice where B is fitted to them; memory does not grow with frames.

    Args:
        settings: of the mapping.
        topology: of the atoms.
        constraints: pairs of atoms held at a fixed distance.
        files: to read and to write.
        seed: of the noise, where there is noise.
        report: called with a line of progress.

    Raises:
        InputError: mapping and molecule do not fit, the files do not belong together, or the
            forces are not what they must be.
    """
    molecule = Molecule(
        beads=build_beads(settings, topology, "mapping"),
        n_atoms=topology.n_atoms,
        constraints=constraints,
        names=[str(atom) for atom in topology.atoms],
        groups=groups_of(topology, constraints, settings.solvent_groups),
    )
    with TrajectoryReader(files.trajectory) as frames, ForcesReader(files.forces) as forces:
        _refuse_strangers(files, frames, forces, topology)
        replica = _Replica(molecule, frames, forces, settings, seed)
        labels = replica.labels()
        checks = replica.checks(labels, str(files.forces))
        parameters = {
            "bead_names": list(molecule.beads.names),
            "bonds": [list(pair) for pair in molecule.beads.bonds],
            "temperature": frames.attributes["temperature"],
            "force_map": settings.force_map,
            "noise": settings.noise and settings.noise.level,
            "time_step": frames.attributes["time_step"],
            "platform": frames.attributes["platform"],
            **checks,
        }
        with H5mdWriter(
            files.dataset, molecule.beads.masses, parameters, with_forces=True
        ) as writer:
            some = replica.write(writer, labels, files.weights)
    total = table.write_table(
        files.table,
        molecule.beads.names,
        mean_squares_of_all(molecule, replica.moments),
        replica.squares,
        table.mean_force_squares(*some),
        settings.noise is not None,
    )
    report(f"{frames.n_frames} frames of {len(molecule.beads.names)} beads")
    if not checks["bias_is_function_of_beads"]:
        report("the bias is NOT a function of the beads: use these frames with weights only")
    if np.isnan(total["slice"]):
        report("force map 'slice': refused, it would be wrong here")
    report(
        f"force map 'optimal': mean square {total['optimal_over_aggregate']:.4f} times that of "
        f"'aggregate', which needs {total['data_saving']:.2f} ± {total['data_saving_stderr']:.2f} "
        "times as many frames for the same noise"
    )


class _Replica:
    """Frames and forces of one replica on their way to a dataset.

    Attributes:
        moments: second moments of group forces, once they were read.
        squares: mean squares of the written forces by bead, (kJ/mol/nm)², shape (n_beads,).
    """

    def __init__(
        self,
        molecule: Molecule,
        frames: TrajectoryReader,
        forces: ForcesReader,
        settings: Mapping,
        seed: int | None,
    ) -> None:
        self._molecule, self._frames, self._forces = molecule, frames, forces
        self._settings, self._seed = settings, seed
        self._map = molecule.beads.matrix(molecule.n_atoms)
        self.moments = Moments(molecule.groups, frames.n_frames)
        self.squares = np.zeros(len(self._map))

    def labels(self) -> Labels:
        """The chosen force maps; reads all forces where they have to be fitted."""
        if self._settings.force_map != "optimal":
            return fixed_labels(self._molecule, self._settings.force_map)
        for part in self._parts():
            self.moments.add(part.start, self._forces.forces(part))
        return optimal_labels(self._molecule, self.moments, self._stiffness())

    def _stiffness(self) -> float | None:
        """kT/σ in kJ/mol/nm."""
        noise = self._settings.noise
        return noise and kt(self._frames.attributes["temperature"]) / noise.level

    def _parts(self) -> Iterator[slice]:
        size = max(1, BLOCK // (12 * self._molecule.n_atoms))
        for start in range(0, self._frames.n_frames, size):
            yield slice(start, min(start + size, self._frames.n_frames))

    def checks(self, labels: Labels, where: str) -> dict[str, Any]:
        """What the dataset records of the checks.

        Raises:
            InputError: one of them fails.
        """
        frames, n_frames = self._frames, self._frames.n_frames
        every = slice(0, n_frames, max(1, n_frames // consistency.FRAMES))
        positions = frames.positions(every).astype(np.float64)
        forces = self._forces.forces(every).astype(np.float64)
        first = labels.matrices[0]
        atoms = consistency.sums(positions, forces)
        beads = consistency.sums(
            np.einsum("bi,nid->nbd", self._map, positions, optimize=True),
            np.einsum("bi,nid->nbd", first, forces, optimize=True),
        )
        all_alike = np.allclose(labels.matrices.sum(axis=1), 1.0)
        consistency.refuse_wrong_sums(atoms, beads, all_alike, frames.box() is not None, where)
        found = {f"total_{name}_of_{kind}": total[name]
                 for kind, total in (("atoms", atoms), ("beads", beads))
                 for name in ("force", "torque")}  # fmt: skip
        inside = True
        if frames.attributes["n_variables"]:
            bias = frames.array("checked_bias_forces")
            # With noise B Mᵀ is not 1: what it lacks the noise has.
            maps = labels.matrices if labels.of_noise is None else np.zeros((0, *first.shape))
            residuals = consistency.bias_residuals(bias, self._map, maps)
            inside = consistency.refuse_wrong_bias(residuals, where)
            found |= residuals
        return {"bias_is_function_of_beads": inside, "checks": found}

    def write(
        self, writer: H5mdWriter, labels: Labels, weights: Path | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Write all frames; returns positions and forces of at most `table.FRAMES` of them."""
        frames = self._frames
        times, bias = frames.times(), frames.array("bias_energy")
        log_weight, walkers = frames.array("log_weight"), frames.array("walker")
        if weights is not None:
            log_weight = read_weights(weights, frames.attributes["content"])
        stiffness, noise = self._stiffness(), self._settings.noise
        rng = np.random.default_rng(self._seed)
        every = -(-frames.n_frames // table.FRAMES)
        some: list[tuple[np.ndarray, np.ndarray]] = []
        for part in self._parts():
            atomistic = self._forces.forces(part)
            if self._settings.force_map != "optimal":
                self.moments.add(part.start, atomistic)
            positions = np.einsum(
                "bi,nid->nbd", self._map, frames.positions(part).astype(np.float64), optimize=True
            )
            scores = None
            if noise is not None:
                draws = rng.standard_normal(positions.shape)
                positions += noise.level * draws
                scores = -stiffness * draws
            mapped = labels.apply(part.start, frames.n_frames, atomistic.astype(np.float64), scores)
            writer.append(
                position=positions,
                force=mapped,
                time=times[part],
                bias_energy=bias[part],
                log_weight=log_weight[part],
                chain=walkers[part],
            )
            self.squares += (mapped**2).sum(axis=(0, 2)) / frames.n_frames
            chosen = slice(-part.start % every, None, every)
            some.append((positions[chosen], mapped[chosen]))
        return tuple(np.concatenate(values) for values in zip(*some, strict=True))


def _refuse_strangers(
    files: Files, frames: TrajectoryReader, forces: ForcesReader, topology: mdtraj.Topology
) -> None:
    if forces.trajectory != frames.attributes["content"]:
        raise InputError(
            f"{files.forces}: has the forces of another run than {files.trajectory}; delete it, so "
            "that it is made again"
        )
    if frames.n_atoms != topology.n_atoms:
        raise InputError(
            f"{files.trajectory}: has {frames.n_atoms} atoms, but the prepared system "
            f"{topology.n_atoms}"
        )


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
