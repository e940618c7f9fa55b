"""Metrics `diffusion`, `speed_up_diffusion`: how fast molecules of a liquid move.

Mean squared displacement of the molecules' centres of mass, and D from Einstein's relation, MSD =
6Dt. CG time is not physical time; see `time_scales`.

Displacements are relative to the common centre of mass of all molecules. A Langevin thermostat of
friction γ lets the whole box of mass M diffuse with kT/Mγ, independently of all relative motion:
with 216 Lennard-Jones atoms of 20 u at 0.2/ps that added 8 to 12 % to the slopes, known no better
than from one particle's path. Where the atomistic side removes the motion of its centre of mass, as
OpenMM's force fields do, and the CG side does not, a model with the exact potential would seem
faster. Of N molecules that move independently, with mass fractions w, relative displacements have
1 − 2/N + Σw² of the mean square (1 − 1/N for equal ones), by which they are divided.

D has no correction for the finite box (Yeh, Hummer, J. Phys. Chem. B 108, 15873 (2004)): momentum
is not conserved under a Langevin thermostat, so that the correction would be that of neither side.

The ratio is 1 for the exact potential only with the thermostat of the atomistic run: its friction
slows both sides. D of both sides is the slope over the same times, as it depends on them where
motion is not yet diffusive, such as in melts.

Frames of either side may be wrapped into the box or not: positions are continued from frame to
frame by nearest images. That fails where molecules move as far as half the box between two frames,
so that there are no rows where the steps' standard deviation is above a twelfth of it.
"""

import dataclasses
import math
from typing import Self

import numpy as np

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.curves import Curve
from meanforce.analysis.kinds import Group, Measure, Source
from meanforce.analysis.molecules import centres_of
from meanforce.analysis.rows import Quantity, Row
from meanforce.analysis.samples import Sample
from meanforce.core.cell import nearest_images, smallest_width
from meanforce.core.molecules import Molecules
from meanforce.statistics.resampling import DRAWS, resampled

LAGS = 50
"""Lags at most; the longest is half of a stretch."""

FEWEST_LAGS = 8
"""With fewer lags no slope is taken."""

LONGEST_STEP = 1 / 12
"""Standard deviation of a component of the steps between frames, in widths of the box, above which
nearest images are not the path: half of the width is six of them."""


def rows(comparison: Comparison) -> list[Row]:
    """Diffusion constants (nm²/ns) and their ratio, model over reference."""
    sides = [diffusion(times, *msd) for times, *msd in _sides(comparison)]
    if not sides:
        return []
    quantity = Quantity("diffusion", Group.DYNAMICS, "nm^2/ns")
    (model, model_error), *others = sides
    result = [Row(quantity, Measure.VALUE, model, model_error)]
    for reference, reference_error in others:
        ratio = model / reference
        error = abs(ratio) * math.hypot(model_error / model, reference_error / reference)
        result += [
            Row(quantity, Measure.VALUE, reference, reference_error, source=Source.REFERENCE),
            Row(Quantity("speed_up_diffusion", Group.DYNAMICS), Measure.VALUE, ratio, error),
        ]
    return result


def curves(comparison: Comparison) -> list[Curve]:
    """Mean squared displacements, kind `msd`, at the lags of the side with fewer in common."""
    sides = _sides(comparison)
    if not sides:
        return []
    x = max((times for times, *_ in sides), key=lambda times: times[1] - times[0])
    first, last = zip(*((times[0], times[-1]) for times, *_ in sides), strict=True)
    x = x[(x >= max(first)) & (x <= min(last))]
    model, *others = [
        (np.interp(x, times, mean), np.interp(x, times, draws.std(axis=0, ddof=1)))
        for times, mean, draws in sides
    ]
    reference = others[0] if others else (np.full(len(x), np.nan),) * 2
    return [Curve("displacement", "msd", "ps", x, *reference, *model)]


@dataclasses.dataclass(frozen=True)
class Stretches:
    """Frames of a chain in one unit of the bootstrap, in order of time and evenly spaced.

    Attributes:
        frames: numbers of the frames of each stretch.
        longest: longest lag, in frames.
        spacing: time between frames, ps.
    """

    frames: list[np.ndarray]
    longest: int
    spacing: float

    @classmethod
    def of(cls, sample: Sample) -> Self:
        """Those of a sample that are longer than the longest lag; chains that broke are shorter."""
        order = np.lexsort((sample.times, sample.chains))
        cuts = np.diff(sample.chains[order]) != 0
        cuts |= np.diff(sample.units[order]) != 0
        frames = np.split(order, np.flatnonzero(cuts) + 1)
        longest = max(map(len, frames)) // 2
        frames = [stretch for stretch in frames if len(stretch) > longest]
        return cls(frames, longest, float(np.median(np.diff(sample.times[frames[0]]))))

    def lags(self, end: float) -> np.ndarray:
        """Lags in frames, up to a time in ps."""
        # An allowance for rounding, as times are in steps of the integrator.
        longest = min(self.longest, int(end / self.spacing + 1e-6))
        return np.unique(np.linspace(1, longest, min(LAGS, longest)).astype(int))


def mean_squared_displacement(
    sample: Sample, rng: np.random.Generator, end: float = math.inf
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Lags (ps), MSD (nm²) and bootstrap samples of it, shapes (n,), (n,) and (n_draws, n).

    Args:
        sample: frames in order of time.
        rng: of the bootstrap.
        end: longest lag, ps; at most half of a stretch.

    Returns:
        None where there are too few lags, or molecules move too far from frame to frame.
    """
    stretches = Stretches.of(sample)
    lags = stretches.lags(min(end, stretches.longest * stretches.spacing))
    if len(lags) < FEWEST_LAGS:
        return None
    owner = Molecules.of(sample.molecule).owner
    shares = np.bincount(owner, weights=sample.masses) / sample.masses.sum()
    relative = 1.0 - 2.0 / len(shares) + (shares**2).sum()
    sums = np.zeros((sample.n_units, len(lags) + 1))
    for stretch in stretches.frames:
        centers = centres_of(sample, stretch)
        if sample.box is not None:
            steps = nearest_images(np.diff(centers, axis=0), sample.boxes(stretch[1:]))
            if steps.std() > LONGEST_STEP * smallest_width(sample.box):
                return None
            centers = centers[0] + np.concatenate([0 * steps[:1], np.cumsum(steps, axis=0)])
        centers = centers - np.einsum("m,nmd->nd", shares, centers)[:, None]
        values = [((centers[lag:] - centers[:-lag]) ** 2).sum(-1).mean() for lag in lags]
        sums[sample.units[stretch[0]]] += len(stretch) * np.array([*values, relative])
    draws = resampled(sums, DRAWS, rng)
    total = sums.sum(axis=0)
    return lags * stretches.spacing, total[:-1] / total[-1], draws[:, :-1] / draws[:, -1:]


def diffusion(times: np.ndarray, mean: np.ndarray, draws: np.ndarray) -> tuple[float, float]:
    """D in nm²/ns from the slope of the MSD over the second half of the lags, and its error.

    The first half is left out because of inertia and of the cage of neighbours.
    """
    late = slice(len(times) // 2, None)

    def slope(msd: np.ndarray) -> np.ndarray:
        t = times[late] - times[late].mean()
        return 1000.0 / 6.0 * (msd[..., late] @ t) / (t @ t)

    return float(slope(mean)), float(np.std(slope(draws), ddof=1))


def _sides(comparison: Comparison) -> list[tuple]:
    """MSD of the model and, if there is one, the reference.

    None where a side is not unbiased dynamics of several molecules, or has too few lags in the time
    that both sides have. None for a CG run at constant pressure either: moves of its volume scale
    the paths of molecules, by the more the farther they have come.
    """
    sides = comparison.samples
    if not sides or not all(side.dynamical for side in sides.values()):
        return []
    if Molecules.of(comparison.model.molecule).count < 2:
        return []
    if comparison.model.box is not None and comparison.model.box.ndim == 3:
        return []
    ends = [one.longest * one.spacing for one in map(Stretches.of, sides.values())]
    found = [
        mean_squared_displacement(side, comparison.stream("diffusion", name), min(ends))
        for name, side in sides.items()
    ]
    return [] if any(one is None for one in found) else found
