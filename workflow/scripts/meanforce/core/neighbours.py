"""Pairs of beads within a cutoff, with periodic images: one module for all potentials.

Few beads: all pairs, of many frames at once. Many beads: a cell list (package vesin), linear in
their number. Both find every image within the cutoff, also where it is longer than half of the box.
Without a box, an exploded chain reaches so far that a cell list would become huge: its pairs are
left out, as are those of beads whose positions are not numbers.
"""

import dataclasses
import functools
import itertools
from collections.abc import Iterator

import numpy as np
from vesin import NeighborList

from meanforce.core.cell import smallest_width, turns, widths
from meanforce.errors import InputError

FEW = 100
"""Beads up to which all pairs are faster than a cell list (benchmark `neighbours`)."""

ELEMENTS = 300_000
"""Distances computed at once: they stay in the cache."""

FARTHEST = 1e4
"""Cutoffs that positions without a box may span in a cell list."""


@dataclasses.dataclass(frozen=True)
class Neighbours:
    """Pairs within the cutoff, ordered by frame, first bead, second bead and image.

    Attributes:
        frame: number of the frame, shape (n_pairs,).
        first: bead, shape (n_pairs,).
        second: bead, shape (n_pairs,).
        shifts: whole numbers of box vectors to be added to the second bead, int64, shape
            (n_pairs, 3); None without a cell.
    """

    frame: np.ndarray
    first: np.ndarray
    second: np.ndarray
    shifts: np.ndarray | None

    def __len__(self) -> int:
        return len(self.frame)

    def offsets(self, cell: np.ndarray | None) -> np.ndarray | None:
        """What is added to second − first, nm, float64, shape (n_pairs, 3); None without a cell.

        Args:
            cell: nm, shape (3, 3) or (n_frames, 3, 3).
        """
        if self.shifts is None:
            return None
        cell = np.asarray(cell, dtype=np.float64)
        if cell.ndim == 2:
            return self.shifts @ cell
        return np.einsum("pk,pkx->px", self.shifts.astype(np.float64), cell[self.frame])


def neighbours(
    positions: np.ndarray, cell: np.ndarray | None, cutoff: float, both_ways: bool = False
) -> Neighbours:
    """Pairs of beads closer than the cutoff.

    Args:
        positions: nm, shape (n, n_beads, 3); with a cell, any of the periodic images.
        cell: box vectors in rows, nm, shape (3, 3) or (n, 3, 3); None without a periodic box.
        cutoff: nm.
        both_ways: list each pair from both of its beads, instead of from the smaller index (of a
            bead and its own image, from one of the two images).
    """
    if positions.shape[1] <= FEW:
        return _all_pairs(positions, cell, cutoff, both_ways)
    return _cell_list(positions, cell, cutoff, both_ways)


@dataclasses.dataclass(frozen=True)
class PairVectors:
    """Pairs within the cutoff, each once, in no particular order.

    Attributes:
        frame: number of the frame, shape (n_pairs,).
        first: bead, shape (n_pairs,).
        second: bead, shape (n_pairs,).
        vectors: from the first to the second, nm, float64, shape (3, n_pairs).
        distances: their lengths, nm, shape (n_pairs,).
    """

    frame: np.ndarray
    first: np.ndarray
    second: np.ndarray
    vectors: np.ndarray
    distances: np.ndarray


def pair_vectors(positions: np.ndarray, cell: np.ndarray | None, cutoff: float) -> PairVectors:
    """Pairs closer than the cutoff, with their vectors; to put them in order would cost most.

    Args:
        positions: nm, shape (n, n_beads, 3); with a cell, any of the periodic images.
        cell: box vectors in rows, nm, shape (3, 3) or (n, 3, 3); None without a periodic box.
        cutoff: nm.
    """
    positions = positions.astype(np.float64, copy=False)
    if positions.shape[1] <= FEW:
        found = _all_pairs(positions, cell, cutoff, both_ways=False)
        vectors = positions[found.frame, found.second] - positions[found.frame, found.first]
        offsets = found.offsets(cell)
        vectors = np.ascontiguousarray((vectors if offsets is None else vectors + offsets).T)
        distances = np.sqrt((vectors**2).sum(axis=0))
        return PairVectors(found.frame, found.first, found.second, vectors, distances)
    finder = NeighborList(cutoff=cutoff, full_list=False, n_threads=1)
    parts = []
    for frame, beads in enumerate(positions):
        if _too_far(beads, cell, cutoff):
            continue
        first, second, vectors, distances = finder.compute(
            beads, _box(cell, frame), cell is not None, "ijDd"
        )
        number = np.full(len(first), frame)
        parts.append((number, first.astype(np.int64), second.astype(np.int64), vectors, distances))
    if not parts:
        nothing = np.zeros(0, dtype=np.int64)
        return PairVectors(nothing, nothing, nothing, np.zeros((3, 0)), np.zeros(0))
    frame, first, second, vectors, distances = map(np.concatenate, zip(*parts, strict=True))
    return PairVectors(frame, first, second, np.ascontiguousarray(vectors.T), distances)


def pair_distances(
    positions: np.ndarray, cell: np.ndarray, cutoff: float
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Frames, first and second beads and distances of pairs, each once; some frames at a time.

    Args:
        positions: nm, shape (n, n_beads, 3); any of the periodic images.
        cell: box vectors in rows, nm, shape (3, 3) or (n, 3, 3).
        cutoff: nm.

    Yields:
        int64, three times, and float64 (nm), each of shape (n_pairs,).
    """
    n, n_beads = positions.shape[:2]
    if n_beads <= FEW:
        size = max(1, ELEMENTS // n_beads**2)
        for start in range(0, n, size):
            some = slice(start, start + size)
            own = cell if cell.ndim == 2 else cell[some]
            found = pair_vectors(positions[some], own, cutoff)
            yield found.frame + start, found.first, found.second, found.distances
        return
    finder = NeighborList(cutoff=cutoff, full_list=False, n_threads=1)
    for frame, beads in enumerate(positions):
        first, second, distances = finder.compute(
            beads.astype(np.float64), _box(cell, frame), True, "ijd"
        )
        first, second = first.astype(np.int64), second.astype(np.int64)
        yield np.full(len(first), frame), first, second, distances


def require_width(cell: np.ndarray, cutoff: float, what: str) -> None:
    """Refuse cells in which a bead could have two images of another one within the cutoff.

    Args:
        cell: nm, shape (3, 3) or (n, 3, 3).
        cutoff: nm.
        what: has the cutoff, for the message.

    Raises:
        InputError: half of the smallest distance of opposite faces is shorter.
    """
    half = smallest_width(cell) / 2
    if half < cutoff:
        raise InputError(
            f"cell: half of its smallest width is {half:g} nm, but {what} reaches {cutoff:g} nm; "
            f"allowed are cells of at least {2 * cutoff:g} nm between opposite faces"
        )


@functools.lru_cache(maxsize=64)
def _pairs(n_beads: int, both_ways: bool, itself: bool) -> tuple[np.ndarray, np.ndarray]:
    """First and second beads of all pairs, ordered."""
    first, second = np.divmod(np.arange(n_beads * n_beads), n_beads)
    kept = (first != second) if both_ways else (first < second)
    if itself:
        kept |= first == second
    return first[kept], second[kept]


def _images(cell: np.ndarray | None, cutoff: float) -> np.ndarray:
    """Box vectors to add to the nearest image, shape (n_images, 3); zero is the middle one.

    A vector d with |d·b_k| ≤ ½ has an image d + Σ s_k a_k closer than the cutoff only where
    |s_k| − ½ < cutoff·|b_k|.
    """
    if cell is None:
        return np.zeros((1, 3), dtype=np.int64)
    narrowest = np.reshape(widths(cell), (-1, 3)).min(axis=0)
    reach = np.ceil(cutoff / narrowest + 0.5).astype(int) - 1
    return np.array(list(itertools.product(*(range(-r, r + 1) for r in reach))), dtype=np.int64)


def _all_pairs(
    positions: np.ndarray, cell: np.ndarray | None, cutoff: float, both_ways: bool
) -> Neighbours:
    images = _images(cell, cutoff)
    middle = len(images) // 2
    first, second = _pairs(positions.shape[1], both_ways, len(images) > 1)
    size = max(1, ELEMENTS // max(1, len(first) * len(images)))
    parts = []
    for start in range(0, len(positions), size):
        some = positions[start : start + size]
        vectors = some[:, second] - some[:, first]
        if cell is None:
            near = (vectors**2).sum(-1)[..., None] < cutoff**2
            turned = None
        else:
            own = cell if cell.ndim == 2 else cell[start : start + size]
            turned = turns(vectors, own)
            vectors = vectors - turned @ own
            shifts = images.astype(own.dtype) @ own
            shifts = shifts[:, None] if shifts.ndim == 3 else shifts
            near = ((vectors[:, :, None] + shifts) ** 2).sum(-1) < cutoff**2
            if len(images) > 1:
                # A bead is not its own neighbour, and one of two opposite images is enough.
                near[:, first == second, middle if both_ways else 0 : middle + 1] = False
        frame, pair, image = np.nonzero(near)
        found = None if turned is None else images[image] - turned[frame, pair].astype(np.int64)
        parts.append((frame + start, first[pair], second[pair], found))
    return _joined(parts, cell is not None)


def _cell_list(
    positions: np.ndarray, cell: np.ndarray | None, cutoff: float, both_ways: bool
) -> Neighbours:
    finder = NeighborList(cutoff=cutoff, full_list=both_ways, n_threads=1)
    parts = []
    for frame, beads in enumerate(positions.astype(np.float64)):
        if _too_far(beads, cell, cutoff):
            continue
        first, second, shifts = finder.compute(beads, _box(cell, frame), cell is not None, "ijS")
        first, second, shifts = (a.astype(np.int64) for a in (first, second, shifts))
        if not both_ways:
            # From the smaller index; of a bead's own images, the one that comes later.
            turn = (first > second) | (
                (first == second) & (shifts @ np.array([1 << 40, 1 << 20, 1]) < 0)
            )
            first, second = np.where(turn, second, first), np.where(turn, first, second)
            shifts = np.where(turn[:, None], -shifts, shifts)
        order = _order(first, second, shifts, len(beads))
        kept = shifts[order] if cell is not None else None
        parts.append((np.full(len(order), frame), first[order], second[order], kept))
    return _joined(parts, cell is not None)


def _order(first: np.ndarray, second: np.ndarray, shifts: np.ndarray, n_beads: int) -> np.ndarray:
    """Order by first bead, second bead and image: one sort of one number a pair, if it fits."""
    farthest = int(np.abs(shifts).max(initial=0))
    images = 2 * farthest + 1
    if n_beads**2 * images**3 > np.iinfo(np.int64).max:
        return np.lexsort((*shifts.T[::-1], second, first))
    keys = first * n_beads + second
    for column in shifts.T:
        keys = keys * images + (column + farthest)
    return np.argsort(keys)


def _too_far(beads: np.ndarray, cell: np.ndarray | None, cutoff: float) -> bool:
    """Whether positions of a frame, shape (n_beads, 3), are beyond what a cell list can take."""
    if not np.isfinite(beads).all():
        return True
    return cell is None and bool(np.ptp(beads, axis=0).max() > FARTHEST * cutoff)


def _box(cell: np.ndarray | None, frame: int) -> np.ndarray:
    """Box vectors of a frame, float64, shape (3, 3); any without a box."""
    box = np.eye(3) if cell is None else cell if cell.ndim == 2 else cell[frame]
    return np.asarray(box, dtype=np.float64)


def _joined(parts: list[tuple], periodic: bool) -> Neighbours:
    empty = np.zeros(0, dtype=np.int64)
    frame, first, second = (
        np.concatenate([part[k] for part in parts] or [empty]) for k in range(3)
    )
    if not periodic:
        return Neighbours(frame, first, second, None)
    nothing = np.zeros((0, 3), dtype=np.int64)
    return Neighbours(
        frame, first, second, np.concatenate([part[3] for part in parts] or [nothing])
    )
