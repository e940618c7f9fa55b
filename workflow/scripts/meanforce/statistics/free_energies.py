"""Distance of two free-energy surfaces, and how much of one a sample covers."""

import math

import numpy as np
from scipy.special import ndtr

from meanforce.statistics.distances import Distance, Noise, quadratic, rooted
from meanforce.statistics.resampling import residuals
from meanforce.statistics.worth import Worth

SPARSE = 0.5
"""Relative variance of a bin up to which the logarithm of its population is expanded."""

DRAWS = 100
"""Pairs of synthetic samples from which a floor is computed."""

COUNTED = 0.1
"""Relative variance of a bin above which its noise is drawn as a count of frames."""

MANY = 1e9
"""Number of frames in a bin without noise."""


def _normal_density(z: np.ndarray) -> np.ndarray:
    """Density of the standard normal distribution at z."""
    return np.exp(-(z**2) / 2.0) / math.sqrt(2 * math.pi)


def free_energy(p: np.ndarray, kT: float) -> np.ndarray:
    """−kT ln p, minimum 0, +inf where p is 0; in the unit of `kT`."""
    with np.errstate(divide="ignore"):
        values = -kT * np.log(p)
    return values - values.min()


class FreeEnergyRmse(Distance):
    """Root mean square difference of F = −kT ln p over the bins where the reference's is low.

    The constant is subtracted that makes the mean difference vanish over the bins which the model
    visits. Then the model's free energy counts up to the same cutoff, and bins that it never visits
    count at the cutoff: a basin that is missing is an error, and not a part of the surface that is
    left out.

    With logarithms of small counts, empty bins and the cutoff, it is not a square of noise. So its
    floor is the mean over pairs of samples drawn from what both sides have in common. Bins of few
    frames get Poisson counts of the number of independent frames that theirs are worth; other bins
    get the noise of the units, which moves whole basins together. How the distance scatters about
    its floor comes from the residuals of the units, as for other distances, in proportion.

    Args:
        kT: kT, in the unit of the result.
        cutoff: free energy of the reference, above its minimum, up to which bins are compared.
        periodic: whether each axis of the histograms closes.
    """

    def __init__(self, kT: float, cutoff: float, periodic: tuple[bool, ...]) -> None:
        self._kT, self._cutoff, self._periodic = kT, cutoff, periodic

    def value(self, p: np.ndarray, q: np.ndarray) -> float:
        difference, _ = self._difference(p.ravel(), q.ravel())
        return float(np.sqrt(np.mean(difference**2))) if len(difference) else math.nan

    def noise(self, model: np.ndarray, reference: np.ndarray) -> Noise:
        worth = Worth(model.shape[1:], self._periodic)
        units = [side.reshape(len(side), -1) for side in (model, reference)]
        whole = [side.sum(axis=0) for side in units]
        parts = [residuals(side) for side in units]
        difference, low = self._difference(*whole)
        if not len(difference):
            return Noise(*[math.nan] * 5)
        scale = 1 / math.sqrt(len(difference))
        influences = [
            scale * self._influences(part, side, low, cut)
            for part, side, cut in zip(parts, whole, (True, False), strict=True)
        ]
        square = float(np.mean(difference**2))
        linear = rooted(quadratic(scale * difference, *influences), square)
        frames = [worth.of_a_frame(*side) for side in zip(parts, whole, strict=True)]
        relative = [_relative(part, side) for part, side in zip(parts, whole, strict=True)]
        return self._drawn(linear, whole, relative, frames, worth)

    def _influences(
        self, part: np.ndarray, side: np.ndarray, low: np.ndarray, cut: bool
    ) -> np.ndarray:
        """Influence of each unit on F in the bins that are compared, shape (n_units, n_bins).

        In a bin of λ independent frames ⟨ln² (n/λ)⟩ = 1/λ + 3/(2λ²) + …; two terms are used, except
        where small counts lie beyond the cutoff; the model is cut off there, so that only the part
        below the cutoff varies.

        Args:
            part, side: residuals of the units, and their sum.
            low: which bins are compared.
            cut: whether F counts up to the cutoff only.
        """
        populated = side[low]
        moving = np.divide(1.0, populated, out=np.zeros_like(populated), where=populated > 0)
        part = part[:, low] * moving
        variance = np.minimum((part**2).sum(axis=0), SPARSE)
        room = self._cutoff - free_energy(side, self._kT)[low]
        spread = self._kT * np.sqrt(variance)
        z = np.clip(np.divide(room, spread, out=np.full_like(spread, 9.0), where=spread > 0), 0, 9)
        beyond = ndtr(-z)
        factor = 1 + 1.5 * variance * (1 - 2 * beyond)
        if cut:
            # ⟨min(x, z)²⟩ of a standard normal x.
            factor = factor * (1 - beyond - z * _normal_density(z) + z**2 * beyond) * (room > 0)
        part = -self._kT * part * np.sqrt(factor)
        return part - part.mean(axis=1, keepdims=True)

    def _drawn(
        self,
        linear: Noise,
        whole: list[np.ndarray],
        relative: list[np.ndarray],
        frames: list[np.ndarray],
        worth: Worth,
    ) -> Noise:
        """Noise with the floor of synthetic samples.

        Args:
            linear: noise to first order, in whose proportions the distance scatters.
            whole: distributions of both sides.
            relative: residuals of the units of both, over the distribution.
            frames: what a frame of each adds to a bin; 0 for a side that is exact.
            worth: of neighbouring bins.
        """
        rng = np.random.default_rng(0)
        exact = [not one.any() for one in frames]
        known = [
            one if gone else np.where(one > 0, one, np.median(one[one > 0]))
            for one, gone in zip(frames, exact, strict=True)
        ]
        if any(exact):
            common = whole[exact.index(True)]
        else:
            # Each bin by what its frames are worth on either side.
            shares = [1 / one for one in known]
            weighed = sum(p * share for p, share in zip(whole, shares, strict=True)) / sum(shares)
            common = np.where(weighed > 0, weighed, np.maximum(worth.smooth(weighed), 0.0))

        def sample(side: int) -> np.ndarray:
            if exact[side]:
                return common
            counts = common / known[side]
            few = counts < MANY
            drawn = np.where(few, rng.poisson(np.where(few, counts, 0.0)) * known[side], common)
            variance = (relative[side] ** 2).sum(axis=0)
            # ln n of a count with mean λ: variance 1/λ + 3/(2λ²), mean ln λ − 1/(2λ).
            shift = rng.standard_normal(len(relative[side])) @ relative[side]
            shift = shift * np.sqrt(1 + 1.5 * variance) - 0.5 * variance
            together = (variance > 0) & (variance < COUNTED)
            drawn = np.where(together, common * np.exp(np.where(together, shift, 0.0)), drawn)
            return drawn / drawn.sum() if drawn.any() else common

        pairs = [(sample(0), sample(1)) for _ in range(DRAWS)]
        scores = np.array([self.value(*pair) for pair in pairs])
        floor = float(np.nanmean(scores))
        alone = float(np.nanmean([self.value(common, theirs) for _, theirs in pairs]))
        # The linear floor is the root of a mean square: above the mean for few directions.
        square = float(np.sqrt(np.nanmean(scores**2)))
        factor = square / linear.floor if linear.floor > 0 else 1.0
        return Noise(
            floor, alone, factor * linear.null, factor * linear.stderr, factor * linear.resolution
        )

    def _difference(self, p: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """F_p − F_q, mean 0 where p is visited, in the bins compared; and which these are, bool."""
        theirs = free_energy(q, self._kT)
        low = theirs < self._cutoff
        theirs, ours, visited = theirs[low], free_energy(p, self._kT)[low], p[low] > 0
        # Missing bins have no level: with them, a model that is nowhere would be nearly right.
        if visited.any():
            ours = ours - (ours - theirs)[visited].mean()
        return np.minimum(ours, self._cutoff) - theirs, low


def coverage(p: np.ndarray, q: np.ndarray, kT: float, cutoff: float) -> float:
    """Fraction visited by p of the bins in which the reference's free energy is low."""
    low = free_energy(q, kT) < cutoff
    return float((p[low] > 0).mean())


def _relative(part: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Residuals of the units over the distribution, 0 in empty bins, shape (n_units, n_bins)."""
    return np.divide(part, side, out=np.zeros_like(part), where=side > 0)
