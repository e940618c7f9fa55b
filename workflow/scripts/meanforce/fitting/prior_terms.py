"""Parameters of prior terms from the distribution of one coordinate (or of several alike).

Boltzmann inversion, U(q) = −kT ln[p(q)/J(q)], J the Jacobian of q: r² of a distance, sin θ of an
angle, 1 of a dihedral; Tschöp et al., Acta Polym. 49, 61 (1998). A harmonic U has variance kT/k.
"""

import dataclasses
import math

import numpy as np

from meanforce.errors import InputError

RIGID = {"bond": 1e-4, "angle": 1e-3, "chirality": 1e-3}
"""Spreads (nm, rad) below which a coordinate is a constraint: kT/spread² is then 10⁸ kJ/mol/nm² or
10⁶ kJ/mol/rad², which no usable time step can follow."""

LOWEST_SINE = 0.01
"""Angles nearer to 0 or π than this count no more than at this distance."""

DIHEDRAL_BINS = 72

MIXTURE_BINS, MIXTURE_STEPS = 720, 300
"""Bins of an angle that a mixture is fitted to, and steps of the fit."""

SMALLEST_SHARE = 1e-3
"""Of a Gaussian of a mixture."""

SURE = 4.0
"""Standard errors by which the middle of a distribution must lie below its sides to be refused."""


@dataclasses.dataclass(frozen=True)
class Sample:
    """Values of one coordinate, or of several that share parameters.

    Attributes:
        name: for messages, such as ``bond C–N``.
        values: nm or rad, shape (n,).
        weights: of the values, mean 1, shape (n,).
        kt: kJ/mol, mean over the frames.
    """

    name: str
    values: np.ndarray
    weights: np.ndarray
    kt: float


class NoSingleWell(InputError):
    """A distribution that no harmonic term with k > 0 describes."""


def harmonic(sample: Sample, kind: str) -> tuple[float, float]:
    """Centre and force constant k = kT/variance, the frames weighted with 1/J.

    Args:
        sample: of bonds or angles.
        kind: ``bond`` or ``angle``.

    Raises:
        InputError: the coordinate is rigid.
        NoSingleWell: its distribution has less in the middle than beside it (k ≤ 0).
    """
    q = sample.values
    jacobian = q**2 if kind == "bond" else np.maximum(np.sin(q), LOWEST_SINE)
    weights = sample.weights / jacobian
    center = float(np.average(q, weights=weights))
    spread = float(np.sqrt(np.average((q - center) ** 2, weights=weights)))
    where = f"potential.prior.{kind}s: {sample.name}"
    unit = "nm" if kind == "bond" else "rad"
    if not spread > RIGID[kind]:
        raise InputError(
            f"{where} is rigid (it spreads by {spread:.1e} {unit} about {center:.4g} {unit}), so "
            f"kT/variance is not a force constant; leave '{kind}s' out of the prior, or choose a "
            "mapping without beads at constrained distances"
        )
    _refuse_two_wells(where, (q - center) / spread, weights)
    return center, sample.kt / spread**2


def _refuse_two_wells(where: str, z: np.ndarray, weights: np.ndarray) -> None:
    """Refuse a distribution that has less in the middle than beside it: there, k ≤ 0.

    Args:
        where: for the message.
        z: distance from the mean, in standard deviations.
        weights: of these values.
    """
    weights = weights / weights.sum()
    middle = weights[np.abs(z) < 0.5].sum()
    beside = weights[(np.abs(z) >= 0.5) & (np.abs(z) < 1.5)].sum() / 2
    # Standard error of middle − beside, for effective values without correlation.
    error = math.sqrt((middle + beside / 2) * (weights**2).sum())
    if middle < beside - SURE * error:
        raise NoSingleWell(
            f"{where} has no single well (its density at the mean is {middle / beside:.2f} of that "
            "beside it), so that k ≤ 0 there; use 'parameters: by_coordinate' if several "
            "coordinates share parameters, or leave it out of the prior"
        )


def mixture(sample: Sample) -> dict[str, list[float] | float]:
    """−kT ln of two Gaussians of an angle, the frames weighted with 1/sin θ.

    Expectation maximisation of a histogram: Dempster, Laird, Rubin, J. R. Stat. Soc. B 39, 1
    (1977). An angle with a single well gets two Gaussians that overlap.

    Returns:
        `center` in rad, `stiffness` k = kT/σ² in kJ/mol/rad² and `energy` −kT ln(w/σ) in kJ/mol of
        each Gaussian, the energies from the lower one's; `share` w; and `kt` in kJ/mol.

    Raises:
        InputError: the angle is rigid.
    """
    edges = np.linspace(0.0, np.pi, MIXTURE_BINS + 1)
    theta = (edges[1:] + edges[:-1]) / 2
    weights = sample.weights / np.maximum(np.sin(sample.values), LOWEST_SINE)
    density, _ = np.histogram(sample.values, edges, weights=weights)
    density = density / density.sum()
    mean = float(density @ theta)
    spread = math.sqrt(density @ (theta - mean) ** 2)
    _refuse_rigid("angles", sample.name, mean, float(np.std(sample.values)), RIGID["angle"])
    # A Gaussian that shrinks to a few frames would be a needle.
    narrowest = max(spread / 10, 2 * float(theta[1] - theta[0]))
    center = mean + spread * np.array([-1.0, 1.0])
    width, share = np.full(2, max(spread / 2, narrowest)), np.full(2, 0.5)
    for _ in range(MIXTURE_STEPS):
        logs = np.log(share / width) - 0.5 * ((theta[:, None] - center) / width) ** 2
        belongs = np.exp(logs - logs.max(1, keepdims=True))
        belongs *= density[:, None] / belongs.sum(1, keepdims=True)
        share = np.maximum(belongs.sum(0), SMALLEST_SHARE)
        center = (belongs * theta[:, None]).sum(0) / share
        width = np.sqrt((belongs * (theta[:, None] - center) ** 2).sum(0) / share)
        width = np.maximum(width, narrowest)
        share = share / share.sum()
    energy = -sample.kt * np.log(share / width)
    return {
        "center": center.tolist(),
        "stiffness": (sample.kt / width**2).tolist(),
        "energy": (energy - energy.min()).tolist(),
        "share": share.tolist(),
        "kt": sample.kt,
    }


def _refuse_rigid(key: str, name: str, center: float, spread: float, least: float) -> None:
    """Refuse an angle, or improper dihedral, that spreads by no more than `least`, rad."""
    if not spread > least:
        raise InputError(
            f"potential.prior.{key}: {name} is rigid (it spreads by {spread:.1e} rad about "
            f"{center:.4g} rad); leave '{key}' out of the prior, or choose a mapping without beads "
            "at constrained distances"
        )


def fourier(sample: Sample, order: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Least-squares Fourier series of −kT ln p over the whole circle.

    Half a frame is added to each bin, so that bins without frames cost a finite energy.

    Returns:
        coefficients of cosines and sines, kJ/mol, each of shape (order,); and the root mean
        square misfit over bins with frames, kJ/mol.
    """
    edges = np.linspace(-np.pi, np.pi, DIHEDRAL_BINS + 1)
    counts, _ = np.histogram(sample.values, edges, weights=sample.weights)
    energy = -sample.kt * np.log(counts + 0.5)
    # The mean over a bin of cos mφ is its value in the middle times sin(mh/2)/(mh/2).
    middle, m = (edges[1:] + edges[:-1]) / 2, np.arange(1, order + 1)
    blur = np.sinc(m / DIHEDRAL_BINS)
    c, s = np.cos(middle[:, None] * m), np.sin(middle[:, None] * m)
    cosine, sine = (2 / DIHEDRAL_BINS * energy @ basis / blur for basis in (c, s))
    away = (energy - energy.mean() - c @ cosine - s @ sine)[counts > 0]
    return cosine, sine, float(np.sqrt(np.mean((away - away.mean()) ** 2)))


def handedness(sample: Sample) -> tuple[float, float]:
    """Centre ω₀ in rad and strength k in kJ/mol of k (1 − cos(ω − ω₀)) for an improper dihedral ω.

    Those of the von Mises distribution, κ = k/kT, whose mean cosine is κ times the mean square of
    the sine; Mardia, Jupp, Directional Statistics (2000), section 3.5.4.

    Raises:
        InputError: the coordinate is rigid.
    """
    turns = np.exp(1j * sample.values)
    center = float(np.angle(np.average(turns, weights=sample.weights)))
    away = sample.values - center
    spread = float(np.average(np.sin(away) ** 2, weights=sample.weights))
    _refuse_rigid("chirality", sample.name, center, math.sqrt(spread), RIGID["chirality"])
    return center, sample.kt * float(np.average(np.cos(away), weights=sample.weights)) / spread


def radius(sample: Sample, percentile: float) -> float:
    """σ of the repulsion: a low percentile of the distances, nm."""
    order = np.argsort(sample.values)
    below = np.cumsum(sample.weights[order])
    place = np.searchsorted(below, percentile / 100 * below[-1])
    return float(sample.values[order][min(place, len(order) - 1)])
