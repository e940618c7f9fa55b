"""Where along a bias chains have been, and how often beyond the ends of its grid.

There the bias is constant: weights stay right, since every frame has its bias energy, but nothing
is flattened.
"""

from collections.abc import Sequence

import torch

from meanforce.dynamics.grid import Grid

ROUNDING = 1e-6
"""Part of an axis by which a value may be beyond an end without being counted."""


class Visits:
    """Counts and ranges of values along the axes of a grid.

    Args:
        grid: of the bias.

    Attributes:
        table: float64, on the CPU, shape (2, 1 + n_axes): counted values and the lowest along each
            axis; values beyond an end and the highest along each axis.
    """

    def __init__(self, grid: Grid) -> None:
        ends = torch.tensor(grid.ends, dtype=torch.float64)
        self._low, self._high = ends.T
        self._bounded = ~torch.tensor(grid.periodic)
        self._slack = ROUNDING * (self._high - self._low)
        self.table = torch.zeros((2, 1 + len(ends)), dtype=torch.float64)
        self.table[0, 1:], self.table[1, 1:] = torch.inf, -torch.inf

    @property
    def possible(self) -> bool:
        """Whether the grid has ends."""
        return bool(self._bounded.any())

    def add(self, values: torch.Tensor) -> None:
        """Count values of shape (n, n_axes); none are beyond the ends of a periodic axis."""
        values = values.detach().double().cpu()
        if not len(values) or not self.possible:
            return
        beyond = (values < self._low - self._slack) | (values > self._high + self._slack)
        self.table[0, 0] += len(values)
        self.table[1, 0] += int((beyond & self._bounded).any(1).sum())
        self.table[0, 1:] = torch.minimum(self.table[0, 1:], values.amin(0))
        self.table[1, 1:] = torch.maximum(self.table[1, 1:], values.amax(0))

    @property
    def share(self) -> float:
        """Share of the counted values that are beyond an end."""
        counted, beyond = self.table[:, 0].tolist()
        return beyond / counted if counted else 0.0

    def in_words(self, names: Sequence[str], units: Sequence[str]) -> str:
        """Along which axes values were beyond an end, and how far."""
        low, high = self.table[:, 1:]
        wide = self._bounded & ((low < self._low - self._slack) | (high > self._high + self._slack))
        return "; ".join(
            f"'{name}' was from {low[axis]:.4g} to {high[axis]:.4g}, but its grid is from "
            f"{self._low[axis]:.4g} to {self._high[axis]:.4g} {unit}".rstrip()
            for axis, (name, unit) in enumerate(zip(names, units, strict=True))
            if wide[axis]
        )
