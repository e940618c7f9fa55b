"""Wasserstein-1 distance of histograms, averaged over several quantities of the same frames.

W = Σ_k |C_k| Δ, C being the difference of the cumulative distributions. Where it is noise with the
covariance Σ, ⟨W⟩ = Δ Σ_k √(2/π) σ_k on a line, and on a circle the mean over draws of that noise.
To second order in the correlations (of fully correlated bins it is 7 % too little), the relative
variance is that of (Δ²/π) Σ_kl Σ_kl²/(σ_k σ_l) on a line. Scores of perfect models are spread as
the root of a sum of squares with as many directions as the matrix Σ_kl/√(σ_k σ_l) has.
"""

import dataclasses
import math

import numpy as np
from scipy.special import gammaln

from meanforce.statistics.distances import (
    Distance,
    Noise,
    freedom,
    of_noise,
    ratio,
    trace_of_square,
)
from meanforce.statistics.resampling import DRAWS, residuals


class Wasserstein(Distance):
    """Mean Wasserstein-1 distance over items; histograms have the shape (n_items, n_bins).

    On the circle: Σ|C − median C|; Rabin, Delon, Gousseau, JMIV 41, 147 (2011).

    Args:
        widths: of the bins of each item.
        circular: whether each item lives on a circle.
    """

    def __init__(self, widths: np.ndarray, circular: np.ndarray) -> None:
        self._widths = np.asarray(widths, dtype=float)
        self._circular = np.asarray(circular, dtype=bool)

    def value(self, p: np.ndarray, q: np.ndarray) -> float:
        steps = self._cumulative(_each(p) - _each(q), np.median)
        return float(np.abs(steps).sum(axis=-1) @ self._widths / len(self._widths))

    def noise(self, model: np.ndarray, reference: np.ndarray) -> Noise:
        sides = model, reference
        p, q = (_each(side.sum(axis=0)) for side in sides)
        share = (self._widths / len(self._widths))[:, None]
        parts = [self._residuals(side) * share for side in sides]
        spread = np.sqrt(sum((part**2).sum(axis=0) for part in parts))
        scale = np.divide(1.0, np.sqrt(spread), out=np.zeros_like(spread), where=spread > 0)
        scaled = [(part * scale).reshape(len(part), -1) for part in parts]
        dofs = len(model) - 1, len(reference) - 1
        traces = [trace_of_square(one, dof) for one, dof in zip(scaled, dofs, strict=True)]
        cross = float(((scaled[0] @ scaled[1].T) ** 2).sum())
        sign = np.sign(self._cumulative(p - q, np.median))
        linear = sum(float(((part * sign).sum(axis=(1, 2)) ** 2).sum()) for part in parts)
        floor, alone = self._mean(*parts), self._mean(parts[1])
        on_a_line = math.sqrt(2 / math.pi) * float(spread.sum())
        relative = (floor / on_a_line) ** 2 / (2 * math.pi) if on_a_line > 0 else 0.0
        squares = tuple(value * relative for value in (*traces, cross))
        noise = of_noise(self.value(p, q), (floor - alone, alone), squares, dofs, linear)
        uncertain = sum(2 * one / dof for one, dof in zip(traces, dofs, strict=True) if dof > 0)
        found = freedom(float(spread.sum()), 2 * (sum(traces) + 2 * cross), uncertain)
        return dataclasses.replace(noise, resolution=floor * _quantile(*found))

    def _mean(self, *parts: np.ndarray) -> float:
        """Mean distance that normal noise causes, from residuals times the bins' widths."""
        variances = [(part**2).sum(axis=0) for part in parts]
        total = sum(variances)
        # A root of a variance from few units is too small, by 1 − 1/(4 dof).
        shares = [
            np.divide(one, total, out=np.zeros_like(one), where=total > 0) ** 2 / (len(part) - 1)
            for one, part in zip(variances, parts, strict=True)
            if len(part) > 1
        ]
        spread = np.sqrt(total) * (1 + 0.25 * sum(shares))
        mean = math.sqrt(2 / math.pi) * float(spread[~self._circular].sum())
        if not self._circular.any():
            return mean
        rng = np.random.default_rng(0)
        noise = sum(
            np.tensordot(rng.standard_normal((DRAWS, len(part))), part[:, self._circular], axes=1)
            for part in parts
        )
        centers = np.median(noise, axis=-1, keepdims=True)
        return mean + float(np.abs(noise - centers).sum(axis=(1, 2)).mean())

    def _residuals(self, units: np.ndarray) -> np.ndarray:
        """Residuals of the cumulative distributions, shape (n_units, n_items, n_bins)."""
        found = np.stack(
            [residuals(units[:, item] / units[:, item].sum()) for item in range(units.shape[1])],
            axis=1,
        )
        return self._cumulative(found, np.mean)

    def _cumulative(self, values: np.ndarray, middle) -> np.ndarray:
        sums = np.cumsum(values, axis=-1)
        centers = middle(sums, axis=-1, keepdims=True)
        return np.where(self._circular[:, None], sums - centers, sums)


def _quantile(directions: float, dof: float) -> float:
    """Ratio to its mean that a distance exceeds once in twenty times: √F over the mean of a χ."""
    if math.isinf(directions):
        return 1.0
    mean = math.exp(gammaln((directions + 1) / 2) - gammaln(directions / 2))
    return math.sqrt(ratio(directions, dof) * directions / 2) / mean


def _each(p: np.ndarray) -> np.ndarray:
    """Items normalised one by one."""
    return p / p.sum(axis=-1, keepdims=True)
