"""Positions that were rounded before a format with all digits stored them."""

import numpy as np

FRAMES = 50
"""Frames that are looked at."""

ATOMS = 2000
"""Atoms that are looked at."""

FEWEST = 12
"""Numbers that differ between frames below which nothing can be seen."""

SHARE = 0.5
"""Least share of numbers on a grid, beyond those that are there by chance. Molecules that were made
whole, or wrapped, in a box whose edges are not on the grid are partly off it."""

COARSEST, FINEST = 1e-2, 1e-4
"""nm; grids that are looked for are coarser than the finest one, which is fine enough."""


class Sample:
    """Some atoms of the first frames, until there are enough of them."""

    def __init__(self) -> None:
        self._parts: list[np.ndarray] = []
        self._count = 0

    def add(self, positions: np.ndarray) -> bool:
        """Add frames, nm, shape (n_frames, n_atoms, 3); returns whether there are enough."""
        wanted = positions[: FRAMES - self._count, :ATOMS]
        self._parts.append(wanted.copy())
        self._count += len(wanted)
        return self._count == FRAMES

    def rounding(self, length: float) -> float | None:
        """See `rounding`; begins anew. A single frame may be a start structure, which is rounded.

        Args:
            length: unit of the file's positions, nm.
        """
        parts, count = self._parts, self._count
        self._parts, self._count = [], 0
        return rounding(np.concatenate(parts), length) if count > 1 else None


def rounding(positions: np.ndarray, length: float) -> float | None:
    """What positions are rounded to, nm; None if no decimal grid holds them.

    Numbers of the file and of nm are looked at, as they are and from each atom to the next one, as
    the grid may have been shifted. Numbers that never change are left out: walls and planes.

    Args:
        positions: nm, shape (n_frames, n_atoms, 3), in single precision.
        length: unit of the file's positions, nm.
    """
    frames = positions.astype(float)
    step = 4.0 * np.finfo(np.float32).eps * max(float(np.abs(frames).max()), 1e-3)
    for grid in _grids(length):
        chance = min(2.0 * step / grid, 1.0)
        for values in (frames, np.diff(frames, axis=1)):
            moving = values[:, np.ptp(values, axis=0) > 0]
            moving = moving[moving != 0.0]
            if len(moving) < FEWEST:
                continue
            off = np.abs(moving - grid * np.round(moving / grid))
            if (off <= step).mean() > chance + SHARE * (1.0 - chance):
                return grid
    return None


def _grids(length: float) -> list[float]:
    """Grids of a decimal digit, nm, the coarsest first."""
    found = {
        unit * 10.0**-digits for unit in (1.0, length) for digits in range(-6, 16)
        if FINEST * 1.001 < unit * 10.0**-digits <= COARSEST * 1.001
    }  # fmt: skip
    return sorted(found, reverse=True)
