"""Distances of two distributions that are known from finite data: floor, noise, resolution.

Let δ be the true difference of two distributions in coordinates in which the squared distance is
D = |x|², and let the measured difference be x = δ + ε, with noise ε of covariance Σ = Σ_a + Σ_b
from the two sides. Then, for normal noise,

    ⟨D⟩ = |δ|² + tr Σ,    Var D = 4 δᵀΣδ + 2 tr Σ²:

tr Σ is the noise floor, what two samples of the same distribution score, and 2 tr Σ² the variance
of such scores. The bootstrap finds neither from noisy data: its draws have the noise twice, and its
variance is 4 δᵀΣδ + 6 tr Σ². Here both come from the residuals e_i of n independent units, as
Σ_i |e_i|² and, without the bias (tr Σ)²/(n − 1) of tr (Σ_i e_i e_iᵀ)², by Himeno, Yamada,
J. Multivar. Anal. 130, 27 (2014). The scores of perfect models are spread as a multiple of χ² with
the same mean and variance, whose quantile is the smallest score that is taken for an error.
"""

import abc
import dataclasses
import math

import numpy as np
from scipy.special import fdtri

from meanforce.statistics.errors import LEVEL

STEP = 0.1
"""Fraction of the way to another distribution over which a derivative is taken."""


@dataclasses.dataclass(frozen=True)
class Noise:
    """Effects of finite data on a distance, in its unit.

    Attributes:
        floor: mean of the distance of two samples of one distribution.
        floor_reference: the same, if the model's side were exact.
        null: standard deviation of the distance of two such samples, with the uncertainty of the
            floor.
        stderr: standard deviation of the distance as it was measured.
        resolution: distance that two such samples exceed with probability `LEVEL`.
    """

    floor: float
    floor_reference: float
    null: float
    stderr: float
    resolution: float


class Distance(abc.ABC):
    """A distance of two distributions, 0 where they are equal."""

    @abc.abstractmethod
    def value(self, p: np.ndarray, q: np.ndarray) -> float:
        """The distance of two distributions of the same shape."""

    @abc.abstractmethod
    def noise(self, model: np.ndarray, reference: np.ndarray) -> Noise:
        """Effects of finite data on it.

        Args:
            model, reference: histograms by independent units, each of shape (n_units, ...), 1 in
                sum over all; one unit is exact.
        """

    def slope(self, p: np.ndarray, other: np.ndarray, q: np.ndarray) -> float:
        """Change of the distance from q, to first order, when p changes to another distribution."""
        step = STEP * (other - p)
        near, far = (np.maximum(p + sign * step, 0.0) for sign in (1, -1))
        return (self.value(near / near.sum(), q) - self.value(far / far.sum(), q)) / (2 * STEP)


def trace_of_square(vectors: np.ndarray, dof: float) -> float:
    """Unbiased estimate of tr Σ², where Σ is estimated by Σ_i e_i e_iᵀ; at least 0.

    Himeno, Yamada (2014), for normal e.

    Args:
        vectors: e, shape (n, n_components).
        dof: degrees of freedom of the estimate of Σ: n − 1.
    """
    # Both products have the same trace, and the same sum of squares.
    many = len(vectors) > vectors.shape[1]
    gram = vectors.T @ vectors if many else vectors @ vectors.T
    trace, square = np.trace(gram), (gram**2).sum()
    if dof < 2:
        # With one degree of freedom the number of the noise's directions is unknown: at least one.
        return float(trace**2) / 3 if dof > 0 else 0.0
    return max(0.0, float(dof**2 / ((dof - 1) * (dof + 2)) * (square - trace**2 / dof)))


def of_noise(
    value: float,
    floors: tuple[float, float],
    squares: tuple[float, float, float],
    dofs: tuple[int, int],
    linear: float,
) -> Noise:
    """Noise of a distance that adds up like a square.

    Args:
        value: as measured.
        floors: tr Σ of model and reference.
        squares: tr Σ_a², tr Σ_b² and tr Σ_aΣ_b.
        dofs: degrees of freedom of Σ_a and Σ_b; 0 where a side is exact.
        linear: Σ_i (∂D/∂(unit i))², with the noise that the derivative itself has.
    """
    floor, own = sum(floors), [2 * square for square in squares[:2]]
    null = own[0] + own[1] + 4 * squares[2]
    uncertain = sum(part / dof for part, dof in zip(own, dofs, strict=True) if dof > 0)
    total = math.sqrt(null + uncertain)
    directions, dof = freedom(floor, null, uncertain)
    resolution = floor * ratio(directions, dof)
    # ⟨linear⟩ is 4 δᵀΣδ + 4 tr Σ². Below the resolution, what is measured is noise, which would
    # count twice in the error if it were taken for δ.
    excess, seen = value - floor, max(total, resolution - floor)
    share = max(0.0, 1 - (seen / excess) ** 2) if excess > 0 else 0.0
    stderr = math.sqrt(null + share * max(0.0, linear - 2 * null))
    return Noise(floor, floors[1], total, stderr, resolution)


def freedom(floor: float, null: float, uncertain: float) -> tuple[float, float]:
    """Degrees of freedom of a sum of squares of noise, and of its mean as it was estimated.

    From unbiased estimates: ⟨t²⟩ of an estimate t of tr Σ is (tr Σ)² and its own variance.

    Args:
        floor: tr Σ.
        null: variance 2 tr Σ² of the sum.
        uncertain: variance of the estimate of tr Σ.
    """
    if not null > 0:
        return math.inf, math.inf
    square = max(floor**2 - uncertain, 0.5 * null)
    return 2 * square / null, 2 * square / uncertain if uncertain > 0 else math.inf


def ratio(directions: float, dof: float) -> float:
    """Ratio to its estimated mean that a sum of squares exceeds once in twenty times.

    Args:
        directions, dof: see `freedom`.
    """
    if math.isinf(directions):
        return 1.0
    return float(fdtri(directions, min(dof, 1e6), 1 - LEVEL))


def quadratic(
    difference: np.ndarray,
    model: np.ndarray,
    reference: np.ndarray,
    floors: tuple[float, float] | None = None,
) -> Noise:
    """Noise of D = |difference|².

    Args:
        difference: as measured, shape (n_components,).
        model, reference: residuals of the units in the same coordinates, each of shape
            (n_units, n_components); see `resampling.residuals`.
        floors: tr Σ of model and reference, where they are known better than from the residuals.
    """
    dofs = len(model) - 1, len(reference) - 1
    sides = model, reference
    traces = [trace_of_square(side, dof) for side, dof in zip(sides, dofs, strict=True)]
    return of_noise(
        float(difference @ difference),
        floors or tuple(float((side**2).sum()) for side in sides),
        (*traces, _trace_of_product(model, reference)),
        dofs,
        sum(4 * float(((side @ difference) ** 2).sum()) for side in sides),
    )


def _trace_of_product(model: np.ndarray, reference: np.ndarray) -> float:
    """tr Σ_aΣ_b, from residuals of the units, each of shape (n_units, n_components)."""
    if len(model) * len(reference) > model.shape[1] ** 2:
        return float(((model.T @ model) * (reference.T @ reference)).sum())
    return float(((model @ reference.T) ** 2).sum())


def rooted(noise: Noise, square: float) -> Noise:
    """Noise of a distance √D from that of D, to first order.

    Args:
        noise: of D.
        square: D as measured.
    """
    floor = math.sqrt(noise.floor)
    at_null, here = 2 * max(floor, 1e-300), 2 * math.sqrt(max(square, noise.floor, 1e-300))
    return Noise(
        floor,
        math.sqrt(noise.floor_reference),
        noise.null / at_null,
        noise.stderr / here,
        math.sqrt(noise.resolution),
    )
