"""Training frames: datasets of several replicas and state points, split by time blocks."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from meanforce.core.configuration import Configuration
from meanforce.core.topology import Topology
from meanforce.data.dataset import Dataset, Part
from meanforce.data.h5md import H5mdReader
from meanforce.errors import InputError
from meanforce.fitting.blocks import Blocks, cut, uncut
from meanforce.fitting.storage import Storage
from meanforce.fitting.target_tables import TargetTables
from meanforce.fitting.weights import effective_sample_size, weights_of
from meanforce.potentials.linear import MANY
from meanforce.potentials.whole import is_one
from meanforce.settings.experiments import BLOCKS_PER_FOLD

CHUNK = 20000
"""Frames read or changed at once, at most."""

BEADS = 2**21
"""Beads in all of these frames, at most: 25 MB of positions."""


def rows_at_once(n_beads: int) -> int:
    """Frames of so many beads to be read or changed at once."""
    return max(1, min(CHUNK, BEADS // n_beads))


@dataclasses.dataclass(frozen=True)
class Frames:
    """Frames of one training run.

    Positions and forces may be memory-mapped, so that a run needs the same memory for any number
    of frames. Code that goes through all of them should use `chunks`: in order, a contiguous piece
    of one fold at a time, without copies.

        for part in frames.chunks(50000):
            sums[part.fold] += f(part.positions, part.forces, part.temperatures, part.weights)

    Attributes:
        positions: nm, float32, shape (n, n_beads, 3).
        forces: kJ/mol/nm, float32, shape (n, n_beads, 3).
        temperatures: K, float32, shape (n,).
        folds: fold of each frame, shape (n,).
        blocks: number of each frame's time block over all replicas, shape (n,).
        molecule: the beads.
        weights: how much each frame counts, float32, shape (n,), mean 1 over each replica; None
            where all count the same.
        cells: periodic box vectors, nm, float32, shape (n, 3, 3); None without periodic boundaries.
        masses: of the beads, u, shape (n_beads,); None where no CG run is made.
        storage: where positions and forces lie.
        cut: how time blocks were cut; None where they were not, as for synthetic frames.
        targets: distributions that a fit has as its targets in the place of those of the frames,
            by temperature; empty: those of the frames.
    """

    positions: torch.Tensor
    forces: torch.Tensor
    temperatures: torch.Tensor
    folds: torch.Tensor
    blocks: torch.Tensor
    molecule: Topology
    weights: torch.Tensor | None = None
    cells: torch.Tensor | None = None
    masses: np.ndarray | None = dataclasses.field(default=None, compare=False, repr=False)
    storage: Storage = dataclasses.field(default_factory=Storage, compare=False, repr=False)
    cut: Blocks | None = dataclasses.field(default=None, compare=False, repr=False)
    targets: tuple[TargetTables, ...] = dataclasses.field(default=(), compare=False, repr=False)

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def configurations(self) -> Configuration[torch.Tensor]:
        """The frames as the input of a potential."""
        return Configuration(self.positions, self.temperatures, self.cells)

    @property
    def fold(self) -> int:
        """Fold of the first frame; in a chunk, the fold of all frames."""
        return int(self.folds[0])

    @property
    def effective_sample_size(self) -> float:
        """How many equally weighted frames these are worth."""
        if self.weights is None:
            return float(len(self.positions))
        return effective_sample_size(self.weights)

    @property
    def carrying(self) -> int:
        """How many force components differ from zero in some frame."""
        some = [(part.forces != 0).any(dim=0) for part in self.chunks(self._rows)]
        return int(torch.stack(some).any(dim=0).sum())

    @property
    def by_neighbours(self) -> bool:
        """Whether pairs must be found by neighbour search: in a cell, or of very many beads."""
        return self.cells is not None or self.molecule.size > MANY

    @property
    def _rows(self) -> int:
        """Frames to be read or changed at once."""
        return rows_at_once(self.molecule.size)

    def select(self, chosen: torch.Tensor | slice) -> "Frames":
        """Some frames: a copy by mask or index, a view by slice."""
        return dataclasses.replace(
            self,
            positions=self.positions[chosen],
            forces=self.forces[chosen],
            temperatures=self.temperatures[chosen],
            folds=self.folds[chosen],
            blocks=self.blocks[chosen],
            weights=None if self.weights is None else self.weights[chosen],
            cells=None if self.cells is None else self.cells[chosen],
        )

    def to(self, device: torch.device | str) -> "Frames":
        """The same frames, with all arrays that a loss needs on another device."""
        return dataclasses.replace(
            self,
            positions=self.positions.to(device),
            forces=self.forces.to(device),
            temperatures=self.temperatures.to(device),
            weights=None if self.weights is None else self.weights.to(device),
            cells=None if self.cells is None else self.cells.to(device),
        )

    def runs(self) -> list[tuple[int, int]]:
        """First frame, and the one after the last, of each stretch of one fold."""
        changes = (np.flatnonzero(np.diff(self.folds.numpy())) + 1).tolist()
        return list(zip([0, *changes], [*changes, len(self)], strict=True))

    def chunks(self, size: int, fold: int | None = None) -> Iterator["Frames"]:
        """Views of frames in order, at most `size` at a time, each of one fold.

        Args:
            size: most frames in a chunk.
            fold: only frames of this fold; None: all.
        """
        for first, last in self.runs():
            if fold is not None and int(self.folds[first]) != fold:
                continue
            for start in range(first, last, size):
                yield self.select(slice(start, min(start + size, last)))
                self.storage.release()

    def with_forces(self, change: Callable[["Frames"], torch.Tensor]) -> "Frames":
        """The same frames with other forces, stored in the same way.

        Args:
            change: makes the forces of a chunk, shape (n, n_beads, 3).
        """
        parts = (change(part).detach().cpu().numpy() for part in self.chunks(self._rows))
        return dataclasses.replace(self, forces=self.storage.keep(parts))


@dataclasses.dataclass(frozen=True)
class FrameChoice:
    """Which frames of datasets are used, and with what weight.

    Attributes:
        stride: every `stride`-th frame is used.
        weights: `bias`: each frame counts e^{βV}; `none`: all count the same.
        windows: begin and end in ps of the part of each dataset that is used; None: all of it.
        datasets_per_replica: number of datasets of each replica, in order, whose weights have one
            constant in common; None: each is a replica of its own.
        of_distribution: whether the distribution of the beads counts, so that biased frames need
            their weights.
        only_starts: whether targets come from elsewhere, so that a single frame is enough.
        all_temperatures: whether frames of replica exchange at temperatures other than their state
            point's are used as well.
    """

    stride: int = 1
    weights: Literal["none", "bias"] = "none"
    windows: list[tuple[float, float]] | None = None
    datasets_per_replica: list[int] | None = None
    all_temperatures: bool = True
    of_distribution: bool = False
    only_starts: bool = False


ALL = FrameChoice()


def read_frames(
    paths: list[Path], folds: int, choice: FrameChoice = ALL, folder: Path | None = None
) -> Frames:
    """Frames of several datasets, each cut into contiguous blocks that are dealt to the folds.

    There are fewer blocks than `BLOCKS_PER_FOLD` per fold where they would be too short compared
    with the memory of the conformations; see `fitting.blocks`. Frames of several molecules in a
    periodic box have cells; those of a single one have none.

    Args:
        paths: H5MD datasets.
        folds: number of folds.
        choice: which of their frames are used.
        folder: where to keep positions and forces in memory-mapped files; None: in memory.

    Raises:
        InputError: datasets have different beads, too few frames, or need weights; or their number
            is not that of the replicas' datasets.
    """
    dataset = Dataset.of(paths).windows(choice.windows)
    dataset = (dataset if choice.all_temperatures else dataset.at_state_points()).stride(
        choice.stride
    )
    fewest = 1 if choice.only_starts else 2 * folds * BLOCKS_PER_FOLD
    for part in dataset.parts:
        if choice.weights == "none" and not part.parameters.get("bias_is_function_of_beads", True):
            raise InputError(
                f"{part.path}: was sampled with a bias that is not a function of its beads; set "
                "the experiment's 'weights: bias', so that each frame counts e^{βV}"
            )
        if choice.of_distribution and choice.weights == "none" and _is_biased(part):
            raise InputError(
                f"{part.path}: was sampled with a bias, but the fit needs the unbiased "
                "distribution; set the experiment's 'weights: bias'"
            )
        if len(part.frames) < fewest:
            raise InputError(
                f"{part.path}: has {len(part.frames)} frames, too few for {folds} folds of "
                f"{BLOCKS_PER_FOLD} blocks; sample longer or use fewer folds"
            )
    blocks = uncut(len(dataset)) if choice.only_starts else cut(dataset, folds)
    shares = None
    if choice.weights == "bias":
        logs = (
            part.observable("log_weight")
            for part in _replicas(dataset, choice.datasets_per_replica)
        )
        shares = torch.from_numpy(np.concatenate([weights_of(log) for log in logs]))
    storage = Storage(folder)
    molecule = Topology.of(dataset.parameters)
    # Datasets hold molecules whole, so that a single one needs no periodic boundaries.
    boxes = None if is_one(molecule) else dataset.boxes()
    rows = rows_at_once(molecule.size)
    return Frames(
        positions=storage.keep(chunk.positions() for chunk in dataset.chunks(rows)),
        forces=storage.keep(chunk.forces() for chunk in dataset.chunks(rows)),
        temperatures=torch.from_numpy(dataset.temperatures()),
        folds=torch.from_numpy(blocks.folds),
        blocks=torch.from_numpy(blocks.numbers),
        molecule=molecule,
        weights=shares,
        cells=None if boxes is None else torch.from_numpy(boxes.astype(np.float32)),
        masses=_masses(paths[0]),
        storage=storage,
        cut=blocks,
    )


def _is_biased(part: Part) -> bool:
    return bool(np.ptp(part.read(lambda reader, frames: reader.observable("log_weight", frames))))


def _masses(path: Path) -> np.ndarray:
    with H5mdReader(path) as reader:
        return reader.masses


def _replicas(dataset: Dataset, sizes: list[int] | None) -> Iterator[Dataset]:
    """The frames of each replica; see `read_frames`."""
    files = dataset.files()
    sizes = [1] * len(files) if sizes is None else sizes
    if sum(sizes) != len(files):
        raise InputError(
            f"{len(files)} datasets given, but the replicas of the experiment have {sum(sizes)}"
        )
    files = iter(files)
    for size in sizes:
        yield Dataset(tuple(part for _ in range(size) for part in next(files).parts))
