"""Histograms by blocks, and what follows from them: free energies, divergences, noise floors."""

import dataclasses

import numpy as np

from meanforce.analysis.samples import Sample


@dataclasses.dataclass(frozen=True)
class Axes:
    """Histogram axes of a free-energy surface.

    Attributes:
        names: collective variables.
        edges: bin edges of each, nm or rad.
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
    """Weighted histograms of each block, shape (n_blocks, *bins); they sum to 1 over all blocks."""
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
    flat = flat + sample.blocks[inside] * int(np.prod(shape))
    counts = np.bincount(
        flat, weights=sample.weights[inside], minlength=sample.n_blocks * int(np.prod(shape))
    )
    return counts.reshape(sample.n_blocks, *shape) / counts.sum()


def resampled(blocks: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Bootstrap over blocks: sums of blocks drawn with replacement, normalised over histograms.

    Args:
        blocks: shape (n_blocks, ...), additive.
        draws: number of bootstrap samples.
        rng: source of random numbers.

    Returns:
        shape (draws, ...).
    """
    n = len(blocks)
    times = rng.multinomial(n, np.full(n, 1.0 / n), size=draws)
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


def effective_number(blocks: np.ndarray) -> float:
    """Number of independent frames that would scatter as these block histograms do.

    N = (1 − Σp²) / Σ var(p), with var(p) from the scatter of the blocks; weights and
    correlation in time both lower it. Infinite for a single, exact block.
    """
    n = len(blocks)
    if n < 2:
        return float("inf")
    share = blocks.reshape(n, -1).sum(axis=1)
    p = blocks.sum(axis=0) / blocks.sum()
    # Ratio estimator: a block's deviation is measured at its own weight.
    deviation = blocks - share.reshape(-1, *[1] * p.ndim) * p
    variance = n / (n - 1) * (deviation**2).sum() / blocks.sum() ** 2
    return float((1.0 - (p**2).sum()) / variance)


def noise_floor(
    metric, p: np.ndarray, n_model: float, n_reference: float, rng: np.random.Generator, draws=40
) -> float:
    """Mean of a metric between two finite samples of the same distribution.

    Args:
        metric: function of two distributions.
        p: the distribution, the best estimate of the reference.
        n_model: independent frames of the model.
        n_reference: independent frames of the reference; inf where it is exact.
        rng: source of random numbers.
        draws: over how many pairs the mean is taken.
    """

    def draw(n: float) -> np.ndarray:
        if not np.isfinite(n):
            return p
        n = max(1, round(n))
        return (rng.multinomial(n, p.reshape(-1)) / n).reshape(p.shape)

    return float(np.nanmean([metric(draw(n_model), draw(n_reference)) for _ in range(draws)]))
