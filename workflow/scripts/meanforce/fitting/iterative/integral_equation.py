"""Response of g(r) to the pair potential of a liquid of one kind of beads, from g(r) alone.

The Ornstein-Zernike equation, h = c + ρ h∗c, with the hypernetted-chain (HNC) closure,
u/kT = h − ln g − c: Hansen, McDonald, Theory of Simple Liquids, chapter 4. Its derivative is
δu/kT = −(1/g − 1) δg − δc, with δc = δh/S² in Fourier space and S = 1 + ρh the structure factor
(Delbary, Hanke, Ivanizki, Inverse Probl. Sci. Eng. 28, 1166 (2020)).
"""

import dataclasses
import functools

import numpy as np

BEYOND = 3
"""The grid ends at this many cutoffs."""

SMALLEST = 0.01
"""Least structure factor: noise of g must not make it negative."""

SHARES = np.linspace(0.1, 1.0, 10)
"""Of the density, at which the tail of h is found one after the other: without a tail, h of a
dense liquid has negative structure factors, from which Newton's method does not come back."""

STEPS, SETTLED = 10, 1e-9
"""Newton's method for the tail of h: at most this many steps, and the change that ends it."""

FAINT = 0.1
"""Least g beyond the cutoff, where it is near one."""


@dataclasses.dataclass(frozen=True)
class Grid:
    """Distances (i + ½)Δ, and a radial Fourier transform on them that is its own inverse.

    Attributes:
        width: Δ, nm.
        inside: points below the cutoff.
    """

    width: float
    inside: int

    @classmethod
    def of(cls, cutoff: float, width: float) -> "Grid":
        """Points at about a distance, one bin of which ends at the cutoff; nm."""
        inside = max(1, round(cutoff / width))
        return cls(cutoff / inside, inside)

    @property
    def size(self) -> int:
        """Of all points."""
        return BEYOND * self.inside

    @functools.cached_property
    def places(self) -> np.ndarray:
        """nm, shape (size,)."""
        return self.width * (np.arange(self.size) + 0.5)

    @functools.cached_property
    def waves(self) -> np.ndarray:
        """Wave numbers, 1/nm, shape (size,)."""
        return np.pi / (self.width * self.size) * (np.arange(self.size) + 0.5)

    @functools.cached_property
    def sines(self) -> np.ndarray:
        """√(2/n) sin(kr), orthogonal and symmetric, shape (size, size)."""
        return np.sqrt(2 / self.size) * np.sin(np.outer(self.waves, self.places))

    def transformed(self, values: np.ndarray) -> np.ndarray:
        """∫ f e^{ikr} d³r = (4π/k) ∫ r f sin(kr) dr of values at all places, nm³."""
        factor = 4 * np.pi * self.width * np.sqrt(self.size / 2) / self.waves
        return factor * (self.sines @ (self.places * values))

    def filtered(self, values: np.ndarray, factor: np.ndarray) -> np.ndarray:
        """Values at all places after multiplication in Fourier space."""
        return self.sines @ (factor * (self.sines @ (self.places * values))) / self.places

    def operator(self, factor: np.ndarray) -> np.ndarray:
        """The matrix of `filtered`, shape (size, size)."""
        return (self.sines @ (factor[:, None] * self.sines)) * self.places / self.places[:, None]


def continued(g: np.ndarray, density: float, grid: Grid) -> np.ndarray:
    """h at all places from g within the cutoff.

    Beyond it there is no potential, so that c = h − ln(1 + h) there, which with the
    Ornstein-Zernike equation determines h.

    Args:
        g: shape (grid.inside,).
        density: of beads, 1/nm³.
        grid: of the places.
    """
    h = np.zeros(grid.size)
    h[: grid.inside] = g - 1
    for share in SHARES:
        _set_tail(h, share * density, grid)
    return h


def _set_tail(h: np.ndarray, density: float, grid: Grid) -> None:
    """Change h beyond the cutoff, by Newton's method, to the solution at a density."""
    out = slice(grid.inside, None)
    for _ in range(STEPS):
        factor = structure_factor(h, density, grid)
        direct, tail = grid.filtered(h, 1 / factor)[out], h[out]
        slope = grid.operator(factor**-2.0)[out, out] + np.diag(1 / (1 + tail) - 1)
        change = -np.linalg.solve(slope, direct - tail + np.log1p(tail))
        h[out] = np.maximum(tail + change, FAINT - 1)
        if abs(change).max() < SETTLED:
            return


def structure_factor(h: np.ndarray, density: float, grid: Grid) -> np.ndarray:
    """S = 1 + ρh at the wave numbers of the grid, shape (grid.size,)."""
    return np.maximum(1 + density * grid.transformed(h), SMALLEST)


def response(g: np.ndarray, density: float, grid: Grid) -> np.ndarray:
    """kT ∂g_i/∂u_j by HNC, both within the cutoff, shape (grid.inside, grid.inside).

    −(1 − G(1 − 1/S²))⁻¹ G with G the diagonal matrix of g, which holds where g is zero, too.

    Args:
        g: shape (grid.inside,).
        density: of beads, 1/nm³.
        grid: of the places.
    """
    h = continued(g, density, grid)
    full = np.maximum(1 + h, 0.0)
    change = grid.operator(1 - structure_factor(h, density, grid) ** -2.0)
    matrix = np.eye(grid.size) - full[:, None] * change
    columns = np.diag(full)[:, : grid.inside]
    return -np.linalg.solve(matrix, columns)[: grid.inside]
