"""Metrics `ensemble_spread` and `ensemble_calibration`: the error of an ensemble, and its spread.

The spread of the members estimates how far their mean is from the true mean force f(R): it gives
the covariance of the error e = F̄ − f between any two frames. The actual covariance is estimated
from frames that no member was trained on: their residual is r = F̄ − F = e − ε, where the noise ε
has mean 0 at fixed R and is independent between frames i and j far apart in time, so that

    ⟨r_i · r_j⟩ = ⟨e_i · e_j⟩,   to be compared with   ⟨Σ_m c_mi · c_mj⟩,

where the contrasts c of the members (`analysis.members`) give the covariance that the draw of the
training data causes: differences within pairs of half samples, deviations of a jackknife.

Each frame of the even blocks is paired with its nearest frames of the odd blocks; how near these
are affects only the sensitivity, as both sides are taken on the same pairs. Vectors are compared in
axes that turn with the beads. The ratio is 1 for a calibrated ensemble, and q where errors are √q
times as large as the spread predicts, as when members share an error.
"""

import dataclasses
import math

import numpy as np
from scipy.spatial import cKDTree

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.kinds import Group, Measure
from meanforce.analysis.members import contrasts
from meanforce.analysis.metrics.force_error import FEWEST, UNIT, compared_frames, predicted_forces
from meanforce.analysis.rows import Quantity, Row
from meanforce.analysis.samples import cell_of
from meanforce.core.invariants import features, in_own_frames
from meanforce.mapping.irreducible import block_error
from meanforce.statistics.distances import trace_of_square

PAIRS = 10
"""Frames of the other half that each frame is paired with."""


@dataclasses.dataclass(frozen=True)
class Calibration:
    """Actual and predicted squared error of the ensemble's mean force between paired frames.

    Attributes:
        actual: (kJ/mol/nm)² per component.
        predicted: the same.
        noise: standard error of `actual` from the noise of the forces, by blocks.
        freedom: number of independent directions in which members differ.
        dof: degrees of freedom of the spread in each of these directions.
    """

    actual: float
    predicted: float
    noise: float
    freedom: float
    dof: float

    @property
    def ratio(self) -> float:
        """Actual over predicted."""
        return self.actual / self.predicted

    @property
    def stderr(self) -> float:
        """Standard error of the ratio of a calibrated ensemble about 1.

        The error is one draw of a quantity with `freedom` degrees of freedom, and the spread was
        estimated from as many in each of `dof` independent contrasts.
        """
        draws = 2.0 / self.freedom * (1.0 + 1.0 / self.dof)
        return math.hypot(self.noise / self.predicted, math.sqrt(draws))


def rows(comparison: Comparison) -> list[Row]:
    """Standard error of the mean force from the ensemble, and actual over predicted variance.

    The latter only where the reference was not trained on.
    """
    if comparison.forces is None or len(comparison.trained.members) < 2:
        return []
    sample, frames = comparison.reference, compared_frames(comparison)
    if len(frames) < FEWEST:
        return []
    positions, forces = sample.force_positions[frames], comparison.forces.of(frames)
    carries = (forces != 0).any(axis=0)
    predictions = predicted_forces(comparison, frames, comparison.trained.ensemble.each) * carries
    mean = predictions.mean(axis=0)
    apart, dof = contrasts(predictions, comparison.trained.scheme)
    if dof == 0:
        return []
    variance = np.square(apart).sum() / len(frames) / carries.sum()
    spread = math.sqrt(variance) / UNIT
    quantity = Quantity("ensemble_spread", Group.FORCES, "kcal/mol/Å")
    if spread == 0:
        # Members that are all the same predict no error.
        return [Row(quantity, Measure.VALUE, 0.0)]
    # A variance from n independent directions of d contrasts has the relative error √(2/(nd)).
    draws = _freedom(apart.reshape(len(apart), -1), dof) * dof
    error = spread / math.sqrt(2 * draws)
    found = [Row(quantity, Measure.VALUE, spread, error)]
    # Frames of a box of molecules have no near ones that they could be paired with.
    if cell_of(sample.molecule, sample.box) is not None:
        return found
    # A few frames with large weights may all be of one block, which leaves no pairs.
    if comparison.trained.held_out and len(np.unique(sample.blocks[frames])) > 1:
        result = calibrate(positions, (mean - forces) * carries, apart, sample.blocks[frames], dof)
        quantity = Quantity("ensemble_calibration", Group.FORCES)
        found.append(Row(quantity, Measure.VALUE, result.ratio, result.stderr))
    return found


def calibrate(
    positions: np.ndarray,
    residual: np.ndarray,
    apart: np.ndarray,
    blocks: np.ndarray,
    dof: float,
) -> Calibration:
    """Compare the error of a mean force with what the members' contrasts predict.

    Args:
        positions: of frames that no member was trained on, nm, shape (n, n_beads, 3).
        residual: mean prediction minus force, kJ/mol/nm, shape (n, n_beads, 3).
        apart: contrasts c of the members, kJ/mol/nm, shape (n_contrasts, n, n_beads, 3); Σ c cᵀ
            is the covariance of the mean.
        blocks: time block of each frame, shape (n,).
        dof: degrees of freedom of the contrasts.
    """
    carries = (residual != 0).any(axis=0)
    components = max(1, int(carries.sum()))
    first, second = _pairs(positions, carries, blocks)

    def products(vectors: np.ndarray) -> np.ndarray:
        """Scalar products of paired frames per component, shape (n_first, PAIRS)."""
        turned = in_own_frames(positions, vectors).reshape(len(vectors), -1)
        return np.einsum("ic,ijc->ij", turned[first], turned[second]) / components

    actual = products(residual).mean(axis=1)
    predicted = sum(products(one).mean() for one in apart)
    return Calibration(
        actual=float(actual.mean()),
        predicted=float(predicted),
        noise=block_error(actual, blocks[first]),
        freedom=_freedom(apart.reshape(len(apart), -1), dof),
        dof=dof,
    )


def _pairs(
    positions: np.ndarray, carries: np.ndarray, blocks: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Frames of even blocks, shape (m,), and the nearest of odd blocks, shape (m, PAIRS)."""
    lengths, volumes = features(positions, carries)
    places = np.concatenate([lengths, np.cbrt(volumes)], axis=1)
    even = np.unique(blocks, return_inverse=True)[1] % 2 == 0
    first, others = np.flatnonzero(even), np.flatnonzero(~even)
    number = min(PAIRS, len(others))
    _, nearest = cKDTree(places[others]).query(places[first], k=number)
    return first, others[nearest.reshape(len(first), number)]


def _freedom(apart: np.ndarray, dof: float) -> float:
    """(tr Σ)²/tr Σ² of the covariance Σ that contrasts, shape (n_contrasts, n), estimate as Σ c cᵀ.

    With a single degree of freedom it cannot be estimated, and is taken as 1, the least.
    """
    if dof < 2:
        return 1.0
    squared = float((apart**2).sum()) ** 2
    return float(np.clip(squared / max(trace_of_square(apart, dof), 1e-12 * squared), 1.0, 1e6))
