"""Metrics `diffusion`, `speed_up_diffusion`: how fast molecules of a liquid move.

Mean squared displacement of the molecules' centres of mass, and D from Einstein's relation, MSD =
6Dt. CG time is not physical time; see `time_scales`.

D has no correction for the finite box (Yeh, Hummer, J. Phys. Chem. B 108, 15873 (2004)): momentum
is not conserved under a Langevin thermostat, so that the correction would be that of neither side.

Frames of either side may be wrapped into the box or not: positions are continued from frame to
frame by nearest images. That fails where molecules move as far as half the box between two frames,
so that there are no rows where the steps' standard deviation is above a twelfth of it.
"""

import math

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
"""From stretches with fewer lags no slope is taken."""

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
    x = x[x <= min(times[-1] for times, *_ in sides)]
    model, *others = [
        (np.interp(x, times, mean), np.interp(x, times, draws.std(axis=0, ddof=1)))
        for times, mean, draws in sides
    ]
    reference = others[0] if others else (np.full(len(x), np.nan),) * 2
    return [Curve("displacement", "msd", "ps", x, *reference, *model)]


def mean_squared_displacement(
    sample: Sample, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Lags (ps), MSD (nm²) and bootstrap samples of it, shapes (n,), (n,) and (n_draws, n).

    Displacements are within stretches of a chain that lie in one unit of the bootstrap; frames of
    a chain are in order of time and evenly spaced.

    Returns:
        None where stretches are too short, or molecules move too far from frame to frame.
    """
    order = np.lexsort((sample.times, sample.chains))
    cuts = np.diff(sample.chains[order]).astype(bool) | np.diff(sample.units[order]).astype(bool)
    stretches = np.split(order, np.flatnonzero(cuts) + 1)
    longest = max(map(len, stretches)) // 2
    if longest < FEWEST_LAGS:
        return None
    # Chains that broke are shorter.
    stretches = [stretch for stretch in stretches if len(stretch) > longest]
    lags = np.unique(np.linspace(1, longest, min(LAGS, longest)).astype(int))
    sums = np.zeros((sample.n_units, len(lags) + 1))
    for stretch in stretches:
        centers = centres_of(sample, stretch)
        if sample.box is not None:
            steps = nearest_images(np.diff(centers, axis=0), sample.boxes(stretch[1:]))
            if steps.std() > LONGEST_STEP * smallest_width(sample.box):
                return None
            centers = centers[0] + np.concatenate([0 * steps[:1], np.cumsum(steps, axis=0)])
        values = [((centers[lag:] - centers[:-lag]) ** 2).sum(-1).mean() for lag in lags]
        sums[sample.units[stretch[0]]] += len(stretch) * np.array([*values, 1.0])
    draws = resampled(sums, DRAWS, rng)
    spacing = np.median(np.diff(sample.times[stretches[0]]))
    total = sums.sum(axis=0)
    return lags * spacing, total[:-1] / total[-1], draws[:, :-1] / draws[:, -1:]


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

    None where a side is not unbiased dynamics of several molecules, or is too short.
    """
    sides = comparison.samples
    if not sides or not all(side.dynamical for side in sides.values()):
        return []
    if Molecules.of(comparison.model.molecule).count < 2:
        return []
    found = [
        mean_squared_displacement(side, comparison.stream("diffusion", name))
        for name, side in sides.items()
    ]
    return [] if any(one is None for one in found) else found
