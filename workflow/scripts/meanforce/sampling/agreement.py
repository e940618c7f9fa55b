"""Do the two free energies that metadynamics gives agree?

One is the scaled bias, F = −γ/(γ−1)·V (Barducci, Bussi, Parrinello, PRL 100, 020603 (2008)); the
other comes from the frames' weights (Tiwary, Parrinello, J. Phys. Chem. B 119, 736 (2015)).

Hills of finite width cannot follow every feature of F, however long the run. Once the bias only
grows as a whole, g ∗ exp[−(F + γ/(γ−1)·V)/kT] is constant, with g the shape of a hill: hills of
height ∝ exp[−V/(kT(γ−1))] then fall everywhere equally often. So the two are compared at that
resolution: the difference is −kT ln of that convolution, up to a constant.
"""

import dataclasses

import numpy as np
from scipy.interpolate import RegularGridInterpolator
from scipy.ndimage import gaussian_filter1d

from meanforce.sampling.grid import BiasGrid
from meanforce.units import kt

CUTOFF = 15.0
"""Free energies up to this value are compared, kJ/mol."""

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
    """Compare the two free energies, at the resolution of the hills.

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
    kT = kt(temperature)
    scale = bias_factor / ((bias_factor - 1.0) * kT)
    bins = _Bins.about_as_wide_as(width, grid)
    tables = bins.histograms(variables, log_weights)
    total = tables.sum(0)
    kept = (tables > 0).all(0) & (total > total.max() * np.exp(-CUTOFF / kT))
    if kept.sum() < 3:
        return None
    populations = total[kept] / total[kept].sum()

    def differences(bias: np.ndarray) -> np.ndarray:
        """Of the free energies: for all frames, then for each block; shape (1 + n, n_kept)."""
        at = RegularGridInterpolator(grid.axes, bias, bounds_error=False, fill_value=None)
        ratios = bins.histograms(variables, log_weights - scale * at(variables))
        sums = np.concatenate([ratios.sum(0)[None], ratios])
        values = -kT * np.log([bins.smooth(table, kept)[kept] for table in sums])
        return values - (values @ populations)[:, None]

    final, *by_block = differences(grid.values)
    earlier = differences(grid.values - late_hills.values)[0]
    error = np.var(by_block, 0, ddof=1) / BLOCKS + (final - earlier) ** 2 / 4.0
    return Agreement(
        float(np.sqrt((final**2).mean())), float(np.sqrt(error.mean())), int(kept.sum())
    )


@dataclasses.dataclass(frozen=True)
class _Bins:
    """Bins of the variables, with the width of a hill in bins along each of them."""

    number: list[int]
    ranges: list[tuple[float, float]]
    hill: list[float]
    periodic: list[bool]

    @classmethod
    def about_as_wide_as(cls, width: list[float], grid: BiasGrid) -> "_Bins":
        ranges = [(float(axis[0]), float(axis[-1])) for axis in grid.axes]
        lengths = [high - low for low, high in ranges]
        number = [max(4, round(length / w)) for length, w in zip(lengths, width, strict=True)]
        hill = [w * n / length for w, n, length in zip(width, number, lengths, strict=True)]
        return cls(number, ranges, hill, [variable.periodic for variable in grid.variables])

    def histograms(self, variables: np.ndarray, log_weights: np.ndarray) -> np.ndarray:
        """Sums of weights for each block of frames, shape (BLOCKS, ...)."""
        block = np.arange(len(variables)) * BLOCKS // len(variables)
        weights = np.exp(log_weights - log_weights.max())
        return np.array(
            [
                np.histogramdd(
                    variables[block == b], self.number, self.ranges, weights=weights[block == b]
                )[0]
                for b in range(BLOCKS)
            ]
        )

    def smooth(self, table: np.ndarray, kept: np.ndarray) -> np.ndarray:
        """Mean over the neighbourhood of a hill, of the bins that are kept."""
        sums = np.stack([np.where(kept, table, 0.0), kept.astype(float)])
        for axis, (sigma, periodic) in enumerate(zip(self.hill, self.periodic, strict=True)):
            mode = "wrap" if periodic else "constant"
            sums = gaussian_filter1d(sums, sigma, axis=1 + axis, mode=mode)
        return np.divide(sums[0], sums[1], out=np.zeros_like(table), where=kept)
