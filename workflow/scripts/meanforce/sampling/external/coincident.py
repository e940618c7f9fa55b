"""Atoms at the same place: no force field allows that, but files with gaps filled by zeros do."""

from collections.abc import Sequence

import numpy as np

from meanforce.data.formats.base import FileFrames
from meanforce.errors import InputError

FACTORS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], dtype=np.uint64)
"""Odd numbers that mix the bits of three coordinates."""


def refuse_coincident(
    block: FileFrames, massive: np.ndarray, labels: Sequence[str], where: str
) -> None:
    """Refuse frames in which two atoms have exactly the same position.

    Args:
        block: frames in single precision; their times are in ps.
        massive: atoms that are looked at, ascending; virtual sites may lie on atoms.
        labels: of all atoms.
        where: file, for messages.

    Raises:
        InputError: names the time and the atoms.
    """
    # Few frames have two atoms with the same x, and only these are looked at whole.
    frames = _with_equals(np.ascontiguousarray(block.positions[..., 0][:, massive]))
    places = block.positions[frames][:, massive] + np.float32(0.0)  # makes -0 to 0
    keys = (places.view(np.uint32).astype(np.uint64) * FACTORS).sum(axis=-1, dtype=np.uint64)
    for number in _with_equals(keys):
        frame, place = frames[number], places[number]
        _, first, counts = np.unique(place, axis=0, return_index=True, return_counts=True)
        if (counts == 1).all():
            continue
        one = int(first[counts > 1].min())
        other = int(np.flatnonzero((place == place[one]).all(axis=1))[1])
        raise InputError(
            f"{where}: at {block.times[frame]:g} ps {labels[massive[one]]} and "
            f"{labels[massive[other]]} are at the same place, which no force field allows: the "
            "frame is damaged, or the file has gaps; leave it out with 'begin' and 'end'"
        )


def _with_equals(values: np.ndarray) -> np.ndarray:
    """Numbers of the rows in which a value occurs twice; the values are sorted in place."""
    values.sort(axis=1)
    return np.flatnonzero((values[:, 1:] == values[:, :-1]).any(axis=1))
