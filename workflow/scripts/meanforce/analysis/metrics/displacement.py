"""Metrics `diffusion`, `speed_up_diffusion`: how fast molecules of a liquid move.

Mean squared displacement of the molecules' centres of mass, and D from Einstein's relation,
MSD = 6Dt. No correction for the finite box. CG time is not physical time; see `time_scales`.
"""

import math

import numpy as np

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.curves import Curve
from meanforce.analysis.kinds import Group, Measure, Source
from meanforce.analysis.rows import Quantity, Row
from meanforce.analysis.samples import Sample
from meanforce.core.cell import nearest_images
from meanforce.core.graph import molecules
from meanforce.statistics.resampling import DRAWS, resampled

LAGS = 50
"""Lags at most; the longest is half of a stretch."""

FEWEST_LAGS = 8
"""From stretches with fewer lags no slope is taken."""


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
    a chain are in order of time and evenly spaced, and no molecule moves by half the box between
    two of them.

    Returns:
        None where stretches are too short.
    """
    parts = molecules(sample.molecule)
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
        centers = np.stack([_center(sample, stretch, part) for part in parts], axis=1)
        if sample.box is not None:
            steps = nearest_images(np.diff(centers, axis=0), sample.box)
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
    if len(molecules(comparison.model.molecule)) < 2:
        return []
    found = [
        mean_squared_displacement(side, comparison.stream("diffusion", name))
        for name, side in sides.items()
    ]
    return [] if any(one is None for one in found) else found


def _center(sample: Sample, frames: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Centre of mass of a molecule, nm, shape (n_frames, 3)."""
    masses = sample.masses[part]
    return np.tensordot(sample.positions[np.ix_(frames, part)], masses, (1, 0)) / masses.sum()
