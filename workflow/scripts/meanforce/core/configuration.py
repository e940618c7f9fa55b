"""What every potential, engine and metric takes: positions, temperature and, maybe, a cell."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

Array = TypeVar("Array")
"""A NumPy array or a PyTorch tensor; this module needs neither."""


@dataclasses.dataclass(frozen=True)
class Configuration(Generic[Array]):
    """A batch of configurations of the same beads, each a state (R, T) and its periodic cell.

    Attributes:
        positions: nm, shape (n, n_beads, 3); with a cell, any of the periodic images.
        temperature: K, one number or shape (n,).
        cell: periodic box vectors in nm, in rows: shape (3, 3), the same for all, or (n, 3, 3);
            None without a periodic box.
    """

    positions: Array
    temperature: float | Array
    cell: Array | None = None

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def n_beads(self) -> int:
        """Number of beads."""
        return self.positions.shape[1]

    @property
    def temperature_per_frame(self) -> bool:
        """Whether each configuration has a temperature of its own."""
        return len(getattr(self.temperature, "shape", ())) > 0

    @property
    def cell_per_frame(self) -> bool:
        """Whether each configuration has a cell of its own."""
        return self.cell is not None and len(self.cell.shape) == 3

    def select(self, chosen: slice | Array) -> "Configuration[Array]":
        """Some of the configurations, by slice, mask or index."""
        return Configuration(
            self.positions[chosen],
            self.temperature[chosen] if self.temperature_per_frame else self.temperature,
            self.cell[chosen] if self.cell_per_frame else self.cell,
        )

    def split(self, size: int) -> Iterator["Configuration[Array]"]:
        """Parts of at most `size`, in order; at least one part, even without configurations."""
        for start in range(0, max(1, len(self)), size):
            yield self.select(slice(start, start + size))

    def map(self, function: Callable[[Array], Array]) -> "Configuration[Array]":
        """The same with a function of positions and cell, such as a change of type or device."""
        cell = None if self.cell is None else function(self.cell)
        return Configuration(function(self.positions), self.temperature, cell)

    def at(self, temperature: float | Array) -> "Configuration[Array]":
        """The same positions and cells at other temperatures (K)."""
        return dataclasses.replace(self, temperature=temperature)
