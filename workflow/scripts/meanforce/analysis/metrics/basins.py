"""Metrics `delta_f_<name>` and `barrier_<variable>`: errors that a divergence does not detect."""

import math

import numpy as np

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.kinds import Group
from meanforce.analysis.rows import Estimate, Quantity, Row, compared
from meanforce.analysis.samples import Sample
from meanforce.statistics.errors import Error
from meanforce.statistics.free_energies import free_energy
from meanforce.statistics.resampling import DRAWS, resampled


def rows(comparison: Comparison) -> list[Row]:
    """Free-energy differences of basins, and barriers between them, kcal/mol.

    Without a reference there are the model's values alone.
    """
    result = []
    for name, (first, second) in comparison.validation.differences.items():
        result += _difference(comparison, name, first, second)
    for name, (first, second) in comparison.validation.barriers.items():
        result += _barrier(comparison, name, first, second)
    return result


def membership(comparison: Comparison, basin: str, values: np.ndarray) -> np.ndarray:
    """Which points (n, n_variables) lie in a basin; shape (n,), bool."""
    inside = np.zeros(len(values), dtype=bool)
    for box in comparison.validation.basins[basin]:
        part = np.ones(len(values), dtype=bool)
        for name, (low, high) in box.items():
            column = values[:, comparison.validation.surface.index(name)]
            part &= (column >= low) & (column < high)
        inside |= part
    return inside


def _difference(comparison: Comparison, name: str, first: str, second: str) -> list[Row]:
    kT, quantity = comparison.kT, Quantity(f"delta_f_{name}", Group.BASINS, "kcal/mol")

    def of(populations: np.ndarray) -> np.ndarray:
        # An empty basin gives an infinite free energy, not a warning.
        with np.errstate(divide="ignore", invalid="ignore"):
            return -kT * np.log(populations[..., 0] / populations[..., 1])

    def estimate(sample: Sample, side: str) -> tuple[float, Error]:
        inside = [membership(comparison, basin, sample.variables) for basin in (first, second)]
        # The third column completes the normalisation, which cancels in the ratio.
        blocks = np.stack(
            [sample.sums(mask) for mask in (*inside, ~(inside[0] | inside[1]))],
            axis=1,
        )
        drawn = of(resampled(blocks, DRAWS, comparison.stream(quantity.name, side)))
        return float(of(blocks.sum(axis=0))), comparison.noise_of(sample, drawn)

    members = []
    for frames, weights in comparison.member_weights:
        values = comparison.model.variables[frames]
        populations = np.array(
            [weights[membership(comparison, b, values)].sum() for b in (first, second)]
        )
        members.append(float(of(populations)))
    training, truth = comparison.training_error(members), comparison.truth
    model = Estimate(*estimate(comparison.model, "model"), training)
    reference = None if truth is None else Estimate(*estimate(truth, "reference"))
    return compared(quantity, model, reference)


def _barrier(comparison: Comparison, name: str, first: str, second: str) -> list[Row]:
    axis = comparison.axes.names.index(name)
    others = tuple(i for i in range(len(comparison.axes.names)) if i != axis)
    centers = comparison.axes.centers[axis]
    start = _along(comparison, first, name, centers)
    end = _along(comparison, second, name, centers)
    periodic = comparison.axes.periodic[axis]

    def height(surface: np.ndarray) -> float:
        profile = surface.sum(axis=others) if others else surface
        return barrier_height(free_energy(profile, comparison.kT), start, end, periodic)

    def estimate(sample: Sample, units: np.ndarray, draws: np.ndarray) -> tuple[float, Error]:
        drawn = np.array([height(draw) for draw in draws])
        return height(units.sum(axis=0)), comparison.noise_of(sample, drawn)

    surface, truth = comparison.surface, comparison.truth
    members = []
    for frames, weights in comparison.member_weights:
        profile, _ = np.histogram(
            comparison.model.variables[frames, axis],
            bins=comparison.axes.edges[axis],
            weights=weights,
        )
        members.append(barrier_height(free_energy(profile, comparison.kT), start, end, periodic))
    training = comparison.training_error(members)
    model = Estimate(*estimate(comparison.model, surface.model, surface.model_draws), training)
    reference = None
    if truth is not None:
        reference = Estimate(*estimate(truth, surface.reference, surface.reference_draws))
    return compared(Quantity(f"barrier_{name}", Group.BARRIERS, "kcal/mol"), model, reference)


def _along(comparison: Comparison, basin: str, name: str, centers: np.ndarray) -> np.ndarray:
    """Bins of one variable that a basin covers."""
    covered = np.zeros(len(centers), dtype=bool)
    for box in comparison.validation.basins[basin]:
        low, high = box.get(name, (-math.inf, math.inf))
        covered |= (centers >= low) & (centers < high)
    return covered


def barrier_height(
    profile: np.ndarray, start: np.ndarray, end: np.ndarray, periodic: bool
) -> float:
    """Height of the lowest way from the start's minimum to the end's minimum.

    Args:
        profile: free energy on equal bins, shape (n,).
        start, end: bins of the two basins, bool, shape (n,).
        periodic: whether there are two ways round.

    Returns:
        highest point on that way, above the start's minimum.
    """
    first = int(np.argmin(np.where(start, profile, np.inf)))
    last = int(np.argmin(np.where(end, profile, np.inf)))
    low, high = min(first, last), max(first, last)
    ways = [profile[low : high + 1].max()]
    if periodic:
        ways.append(max(profile[: low + 1].max(), profile[high:].max()))
    return float(min(ways) - profile[first])
