"""Histograms by blocks, and what follows from them: free energies, divergences, noise floors."""

import dataclasses
from collections.abc import Callable

import numpy as np

from meanforce.analysis.samples import Sample

Metric = Callable[[np.ndarray, np.ndarray], float]
"""A distance of two distributions."""


@dataclasses.dataclass(frozen=True)
class Axes:
    """Histogram axes of a free-energy surface.

    Attributes:
        names: collective variables.
        edges: bin edges of each, in nm, rad or without a unit.
        periodic: whether each is periodic.
    """

    names: tuple[str, ...]
    edges: tuple[np.ndarray, ...]
    periodic: tuple[bool, ...]

    @property
    def centers(self) -> tuple[np.ndarray, ...]:
        """Bin centres of each axis."""
        return tuple(0.5 * (edges[1:] + edges[:-1]) for edges in self.edges)


def block_histograms(sample: Sample, axes: Axes) -> np.ndarray:
    """Weighted histograms of each unit, shape (n_units, *bins); they sum to 1 over all units."""
    shape = tuple(len(edges) - 1 for edges in axes.edges)
    columns = [
        np.digitize(sample.variables[:, number], edges) - 1
        for number, edges in enumerate(axes.edges)
    ]
    inside = np.ones(len(sample.weights), dtype=bool)
    for number, (column, size) in enumerate(zip(columns, shape, strict=True)):
        # The last edge belongs to the last bin.
        column[sample.variables[:, number] == axes.edges[number][-1]] = size - 1
        inside &= (column >= 0) & (column < size)
    flat = np.ravel_multi_index(tuple(column[inside] for column in columns), shape)
    flat = flat + sample.units[inside] * int(np.prod(shape))
    counts = np.bincount(
        flat, weights=sample.weights[inside], minlength=sample.n_units * int(np.prod(shape))
    )
    return counts.reshape(sample.n_units, *shape) / counts.sum()


def unit_histograms(values: np.ndarray, sample: Sample, edges: np.ndarray) -> np.ndarray:
    """Weighted histograms of a quantity by units, on equal bins; they sum to 1 over all units.

    Args:
        values: shape (n, n_copies), copies being alike; those beyond the edges are left out.
        sample: whose frames they belong to.
        edges: of the bins, shape (n_bins + 1,).

    Returns:
        shape (n_units, n_bins).
    """
    return histograms(values, sample.weights, sample.units, sample.n_units, edges)


def histograms(
    values: np.ndarray, weights: np.ndarray, units: np.ndarray, n_units: int, edges: np.ndarray
) -> np.ndarray:
    """As `unit_histograms`, of frames with weights and units, both of shape (n,)."""
    bins = len(edges) - 1
    column = np.floor((values - edges[0]) * (bins / (edges[-1] - edges[0]))).astype(int)
    column[values == edges[-1]] = bins - 1
    inside = (column >= 0) & (column < bins)
    flat = (column + bins * units[:, None])[inside]
    spread = np.broadcast_to(weights[:, None], values.shape)[inside]
    counts = np.bincount(flat, weights=spread, minlength=bins * n_units)
    return counts.reshape(n_units, bins) / counts.sum()


def resampled(blocks: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Bootstrap over blocks: sums of blocks drawn with replacement, normalised over histograms.

    Of n blocks n − 1 are drawn, so that the variance of a mean is right and not (n − 1)/n of it,
    which matters where blocks are few replicas; Rao, Wu, J. Am. Stat. Assoc. 83, 231 (1988).

    Args:
        blocks: shape (n_blocks, ...), additive.
        draws: number of bootstrap samples.
        rng: source of random numbers.

    Returns:
        shape (draws, ...).
    """
    n = len(blocks)
    times = rng.multinomial(max(n - 1, 1), np.full(n, 1.0 / n), size=draws)
    total = np.tensordot(times, blocks, axes=1)
    return total / total.reshape(draws, -1).sum(axis=1).reshape(-1, *[1] * (blocks.ndim - 1))


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> float:
    """Jensen–Shannon divergence of two distributions, natural logarithm; in [0, ln 2]."""
    mean = 0.5 * (p + q)

    def relative_entropy(a: np.ndarray) -> float:
        some = a > 0
        return float((a[some] * np.log(a[some] / mean[some])).sum())

    return 0.5 * (relative_entropy(p) + relative_entropy(q))


def free_energy(p: np.ndarray, thermal: float) -> np.ndarray:
    """−kT ln p, minimum 0, +inf where p is 0; in the unit of `thermal`."""
    with np.errstate(divide="ignore"):
        values = -thermal * np.log(p)
    return values - values.min()


def free_energy_rmse(p: np.ndarray, q: np.ndarray, thermal: float, cutoff: float) -> float:
    """Root mean square difference of two free-energy surfaces.

    Over bins that both populate and where the free energy of q is below `cutoff`, after the
    constant that makes the mean difference vanish; unit of `thermal` and `cutoff`.
    """
    a, b = free_energy(p, thermal), free_energy(q, thermal)
    some = np.isfinite(a) & (b < cutoff)
    if not some.any():
        return float("nan")
    difference = a[some] - b[some]
    return float(np.sqrt(np.mean((difference - difference.mean()) ** 2)))


def noise_floor(metric: Metric, blocks: np.ndarray, draws: np.ndarray, power: float = 1.0) -> float:
    """Mean of a metric between a finite sample and the distribution that it comes from.

    Estimated by the bootstrap: between resampled blocks and all blocks. A perfect model differs
    from the reference by the floors of both samples, because their noise is independent.

    Args:
        metric: function of two distributions, 0 where they are equal.
        blocks: histograms by blocks, shape (n_blocks, ...); one block is exact.
        draws: bootstrap samples of these, from `resampled`.
        power: of the metric in which independent contributions add up.

    Returns:
        mean of the metric to this power.
    """
    whole = blocks.sum(axis=0)
    return float(np.nanmean([metric(draw, whole) ** power for draw in draws]))


def distance_row(
    metric: Metric,
    blocks: tuple[np.ndarray, np.ndarray],
    draws: tuple[np.ndarray, np.ndarray],
    power: float,
    member_spread: float,
    floor_of: Callable[[np.ndarray], float] | None = None,
) -> tuple[float, float, float]:
    """A distance of model and reference, its standard error, and its noise floor.

    Args:
        metric: function of two distributions.
        blocks: histograms of model and reference by units, each of shape (n_units, ...).
        draws: bootstrap samples of these, each of shape (n_draws, ...).
        power: of the metric in which independent contributions add up.
        member_spread: standard error over the members of the ensemble.
        floor_of: floor of one side by its blocks, to this power, where the bootstrap's is not good.
    """
    model, reference = (one.sum(axis=0) for one in blocks)
    drawn = [metric(a, b) for a, b in zip(*draws, strict=True)]
    if floor_of is None:
        floors = [noise_floor(metric, *pair, power) for pair in zip(blocks, draws, strict=True)]
    else:
        floors = [floor_of(one) for one in blocks]
    error = float(np.hypot(np.nanstd(drawn, ddof=1), member_spread))
    return metric(model, reference), error, sum(floors) ** (1.0 / power)
