"""Do the two free energies that metadynamics gives agree?

One is the scaled bias, F = −γ/(γ−1)·V (Barducci, Bussi, Parrinello, PRL 100, 020603 (2008)); the
other comes from the frames' weights (Tiwary, Parrinello, J. Phys. Chem. B 119, 736 (2015)).
"""

import dataclasses

import numpy as np

from meanforce.sampling.grid import BiasGrid
from meanforce.units import kt

CUTOFF = 15.0
"""Free energies up to here are compared, kJ/mol."""

BLOCKS = 5
"""Blocks of frames from whose scatter the error of reweighting is taken."""


@dataclasses.dataclass(frozen=True)
class Agreement:
    """Root mean squares over bins, kJ/mol.

    Attributes:
        difference: between the two free energies, up to a constant.
        error: expected from the error of reweighting and the drift of the bias.
        bins: number of bins.
    """

    difference: float
    error: float
    bins: int

    def line(self) -> str:
        """For the log."""
        verdict = (
            "they agree"
            if self.difference < 3.0 * self.error
            else "they DISAGREE: sample longer, or let the bias burn in longer"
        )
        return (
            f"free energies of the bias and of reweighting differ by {self.difference:.2f} kJ/mol "
            f"(rms over {self.bins} bins; expected error {self.error:.2f}): {verdict}"
        )


def agreement(
    grid: BiasGrid,
    late_hills: BiasGrid,
    width: list[float],
    bias_factor: float,
    variables: np.ndarray,
    log_weights: np.ndarray,
    temperature: float,
) -> Agreement | None:
    """Compare the two free energies in bins about as wide as a hill.

    Args:
        grid: the final bias.
        late_hills: the part of it that the second half of the hills made.
        width: of a hill along each variable.
        bias_factor: γ.
        variables: of all frames, shape (n_frames, n_variables).
        log_weights: of all frames, shape (n_frames,).
        temperature: K.

    Returns:
        None where too few bins were visited.
    """
    thermal, scale = kt(temperature), -bias_factor / (bias_factor - 1.0)
    ranges = [(axis[0], axis[-1]) for axis in grid.axes]
    bins = [
        max(4, round((high - low) / sigma))
        for (low, high), sigma in zip(ranges, width, strict=True)
    ]
    block = np.arange(len(variables)) * BLOCKS // len(variables)
    weights = np.exp(log_weights - log_weights.max())
    tables = np.array(
        [
            np.histogramdd(variables[block == b], bins, ranges, weights=weights[block == b])[0]
            for b in range(BLOCKS)
        ]
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        reweighted = -thermal * np.log(tables.sum(0))
        by_block = -thermal * np.log(tables)
        final = _binned(grid, grid.values * scale, bins, ranges, thermal)
        earlier = _binned(grid, (grid.values - late_hills.values) * scale, bins, ranges, thermal)
        kept = np.isfinite(by_block).all(0) & (reweighted - np.nanmin(reweighted) < CUTOFF)
    if kept.sum() < 3:
        return None
    populations = tables.sum(0)[kept] / tables.sum(0)[kept].sum()

    def centered(values: np.ndarray) -> np.ndarray:
        return values[kept] - populations @ values[kept]

    scatter = np.array([centered(values) for values in by_block]).var(0, ddof=1) / BLOCKS
    drift = (centered(final) - centered(earlier)) ** 2 / 4.0
    difference = (centered(final) - centered(reweighted)) ** 2
    return Agreement(
        float(np.sqrt(difference.mean())), float(np.sqrt((scatter + drift).mean())), int(kept.sum())
    )


def _binned(
    grid: BiasGrid,
    values: np.ndarray,
    bins: list[int],
    ranges: list[tuple[float, float]],
    thermal: float,
) -> np.ndarray:
    """Free energy of bins from that of grid points."""
    points = np.stack(np.meshgrid(*grid.axes, indexing="ij"), axis=-1).reshape(-1, len(grid.axes))
    flat = values.ravel()
    boltzmann = np.exp(-(flat - flat.min()) / thermal)
    total = np.histogramdd(points, bins, ranges, weights=boltzmann)[0]
    count = np.histogramdd(points, bins, ranges)[0]
    return -thermal * np.log(total / count)
