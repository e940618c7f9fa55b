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
    places = block.positions[:, massive] + np.float32(0.0)  # makes -0 to 0
    keys = (places.view(np.uint32).astype(np.uint64) * FACTORS).sum(axis=-1, dtype=np.uint64)
    keys.sort(axis=1)
    for frame in np.flatnonzero((keys[:, 1:] == keys[:, :-1]).any(axis=1)):
        _, first, counts = np.unique(places[frame], axis=0, return_index=True, return_counts=True)
        if (counts == 1).all():
            continue
        one = int(first[counts > 1].min())
        other = int(np.flatnonzero((places[frame] == places[frame, one]).all(axis=1))[1])
        raise InputError(
            f"{where}: at {block.times[frame]:g} ps {labels[massive[one]]} and "
            f"{labels[massive[other]]} are at the same place, which no force field allows: the "
            "frame is damaged, or the file has gaps; leave it out with 'begin' and 'end'"
        )
