"""Histograms of weighted samples, by independent units."""

import dataclasses

import numpy as np

from meanforce.analysis.samples import Sample
from meanforce.errors import InputError


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


@dataclasses.dataclass(frozen=True)
class Surface:
    """Histograms of model and reference along the axes of a free-energy surface.

    Attributes:
        axes: of the bins.
        model: by independent units, shape (n_units, *bins), 1 in sum over all.
        model_draws: bootstrap samples of their sum, shape (n_draws, *bins).
        reference, reference_draws: the same of the reference; None without one.
    """

    axes: Axes
    model: np.ndarray
    model_draws: np.ndarray
    reference: np.ndarray | None = None
    reference_draws: np.ndarray | None = None

    def sides(self) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """Name, histograms and draws of the reference, if there is one, and of the model."""
        model = ("model", self.model, self.model_draws)
        if self.reference is None:
            return [model]
        return [("reference", self.reference, self.reference_draws), model]


def block_histograms(sample: Sample, axes: Axes, whose: str = "sample") -> np.ndarray:
    """Weighted histograms of each unit, shape (n_units, *bins); they sum to 1 over all units.

    Raises:
        InputError: no frame lies on the axes; the message names the sample by `whose`.
    """
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
    if not inside.any():
        places = zip(axes.names, axes.edges, strict=True)
        ends = ", ".join(f"{name} from {edge[0]:g} to {edge[-1]:g}" for name, edge in places)
        raise InputError(
            f"validation: no frame of the {whose} lies on the surface ({ends}); all have left it, "
            "or 'lower' and 'upper' are wrong"
        )
    flat = np.ravel_multi_index(tuple(column[inside] for column in columns), shape)
    size = int(np.prod(shape))
    counts = _by_units(flat, sample.weights[inside], sample, inside, size)
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
    column, inside = _columns(values, edges)
    frames = np.nonzero(inside)[0]
    counts = _by_units(column[inside], sample.weights[frames], sample, frames, len(edges) - 1)
    return counts / counts.sum()


def histogram(values: np.ndarray, weights: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Sum of `unit_histograms`, for frames with weights of shape (n,); shape (n_bins,)."""
    column, inside = _columns(values, edges)
    spread = np.broadcast_to(weights[:, None], values.shape)[inside]
    counts = np.bincount(column[inside], weights=spread, minlength=len(edges) - 1)
    return counts / counts.sum()


def _columns(values: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bin of each value, and whether it lies in one; the last edge belongs to the last bin."""
    bins = len(edges) - 1
    column = np.floor((values - edges[0]) * (bins / (edges[-1] - edges[0]))).astype(int)
    column[values == edges[-1]] = bins - 1
    return column, (column >= 0) & (column < bins)


def _by_units(
    column: np.ndarray, weights: np.ndarray, sample: Sample, frames: np.ndarray, bins: int
) -> np.ndarray:
    """Weighted counts of each unit, shape (n_units, bins), and its response in all of them."""
    flat = column + bins * sample.units[frames]
    counts = np.bincount(flat, weights=weights, minlength=bins * sample.n_units)
    counts = counts.reshape(sample.n_units, bins)
    if sample.response is not None:
        for unit, slopes in enumerate(sample.response[frames].T):
            counts[unit] += np.bincount(column, weights=weights * slopes, minlength=bins)
    return counts
