"""Frames and forces of one replica on their way from atoms to beads."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from meanforce.data.forces import BLOCK, ForcesReader
from meanforce.data.h5md import FrameBlock, H5mdWriter
from meanforce.data.trajectory import TrajectoryReader
from meanforce.errors import MAKE_AGAIN, InputError
from meanforce.mapping import consistency, table
from meanforce.mapping.block_force_maps import (
    BlockForceMaps,
    MappedMolecule,
    fixed_force_maps,
    optimal_force_maps,
)
from meanforce.mapping.columns import Columns
from meanforce.mapping.copies import CopiedMoments
from meanforce.mapping.frame_means import BiasForces
from meanforce.mapping.groups import BLOCKS, Moments, parts_by_block
from meanforce.mapping.project import exactly, project
from meanforce.mapping.unwrap import BondTree, make_whole
from meanforce.progress import Progress
from meanforce.settings.mappings import MappingSettings
from meanforce.units import kt

MOMENT_FRAMES = 100000
"""Frames from which the table of force maps is made, where no map is fitted to them."""

COPIED_FRAMES = 2000
"""The same for molecule types with several molecules, which all count in each frame."""

LOOKED_AT = 2**23
"""Most bytes of positions kept for the checks of forces."""


class Replica:
    """Frames and forces of one replica on their way to a dataset.

    Attributes:
        counted: what the table of force maps is made from, once forces were read: second moments of
            group forces, of all atoms or of a molecule of each type.
        squares: sums over the same frames of |F_I|² of the written forces by time block,
            (kJ/mol/nm)², shape (BLOCKS, n_beads).

    Args:
        molecule: what is mapped, with the columns.
        columns: what an optimal force map has besides the forces on atoms.
    """

    def __init__(
        self,
        molecule: MappedMolecule,
        columns: Columns,
        tree: BondTree,
        frames: TrajectoryReader,
        forces: ForcesReader,
        settings: MappingSettings,
        seed: int | None,
        progress: Progress,
    ) -> None:
        self._progress, self._passes = progress, 0
        self._molecule, self._frames, self._forces = molecule, frames, forces
        self._tree, self._columns = tree, columns
        self._n_atoms = molecule.n_atoms - columns.torques - columns.covariates
        self._settings, self._seed = settings, seed
        self._map = molecule.beads.matrix(self._n_atoms)
        # A fitted map takes all frames; the table alone is exact enough with fewer.
        fitted = settings.force_map == "optimal"
        copied = bool(molecule.copies)
        most = COPIED_FRAMES if copied else MOMENT_FRAMES
        self._n_fitted = self._within_fit_time() if fitted else frames.n_frames
        self._every = 1 if fitted else self._step(most)
        self._n_counted = -(-self._n_fitted // self._every)
        self.counted = (
            CopiedMoments(molecule, self._n_counted)
            if copied
            else Moments(molecule.groups, self._n_counted)
        )
        self.squares = np.zeros((BLOCKS, self._map.shape[0]))
        self._looked_at: list[tuple[np.ndarray, np.ndarray]] = []

    def force_maps(self) -> BlockForceMaps:
        """The chosen force maps; reads all forces where they have to be fitted."""
        if self._settings.force_map != "optimal":
            return fixed_force_maps(self._molecule, self._settings.force_map)
        for part in self._parts("reading forces", self._n_fitted):
            atomistic = self._forces.forces(part)
            if self._columns.atoms:
                whole = self._whole(part)
                atomistic = self._columns.fitted(whole, atomistic, project(self._map, whole))
            self.counted.add(part.start, atomistic)
        stiffness = self._stiffness()
        # One map for all temperatures: what counts is the mean square of the noise's force.
        mean = None if stiffness is None else float(np.sqrt((stiffness**2).mean()))
        with self._progress.during("fitting the force map"):
            if isinstance(self.counted, CopiedMoments):
                return self.counted.optimal(mean)
            return optimal_force_maps(self._molecule, self.counted, mean)

    def _whole(self, part: slice) -> np.ndarray:
        """Positions of atoms, nm, whose molecules are whole as far as they are needed."""
        return make_whole(self._frames.positions(part), self._tree, self._frames.boxes(part))

    def _stiffness(self) -> np.ndarray | None:
        """kT/σ of each frame in kJ/mol/nm, shape (n_frames,)."""
        frames, noise = self._frames, self._settings.noise
        if noise is None:
            return None
        temperatures = frames.temperatures()
        if temperatures is None:
            temperatures = np.full(frames.n_frames, frames.attributes["temperature"])
        return kt(temperatures) / noise.level

    def _within_fit_time(self) -> int:
        """Number of the first frames that a map is fitted to."""
        if self._settings.fit_time is None:
            return self._frames.n_frames
        times = self._frames.times()
        # A frame's time may be off by rounding, to single precision in files of other programs.
        end = times[0] + self._settings.fit_time - 1e-3 * np.median(np.diff(times, prepend=0.0))
        return max(1, int(np.searchsorted(times, end)))

    def _step(self, most: int) -> int:
        """Step that leaves about `most` frames of all temperatures, which take turns."""
        step, temperatures = -(-self._n_fitted // most), self._frames.temperatures()
        turns = 1 if temperatures is None else len(np.unique(temperatures))
        while math.gcd(step, turns) > 1:
            step += 1
        return step

    def _parts(self, phase: str, n_frames: int) -> Iterator[slice]:
        """The first frames, in parts; the phase is what they are read for."""
        size = min(self._forces.rows, -(-BLOCK // (12 * self._molecule.n_atoms)))
        before = self._passes * self._frames.n_frames
        self._passes += 1
        for start in range(0, n_frames, size):
            self._progress.advance(before + start, phase)
            yield slice(start, min(start + size, n_frames))
        self._progress.advance(before + self._frames.n_frames, phase)

    def checks(self, force_maps: BlockForceMaps, where: str) -> dict[str, Any]:
        """Results of the checks for the dataset, on some of the frames that were written.

        Raises:
            InputError: one of them fails.
        """
        frames = self._frames
        positions, forces = _joined(self._looked_at)
        positions, forces = positions.astype(np.float64), forces.astype(np.float64)
        atoms = consistency.sums(positions, forces)
        applied = self._columns.applied(positions, forces)
        matrices = [matrix[:, : applied.shape[1]] for matrix in force_maps.different]
        beads = consistency.sums(exactly(self._map, positions), exactly(matrices[0], applied))
        all_alike = force_maps.of_noise is None and all(
            np.allclose(matrix.sum(axis=0), 1.0) for matrix in matrices
        )
        # Of atoms' forces: forces that were mapped already may have a torque, see there.
        if not (frames.is_periodic or frames.attributes.get("already_mapped", False)):
            consistency.refuse_wrong_sums(atoms, beads, all_alike, where)
        found = {f"total_{name}_of_{kind}": total[name]
                 for kind, total in (("atoms", atoms), ("beads", beads))
                 for name in ("force", "torque")}  # fmt: skip
        # A bias from a file whose variables are not declared may depend on anything.
        inside = not frames.attributes.get("bias_undeclared", False)
        if frames.attributes["n_variables"] or frames.attributes.get("bias_variables"):
            bias = frames.array("checked_bias_forces")
            # With noise B Mᵀ is not 1: B Mᵀ + D is.
            maps = force_maps.different if force_maps.of_noise is None else ()
            # A bias that is a function of the beads has no torques on atoms outside of them.
            maps = [matrix[:, : self._n_atoms] for matrix in maps]
            residuals = consistency.bias_residuals(bias, self._map, maps)
            inside = consistency.refuse_wrong_bias(residuals, where)
            found |= residuals
        return {"bias_is_function_of_beads": inside, "checks": found}

    def bias_forces(self, force_maps: BlockForceMaps) -> BiasForces | None:
        """Mapped forces of the bias on the frames that the run stored them for."""
        frames = self._frames
        # Of imported frames only the directions are stored, along the variables of their bias.
        if not frames.attributes["n_variables"]:
            return None
        numbers, forces = frames.array("checked_frames"), frames.array("checked_bias_forces")
        if not forces.size:
            return None
        # The noise of the mapping has no part in the bias, and neither have torques on atoms that
        # are in no bead.
        still = np.zeros((1, self._map.shape[0], 3), dtype=np.float32)
        forces = np.pad(forces, ((0, 0), (0, self._columns.torques), (0, 0)))
        mapped = [
            force_maps.apply(number, self._n_fitted, each[None], still)[0]
            for number, each in zip(numbers.tolist(), forces, strict=True)
        ]
        return BiasForces(numbers, np.array(mapped))

    def write(
        self, writer: H5mdWriter, force_maps: BlockForceMaps, weights: Path | None
    ) -> tuple[np.ndarray, ...] | None:
        """Write all frames; returns positions, forces and walkers of at most `table.FRAMES`.

        These are among the frames of the fit, or of all where there is none. None where molecules
        have copies: the table then has no mean force.
        """
        frames = self._frames
        times, bias = frames.times(), frames.array("bias_energy")
        log_weight, walkers = frames.array("log_weight"), frames.array("walker")
        if weights is not None:
            log_weight = read_weights(weights, frames.attributes["content"])
        temperatures = frames.temperatures()
        stiffness, noise = self._stiffness(), self._settings.noise
        rng = np.random.default_rng(self._seed)
        most = min(consistency.FRAMES, max(1, LOOKED_AT // (12 * self._molecule.n_atoms)))
        looked_at = max(1, frames.n_frames // most)
        step = self._step(table.FRAMES)
        some: list[tuple[np.ndarray, ...]] = []
        for part in self._parts("mapping frames", frames.n_frames):
            atomistic = self._forces.forces(part)
            whole = self._whole(part)
            self._looked_at.append(_some(looked_at, part, whole, atomistic))
            exact = project(self._map, whole)
            positions, scores = exact, None
            if noise is not None:
                draws = rng.standard_normal(positions.shape)
                positions = exact + noise.level * draws
                scores = -stiffness[part, None, None] * draws
            applied = self._columns.applied(whole, atomistic)
            mapped = force_maps.apply(part.start, self._n_fitted, applied, scores)
            writer.append(
                FrameBlock(
                    position=positions,
                    force=mapped,
                    time=times[part],
                    bias_energy=bias[part],
                    log_weight=log_weight[part],
                    chain=walkers[part],
                    temperature=None if temperatures is None else temperatures[part],
                    unperturbed=None if noise is None else exact,
                    boxes=frames.boxes(part) if frames.has_boxes else None,
                )
            )
            self._count(part, atomistic, mapped)
            if isinstance(self.counted, Moments):
                fitted = slice(part.start, min(part.stop, self._n_fitted))
                size = max(0, fitted.stop - fitted.start)
                own = positions[:size], mapped[:size], walkers[part][:size]
                some.append(_some(step, fitted, *own))
        return _joined(some) if some else None

    def _count(self, part: slice, atomistic: np.ndarray, mapped: np.ndarray) -> None:
        """Add frames that count to the moments and squares."""
        first = -(-part.start // self._every)
        counted = slice(first * self._every - part.start, None, self._every)
        if self._settings.force_map != "optimal":
            self.counted.add(first, atomistic[counted])
        own = mapped[counted].astype(float)
        for block, inside in parts_by_block(first, len(own), self._n_counted):
            if block < BLOCKS:
                self.squares[block] += (own[inside] ** 2).sum(axis=(0, 2))


def _some(every: int, part: slice, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """The frames of a part whose numbers are multiples of `every`."""
    chosen = slice(-part.start % every, None, every)
    # Copies: views would keep whole chunks in memory.
    return tuple(values[chosen].copy() for values in arrays)


def _joined(parts: list[tuple[np.ndarray, ...]]) -> tuple[np.ndarray, ...]:
    return tuple(np.concatenate(values) for values in zip(*parts, strict=True))


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
            f"{path}: has no weights of this trajectory ({error}); {MAKE_AGAIN}"
        ) from error
