"""The library that formulas compute with: NumPy in atomistic dynamics, PyTorch for batches."""

import dataclasses
from collections.abc import Callable
from types import ModuleType
from typing import Any, Protocol, TypeVar

import numpy as np

Array = TypeVar("Array")


@dataclasses.dataclass(frozen=True)
class Arrays:
    """One formula serves both libraries, so that they cannot disagree.

    Attributes:
        library: the module `numpy`, or one with functions of the same names: `torch`.
        make: an array of this library from constants.
    """

    library: ModuleType
    make: Callable[[Any], Any]


NUMPY = Arrays(np, lambda values: np.asarray(values, dtype=float))
"""Double precision."""


class BeadFunction(Protocol):
    """A function of the positions of beads in one piece, with its gradient."""

    def __call__(self, positions: Array) -> tuple[Array, Array]:
        """Values and gradients.

        Args:
            positions: nm, shape (n, n_beads, 3).

        Returns:
            values, shape (n,), and their gradients in the positions, shape (n, n_beads, 3).
        """
