"""Irreducible force variance: what no function of the beads can explain.

The mapped force is f(R) + ε with ⟨ε⟩ = 0 at fixed R; a perfect model's loss is the variance of ε.
It is estimated in two steps, neither of which needs a model:

1. Most of f(R) is stiff and smooth: least squares on the internal features, with second-order
   polynomials of the most varying ones, remove it. Bonds are stiff and hardly vary, so that all
   features count in first order.
2. Half the mean squared difference of residuals of nearest neighbours contains ε, and of the rest
   of f(R) only the part that neighbours do not share; Rice, Ann. Stat. 12, 1215 (1984), in many
   dimensions Devroye et al., Electron. J. Stat. 12, 1752 (2018). Frames close in time share part of
   ε and do not count as neighbours.

The fit is drawn towards its own frames: with the hat matrix H, ½⟨(r_i − r_j)²⟩ is the variance
times 1 − (H_ii + H_jj)/2 + H_ij, by which the result is divided.

Any part of f(R) that survives both steps raises the estimate: it is an upper bound that tightens
with more frames, and with forces minus a model's prediction in place of forces. Capped alanine in
ten beads with rigid bonds to hydrogen, (kcal/mol/Å)²: 21.4 from 28,000 and from 9,000 frames, 23.6
from 3,000 and 29 from 1,000, where the forces' mean square is 441 and the loss of well-trained
networks 20.8. A peptide of 27 beads with a quiet force map: 5.1 from 18,000 frames, where networks
have 1.5 and the mean square is 451. Nearest neighbours without the regression give 389.
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
"""Principal components of the features in second order, at most."""

LINEAR = 0.7
"""Part of the coefficients that are of first order, at most."""

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
    components = max(1, int((forces != 0).any(axis=0).sum()))
    asked, noise = bead_noise(positions, forces, chains)
    halves = noise.sum(axis=1) / components
    used = forces[_order(len(forces), chains)].astype(np.float64)
    return Irreducible(
        variance=float(halves.mean()),
        error=block_error(halves, blocks[asked]),
        total=float((used**2).sum() / len(used) / components),
        frames=len(used),
    )


def bead_noise(
    positions: np.ndarray, forces: np.ndarray, chains: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Squared noise |ε_I|² of the forces on each bead, in single frames.

    Args:
        positions: nm, shape (n, n_beads, 3).
        forces: kJ/mol/nm, shape (n, n_beads, 3).
        chains: as in `irreducible_variance`.

    Returns:
        numbers of m of the frames, and estimates whose means over frames are those of the noise,
        (kJ/mol/nm)², shape (m, n_beads).
    """
    order = _order(len(positions), chains)
    positions, forces = positions[order], forces[order]
    chains = np.zeros(len(order), int) if chains is None else chains[order]
    carries = (forces != 0).any(axis=0)
    lengths, volumes = features(positions, carries)
    targets = in_own_frames(positions, forces).reshape(len(forces), -1)
    regression = Regression(np.concatenate([lengths, volumes], axis=1), targets)
    residual = targets - regression.predicted
    apart, inefficiency = _memory(residual, chains)
    # The regression takes the smooth volumes; their roots distinguish mirror images.
    asked, found = _neighbours(invariant_features(positions, carries), chains, apart)
    difference = residual[asked][:, None] - residual[found]
    halves = 0.5 * (difference**2).mean(axis=1)
    # Correlated noise affects the fit like a number of frames smaller by this factor.
    halves /= 1 - inefficiency * regression.bent(asked, found)
    return order[asked], halves.reshape(len(asked), -1, 3).sum(axis=2)


def _order(n_frames: int, chains: np.ndarray | None) -> np.ndarray:
    """The frames that are used, chain after chain, each in order of time."""
    every = np.arange(n_frames) if chains is None else np.argsort(chains, kind="stable")
    return every[:: max(1, -(-n_frames // FRAMES))]


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
    """Least squares of targets on the features and second-order polynomials of some of them.

    Args:
        described: features, shape (n, n_features).
        targets: shape (n, n_targets).

    Attributes:
        predicted: shape (n, n_targets).
    """

    def __init__(self, described: np.ndarray, targets: np.ndarray) -> None:
        most = len(targets) // FRAMES_PER_COEFFICIENT
        self._reduced = _principal(described, int(LINEAR * most))
        linear = self._reduced.shape[1]
        quadratic = int(np.sqrt(2 * (most - linear))) - 2
        self._quadratic = max(0, min(quadratic, COMPONENTS, linear))
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
        first, second = np.triu_indices(self._quadratic)
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
