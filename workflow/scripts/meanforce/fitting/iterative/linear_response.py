"""Linear response of histograms to the potential in their bins, and steps that follow from it.

S_i is the number of coordinates in bin i of a frame, and U_j the energy of each in bin j. In the
canonical ensemble ∂⟨S_i⟩/∂U_j = −β Cov(S_i, S_j).
"""

import dataclasses
import itertools
from collections.abc import Iterable

import numpy as np

from meanforce.fitting.iterative.coordinates import Values
from meanforce.fitting.iterative.histograms import PER_FUNCTION, Bins, Histograms
from meanforce.fitting.iterative.moments import Moments
from meanforce.potentials.linear import LinearPotential

FAINT = 1e-10
"""Smallest ratio of counts whose logarithm is taken, as of a bin that the target leaves empty."""

WEAKEST = 1e-12
"""Relative variance of a count that does not change, by rounding."""


class BinCounts:
    """Counts each curve's coordinates in bins as wide as its basis functions (`Features`).

    Finer structure is not in the potential's reach, and only adds noise.

    Args:
        potential: a sum of terms, in double precision; its coefficients do not matter.

    Attributes:
        bins: of each curve.
        parts: where the bins of each curve are among all bins.
        size: number of all bins.
        histograms: finer ones, whose counts are merged.
    """

    def __init__(self, potential: LinearPotential) -> None:
        self.histograms = Histograms(potential)
        self.bins = [
            Bins(fine.lower, fine.width * PER_FUNCTION, fine.count // PER_FUNCTION)
            for fine in self.histograms.bins
        ]
        ends = np.cumsum([0, *(bins.count + 2 for bins in self.bins)])
        self.parts = [slice(int(a), int(b)) for a, b in itertools.pairwise(ends)]
        self.size = int(ends[-1])

    def of(self, coordinates: Iterable[Values], n_frames: int) -> np.ndarray:
        """Counts in each frame, shape (n_frames, size)."""
        return self.merged(self.histograms.counted(coordinates, n_frames))

    def merged(self, counts: np.ndarray) -> np.ndarray:
        """From counts in the finer bins, shape (..., histograms.size), to shape (..., size)."""
        fine = zip(self.histograms.bins, self.histograms.parts, strict=True)
        return np.concatenate([bins.merged(counts[..., part]) for bins, part in fine], axis=-1)


@dataclasses.dataclass(frozen=True)
class Response:
    """Response of the counts, in units of their spread, and their difference from the target.

    With the correlations C_ij = Cov(S_i, S_j)/(s_i s_j), s_i² = Var S_i, and x_i = s_i ΔU_i/kT, the
    equations of inverse Monte Carlo are C x = d, d_i = (⟨S_i⟩ − S_i of the target)/s_i. Rare pairs
    and stiff bonds then count alike: the noise of each d_i is that of as many frames.

    Attributes:
        matrix: C of the bins that are not empty, shape (n, n).
        difference: d, shape (n,).
        spread: s, shape (n,).
        filled: numbers of these bins, shape (n,).
        size: number of all bins.
        weakest: √λ; see `solve`.
    """

    matrix: np.ndarray
    difference: np.ndarray
    spread: np.ndarray
    filled: np.ndarray
    size: int
    weakest: float

    @classmethod
    def of(cls, sampled: Moments, target: np.ndarray, strength: float) -> "Response":
        """Of the counts in a CG run.

        Linear response of independent counts with mean n, ΔU/kT = (n − m)/n, is the first term of
        ln(n/m). To have the logarithm there, s_i² is Var S_i times (n − m)/(n ln(n/m)), which has
        the logarithmic mean of n and m in the place of n. At the target nothing changes.

        Args:
            sampled: moments of the counts.
            target: m, mean counts of the target, shape (size,).
            strength: √λ over the largest singular value of C.
        """
        mean, covariance = sampled.mean, sampled.covariance
        variance = np.diag(covariance)
        filled = np.flatnonzero((mean > 0) & (variance > WEAKEST * mean**2))
        spread = np.sqrt(variance[filled])
        matrix = covariance[np.ix_(filled, filled)] / np.outer(spread, spread)
        n, m = mean[filled], target[filled]
        spread = spread * np.sqrt(_logarithmic(m / n))
        weakest = strength * float(np.linalg.norm(matrix, 2)) if len(filled) else 1.0
        return cls(matrix, (n - m) / spread, spread, filled, len(mean), weakest)

    def solve(self) -> np.ndarray:
        """ΔU/kT of all bins, shape (size,), with Tikhonov's regularisation.

        x minimises |C x − d|² + λ|x|². For inverse Monte Carlo: Rosenberger, Hanke, van der Vegt,
        Eur. Phys. J. Spec. Top. 225, 1323 (2016), who do not scale by the spread.
        """
        square = self.matrix @ self.matrix + self.weakest**2 * np.eye(len(self.filled))
        result = np.zeros(self.size)
        found = np.linalg.solve(square, self.matrix @ self.difference)
        result[self.filled] = found / self.spread
        return result


def _logarithmic(ratio: np.ndarray) -> np.ndarray:
    """(x − 1)/ln x, which is 1 at x = 1."""
    x = np.maximum(ratio, FAINT)
    near = abs(x - 1) < 1e-6
    return np.where(near, 0.5 * (x + 1), (x - 1) / np.where(near, 1.0, np.log(x)))
