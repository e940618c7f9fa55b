"""Metrics `js_tica_1`, `js_tica_2`: distributions along the slowest motions of the reference.

TICA finds the linear combinations of features whose autocorrelation at a lag τ is highest, from
C(τ) w = λ C(0) w; Pérez-Hernández et al., J. Chem. Phys. 139, 015102 (2013). Features are sines and
cosines of dihedrals along the bonds, and distances of beads three bonds apart and more. Modes are
fitted to the reference, each of its copies a trajectory of its own, and model and reference are
then compared along them, each with its weights.

Distributions can be compared along any combination of features, whatever its origin. So modes may
be those of the biased dynamics where the reference was biased. Where a bias flattens φ and ψ, the
remaining modes are even those that it does not accelerate, and that a distance on φ and ψ does not
judge. The metric `surface_share_tica_<k>` is the share of a mode that is a function of the
surface's variables. Windows of umbrella sampling are always held apart, so that features are
relative to the mean of their window.

The lag follows from the data: the first of 1, 2, 4, … frames at which half of the features have
lost their correlation, ρ < 1/e, so that modes have a longer memory than most features. There are no
modes without `FEWEST_LAGS` lags for each feature, as they would be random. A mode whose integrated
autocorrelation time is shorter than the lag is not slow, and left out: vibrations have a high
correlation at multiples of their period. So is one with fewer than `FEWEST_VALUES` independent
values in the reference, as its distribution is not resolved.
"""

import dataclasses
import functools

import numpy as np
from scipy.sparse.csgraph import shortest_path

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.curves import Curve
from meanforce.analysis.kinds import Group, Measure
from meanforce.analysis.metrics.profiles import Profile, curve_of, profile_of
from meanforce.analysis.metrics.structure import coordinates_of
from meanforce.analysis.one_quantity import divergence_row
from meanforce.analysis.rows import Quantity, Row
from meanforce.analysis.samples import Sample
from meanforce.core.coordinates import CoordinateList
from meanforce.core.graph import adjacency, molecules
from meanforce.core.topology import Topology
from meanforce.statistics.autocorrelation import correlation

MODES = 2

FORGOTTEN = np.exp(-1)
"""Autocorrelation below which a correlation counts as lost."""

FEWEST_LAGS = 10
"""Lags in all trajectories together, for each feature."""

FEWEST_VALUES = 20
"""Independent values of a mode, at least."""

FRAMES = 100000
"""Frames that modes are fitted to, evenly spaced along each trajectory."""

CHUNK = 50000

MOST_PAIRS = 150
"""Distances among the features; of more, some are taken, evenly spaced in the list."""

APART = 3
"""Bonds between beads whose distance is a feature; nearer ones are held by bonds and angles."""


@dataclasses.dataclass(frozen=True, eq=False)
class SlowModes:
    """Slowest motions of a sample; equal to itself only, so that values can be cached by it.

    Attributes:
        coordinates: distances and dihedrals that features are made of.
        mean: of the features, shape (n_features,).
        vectors: a column per mode, shape (n_features, n_modes); values have variance 1 in the
            dynamics that they were fitted to.
        numbers: of the modes, the slowest being 1.
        lag: ps.
        times: integrated autocorrelation times in the dynamics that they were fitted to, ps, shape
            (n_modes,). Relaxation times −τ/ln λ are too short where τ is.
    """

    coordinates: CoordinateList
    mean: np.ndarray
    vectors: np.ndarray
    numbers: tuple[int, ...]
    lag: float
    times: np.ndarray

    def values(self, sample: Sample) -> np.ndarray:
        """Modes of all frames, without a unit, shape (n, n_modes)."""
        found = features(self.coordinates, sample)
        chunks = (found[start : start + CHUNK] for start in range(0, len(found), CHUNK))
        return np.concatenate([(chunk - self.mean) @ self.vectors for chunk in chunks])


def rows(comparison: Comparison) -> list[Row]:
    """JS divergence along each mode, and the share of it that the surface explains.

    None where the reference is too short, or the beads are not one molecule of four and more.
    """
    result = []
    for profile, slow in _profiles(comparison):
        row = divergence_row(comparison, profile, Group.SLOW_MODES, periodic=False)
        result.append(row)
        if comparison.surface is not None:
            share = _share(slow, _surface(comparison), comparison.reference.weights)
            quantity = Quantity(f"surface_share_{profile.quantity}", Group.SLOW_MODES)
            result.append(Row(quantity, Measure.VALUE, share))
    return result


def curves(comparison: Comparison) -> list[Curve]:
    """Free energies along each mode, kind `tica`."""
    return [curve_of(comparison, profile) for profile, _ in _profiles(comparison)]


def _profiles(comparison: Comparison) -> list[tuple[Profile, np.ndarray]]:
    """Histograms along each mode, and the mode's values in the reference, shape (n,)."""
    reference = comparison.reference
    modes = None if reference is None else slow_modes(reference)
    if modes is None:
        return []
    ours, theirs = _values(comparison.model, modes), _values(reference, modes)
    return [
        (
            profile_of(
                comparison, (f"tica_{number}", "tica", ""), None, ours[:, [k]], theirs[:, [k]]
            ),
            theirs[:, k],
        )
        for k, number in enumerate(modes.numbers)
    ]


@functools.lru_cache(maxsize=2)
def slow_modes(sample: Sample) -> SlowModes | None:
    """The slowest motions of a sample; None where it is too short for its memory."""
    coordinates = feature_coordinates(sample.molecule)
    if coordinates is None or sample.times is None:
        return None
    values = features(coordinates, sample)
    mean, scale = values.mean(axis=0, dtype=float), values.std(axis=0, dtype=float)
    moving = scale > 1e-6
    scale = np.where(moving, scale, np.inf)
    parts, spacing = _trajectories(sample)
    series = [(values[part] - mean) / scale for part in parts]
    if sample.held:
        # Windows always differ, as they are held apart: only slow motions within them count.
        series = [one - one.mean(axis=0) for one in series]
    lag, number = _lag(series), sum(map(len, series))
    if lag is None or number < FEWEST_LAGS * lag * moving.sum():
        return None
    # On demand: it takes a second to import, and many samples have no modes.
    from deeptime.decomposition import TICA

    fitted = TICA(lagtime=lag, dim=MODES, scaling=None)
    model = fitted.fit([one for one in series if len(one) > lag]).fetch_model()
    vectors = model.singular_vectors_left[:, : model.output_dimension]
    # Eigenvectors have no sign of their own.
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(len(vectors.T))])
    memories = [correlation([one @ vector for one in series]) for vector in vectors.T]
    seen = [
        k
        for k, memory in enumerate(memories)
        if memory.resolved and 2 * lag <= memory.inefficiency <= number / FEWEST_VALUES
    ]
    if not seen:
        return None
    return SlowModes(
        coordinates,
        mean,
        vectors[:, seen] / scale[:, None],
        tuple(k + 1 for k in seen),
        lag * spacing,
        np.array([0.5 * spacing * memories[k].inefficiency for k in seen]),
    )


def feature_coordinates(molecule: Topology) -> CoordinateList | None:
    """Dihedrals and distances of far beads; None for several molecules, or less than four beads."""
    if molecule.size < 4 or len(molecules(molecule)) > 1:
        return None
    bonds = shortest_path(adjacency(molecule).tocsr(), unweighted=True)
    pairs = np.argwhere(np.triu(bonds >= APART))
    if len(pairs) > MOST_PAIRS:
        pairs = pairs[np.linspace(0, len(pairs) - 1, MOST_PAIRS).round().astype(int)]
    # One dihedral for each central bond: others differ from it by stiff coordinates only.
    middle = {dihedral[1:3]: dihedral for dihedral in reversed(molecule.dihedrals)}
    distances = tuple((int(i), int(j)) for i, j in pairs)
    found = CoordinateList(distances=distances, dihedrals=tuple(middle.values()))
    return found if found.size else None


def features(coordinates: CoordinateList, sample: Sample) -> np.ndarray:
    """Distances (nm), sines and cosines of all frames, float32, shape (n, n_features)."""
    values = coordinates_of(coordinates, sample)
    lengths, angles = np.split(values, [len(coordinates.distances)], axis=1)
    return np.concatenate([lengths, np.sin(angles), np.cos(angles)], axis=1)


def _trajectories(sample: Sample) -> tuple[list[np.ndarray], float]:
    """Frames of each trajectory in order of time, and the time between them in ps."""
    order = np.lexsort((sample.times, sample.chains))
    new = np.diff(sample.chains[order]) != 0
    step = max(1, -(-len(order) // FRAMES))
    parts = [part[::step] for part in np.split(order, np.flatnonzero(new) + 1)]
    times = sample.times[max(parts, key=len)]
    return parts, float(times[-1] - times[0]) / max(len(times) - 1, 1)


def _lag(series: list[np.ndarray]) -> int | None:
    """Frames after which half of the features, mean 0, have lost their correlation."""
    longest = max(map(len, series))
    variance = sum((one**2).sum(axis=0) for one in series) / sum(map(len, series))
    lag = 1
    while lag < longest // 2:
        some = [one for one in series if len(one) > lag]
        products = sum((one[lag:] * one[:-lag]).sum(axis=0) for one in some)
        alive = variance > 0
        correlation = products[alive] / variance[alive] / sum(len(one) - lag for one in some)
        if np.median(correlation) < FORGOTTEN:
            return lag
        lag *= 2
    return None


@functools.lru_cache(maxsize=4)
def _values(sample: Sample, modes: SlowModes) -> np.ndarray:
    return modes.values(sample)


def _surface(comparison: Comparison) -> np.ndarray:
    """Functions of the surface's variables in the reference's frames, shape (n, n_functions).

    Sines and cosines, or powers, up to the second order in each, and their products.
    """
    result = np.ones((len(comparison.reference.weights), 1))
    for number, closes in enumerate(comparison.axes.periodic):
        x = comparison.reference.variables[:, number]
        if closes:
            own = [np.ones_like(x), np.sin(x), np.cos(x), np.sin(2 * x), np.cos(2 * x)]
        else:
            scaled = (x - x.mean()) / max(x.std(), 1e-12)
            own = [np.ones_like(x), scaled, scaled**2]
        result = (result[:, :, None] * np.stack(own, axis=1)[:, None]).reshape(len(x), -1)
    return result


def _share(values: np.ndarray, functions: np.ndarray, weights: np.ndarray) -> float:
    """Share of the variance that a combination of functions explains: R² of least squares."""
    root = np.sqrt(weights)
    centred = values - weights @ values
    coefficients = np.linalg.lstsq(functions * root[:, None], centred * root, rcond=None)[0]
    left = weights @ (centred - functions @ coefficients) ** 2
    return float(1.0 - left / (weights @ centred**2))
