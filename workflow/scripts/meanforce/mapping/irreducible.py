"""Irreducible force variance: what no function of the beads can explain.

The mapped force is f(R) + ε with ⟨ε⟩ = 0 at fixed R; a perfect model's loss is the variance of ε.
It is estimated in two steps, neither of which needs a model:

1. Most of f(R) is stiff and smooth: least squares on second-order polynomials of the internal
   features remove it.
2. Half the mean squared difference of residuals of nearest neighbours contains ε, and of the rest
   of f(R) only the part that neighbours do not share; Rice, Ann. Stat. 12, 1215 (1984), in many
   dimensions Devroye et al., Electron. J. Stat. 12, 1752 (2018). Frames close in time share part of
   ε and do not count as neighbours.

The fit is drawn towards its own frames: with the hat matrix H, ½⟨(r_i − r_j)²⟩ is the variance
times 1 − (H_ii + H_jj)/2 + H_ij, by which the result is divided.

Any part of f(R) that survives both steps raises the estimate: it is an upper bound that tightens
with more frames, and with forces minus a model's prediction in place of forces. Capped alanine in
ten beads, (kcal/mol/Å)²: 21.2 from 28,000 frames and 21.5 from 9,000, where the forces' mean square
is 441 and the loss of well-trained networks 20.8. Nearest neighbours without the regression give
389.
"""

import dataclasses

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from meanforce.core.invariants import features, in_own_frames, invariant_features
from meanforce.mapping.nearest_frames import nearest

FRAMES = 30000
"""Frames used at most, evenly spaced."""

QUERIES = 10000
"""Frames whose neighbours are looked for, at most."""

NEIGHBOURS = 3

COMPONENTS = 40
"""Principal components of the features in the regression, at most."""

FRAMES_PER_COEFFICIENT = 10

RIDGE = 1e-8
"""Relative to the diagonal of the normal matrix: for directions in which no frame differs."""

CORRELATED = 0.05
"""Residuals whose autocorrelation is above this are too close in time to be neighbours."""

LEVERAGES = 300
"""Frames from which the mean of the hat matrix is taken."""

CHUNK = 2000


@dataclasses.dataclass(frozen=True)
class Irreducible:
    """Variance per force component that carries force, and the numbers behind it.

    Attributes:
        variance: (kJ/mol/nm)².
        error: its standard error, from blocks.
        total: mean square of the forces, (kJ/mol/nm)².
        frames: number of frames used.
    """

    variance: float
    error: float
    total: float
    frames: int


def irreducible_variance(
    positions: np.ndarray, forces: np.ndarray, blocks: np.ndarray, chains: np.ndarray | None = None
) -> Irreducible:
    """Estimate the irreducible variance of forces.

    Args:
        positions: nm, shape (n, n_beads, 3).
        forces: kJ/mol/nm, shape (n, n_beads, 3), or forces minus a model's prediction.
        blocks: time block of each frame, shape (n,).
        chains: replica or walker of each frame, shape (n,), whose frames are in order of time;
            None: all frames are of one.
    """
    chains = np.zeros(len(positions), int) if chains is None else chains
    # Chain after chain, each in order of time, where walkers took turns.
    order = np.argsort(chains, kind="stable")[:: max(1, -(-len(positions) // FRAMES))]
    positions, forces, blocks, chains = (a[order] for a in (positions, forces, blocks, chains))
    carries = (forces != 0).any(axis=0)
    components = max(1, int(carries.sum()))
    lengths, volumes = features(positions, carries)
    targets = in_own_frames(positions, forces).reshape(len(forces), -1)
    regression = Regression(np.concatenate([lengths, volumes], axis=1), targets)
    residual = targets - regression.predicted
    apart, inefficiency = _memory(residual, chains)
    # The regression takes the smooth volumes; their roots distinguish mirror images.
    asked, found = _neighbours(invariant_features(positions, carries), chains, apart)
    difference = residual[asked][:, None] - residual[found]
    halves = 0.5 * (difference**2).sum(axis=2).mean(axis=1) / components
    # Correlated noise affects the fit like a number of frames smaller by this factor.
    halves /= 1 - inefficiency * regression.bent(asked, found)
    return Irreducible(
        variance=float(halves.mean()),
        error=block_error(halves, blocks[asked]),
        total=float((targets**2).sum() / len(targets) / components),
        frames=len(positions),
    )


def unexplained(
    positions: np.ndarray, forces: np.ndarray, others: np.ndarray | None = None
) -> np.ndarray:
    """Forces minus the regression's prediction, in axes that turn with the beads.

    Args:
        positions: nm, shape (n, n_beads, 3).
        forces: kJ/mol/nm, shape (n, n_beads, 3).
        others: quantities that do not change as the beads turn together, shape (n, n_others).

    Returns:
        shape (n, 3 n_beads + n_others), without the frames that have no axes, as beads are exactly
        in line or at the same place.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        described = np.concatenate(features(positions, (forces != 0).any(axis=0)), axis=1)
        targets = in_own_frames(positions, forces).reshape(len(forces), -1)
    if others is not None:
        targets = np.concatenate([targets, others], axis=1)
    whole = np.isfinite(described).all(axis=1) & np.isfinite(targets).all(axis=1)
    if not whole.any():
        return targets[whole]
    described, targets = described[whole], targets[whole]
    return targets - Regression(described, targets).predicted


def block_error(values: np.ndarray, blocks: np.ndarray) -> float:
    """Standard error of a mean from the means of blocks; NaN with fewer than two."""
    means = np.array([values[blocks == block].mean() for block in np.unique(blocks)])
    return float(means.std(ddof=1) / np.sqrt(len(means))) if len(means) > 1 else float("nan")


class Regression:
    """Least squares of targets on second-order polynomials of the features.

    Args:
        described: features, shape (n, n_features).
        targets: shape (n, n_targets).

    Attributes:
        predicted: shape (n, n_targets).
    """

    def __init__(self, described: np.ndarray, targets: np.ndarray) -> None:
        most = int(np.sqrt(2 * len(targets) / FRAMES_PER_COEFFICIENT)) - 2
        self._reduced = _principal(described, max(0, min(most, COMPONENTS)))
        starts = range(0, len(targets), CHUNK)
        matrix, vector = 0.0, 0.0
        for start in starts:
            design = self._design(slice(start, start + CHUNK))
            matrix = matrix + design.T @ design
            vector = vector + design.T @ targets[start : start + CHUNK]
        matrix[np.diag_indices_from(matrix)] *= 1 + RIDGE
        self._factor = cho_factor(matrix)
        coefficients = cho_solve(self._factor, vector)
        self.predicted = np.concatenate(
            [self._design(slice(start, start + CHUNK)) @ coefficients for start in starts]
        )

    def _design(self, frames: slice | np.ndarray) -> np.ndarray:
        reduced = self._reduced[frames]
        first, second = np.triu_indices(reduced.shape[1])
        ones = np.ones((len(reduced), 1))
        return np.concatenate([ones, reduced, reduced[:, first] * reduced[:, second]], axis=1)

    def bent(self, asked: np.ndarray, found: np.ndarray) -> float:
        """Mean of (H_ii + H_jj)/2 − H_ij over frames i and their neighbours j."""
        some = slice(None, None, max(1, len(asked) // LEVERAGES))
        frames, neighbours = asked[some], found[some]
        pairs = np.repeat(frames, neighbours.shape[1])
        step = self._design(pairs) - self._design(neighbours.ravel())
        return 0.5 * float((step * cho_solve(self._factor, step.T).T).sum(axis=1).mean())


def _principal(described: np.ndarray, most: int) -> np.ndarray:
    """Leading principal components of the standardised features, of variance 1."""
    spread = described.std(axis=0)
    moving = spread > 1e-6 * spread.max(initial=1e-9)
    scaled = (described[:, moving] - described[:, moving].mean(axis=0)) / spread[moving]
    values, vectors = np.linalg.eigh(scaled.T @ scaled / len(scaled))
    kept = np.flatnonzero(values > 1e-8 * values.max(initial=0.0))[::-1][:most]
    return scaled @ vectors[:, kept] / np.sqrt(values[kept])


def _neighbours(
    described: np.ndarray, chains: np.ndarray, apart: int
) -> tuple[np.ndarray, np.ndarray]:
    """Query frames, shape (m,), and their nearest frames, shape (m, NEIGHBOURS)."""
    asked = np.arange(0, len(described), -(-len(described) // QUERIES))

    def too_close(some: np.ndarray, found: np.ndarray) -> np.ndarray:
        frames = asked[some][:, None]
        return (chains[found] == chains[frames]) & (abs(found - frames) < apart)

    answered, found = nearest(described[asked], described, NEIGHBOURS, too_close)
    return asked[answered], found


def _memory(residual: np.ndarray, chains: np.ndarray) -> tuple[int, float]:
    """Frames after which residuals of a chain are uncorrelated, and 1 + 2 Σ ρ up to there.

    Chains lie one after the other.
    """
    longest = max(2, len(residual) // (20 * (chains[1:] != chains[:-1]).sum() + 20))
    variance = (residual**2).mean()
    correlation = []
    last = 0
    for lag in range(1, longest):
        same = chains[lag:] == chains[:-lag]
        product = (residual[lag:] * residual[:-lag])[same].mean() if same.any() else 0.0
        correlation.append(product / variance)
        if abs(correlation[-1]) > CORRELATED:
            last = lag
        elif lag > 10 + 2 * last:
            break
    return last + 1, max(1.0, 1 + 2 * sum(correlation[:last]))
