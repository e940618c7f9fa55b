"""Normal equations of linear potentials, summed over the frames of each fold.

Least squares of F + Σ_k c_k dB_k/dR over all frames, which may have weights; Noid et al.,
J. Chem. Phys. 128, 244114 (2008). The sums of the folds are kept apart, so that cross-validation
over folds costs only the solution of linear systems. Frames are read in chunks.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import torch
from scipy.linalg import cho_factor, cho_solve

from meanforce.fitting.accumulator import Accumulator
from meanforce.fitting.frames import Frames
from meanforce.fitting.projection import Projection, runs_of
from meanforce.fitting.regularisation import Penalties
from meanforce.fitting.sums import Sums
from meanforce.potentials.linear import LinearPotential

FLOOR = {torch.float64: 1e-14, torch.float32: 1e-7}
"""Least ridge: directions that no frame determines need one above the rounding of the sums."""

Passed = Callable[[int], None]
"""Called with the number of frames that were processed so far."""


PIECES = 60
"""Least number of pieces behind error bars; time blocks are cut further to get this many."""


@dataclasses.dataclass(frozen=True)
class Scores:
    """Σ Aᵀ(f − Ac) of pieces of the frames.

    Attributes:
        values: shape (K, pieces).
        counts: weight of each piece, shape (pieces,).
        square: weighted sum of squared residuals of all pieces.
    """

    values: np.ndarray
    counts: np.ndarray
    square: float


class NormalEquations:
    """Sums of all folds.

    Args:
        potential: gives the basis; its coefficients do not matter.
        frames: of the training.
        passed: called with the number of frames that were added so far.

    Attributes:
        folds: fold numbers.
        runs: time blocks.
    """

    reads_twice = True
    """Whether `scores` reads the frames again."""

    def __init__(
        self,
        potential: LinearPotential,
        frames: Frames,
        passed: Passed = lambda frames: None,
    ) -> None:
        self.potential = potential
        self.runs = runs_of(frames)
        self.folds = sorted({run.fold for run in self.runs})
        self.components = frames.carrying
        self._sums: dict[tuple[int, float], Sums] = {}
        self._known: dict[tuple[int, ...], Penalties] = {}
        self._accumulate(frames, passed)

    @property
    def floor(self) -> float:
        """Least ridge."""
        return FLOOR[self.potential.dtype]

    def _accumulate(self, frames: Frames, passed: Passed) -> None:
        """Sums of each fold and temperature."""
        projection, done = Projection(self.potential, frames), 0
        for key in sorted({(run.fold, run.temperature) for run in self.runs}):
            accumulator = Accumulator(self.potential)
            for run in self.runs:
                if (run.fold, run.temperature) == key:
                    for part in run.chunks(accumulator.chunk):
                        accumulator.add(projection.block(part))
                        done += part.stop - part.start
                        passed(done)
            self._sums[key] = accumulator.sums()

    def scores(
        self,
        frames: Frames,
        folds: list[int],
        coefficients: np.ndarray,
        passed: Passed = lambda frames: None,
    ) -> Scores:
        """Scores of pieces of the time blocks of some folds.

        Args:
            frames: of the training.
            folds: that were fitted.
            coefficients: shape (K,).
            passed: called with the number of frames processed so far.
        """
        runs = [run for run in self.runs if run.fold in folds]
        pieces = [part for run in runs for part in run.split(-(-PIECES // len(runs)))]
        potential, basis = self.potential, self.potential.basis_functions
        projection, chunk = Projection(potential, frames), Accumulator(potential).chunk
        parts = torch.from_numpy(coefficients).reshape(-1, basis.size)
        scores, counts, square, done = [], [], 0.0, 0
        for piece in pieces:
            form = torch.from_numpy(self._form(piece.temperature))[None]
            own = basis.padded((form @ parts)[0].to(potential.dtype))[basis.owners]
            score = torch.zeros(len(potential.curves), basis.widest, dtype=torch.float64)
            count = 0.0
            for part in piece.chunks(chunk):
                block = projection.block(part)
                _, slope = basis.evaluate(block.coordinates)
                change = (own[:, None] @ slope)[:, 0]
                residual = block.forces + torch.einsum("mbxn,mn->bxn", block.gradients, change)
                along = block.along(residual)
                score.index_add_(0, basis.owners, (slope @ along[..., None])[..., 0].double())
                squares = residual.square().sum((0, 1)).double()
                weighted = squares if block.weights is None else squares * block.weights
                square += float(weighted.sum())
                count += block.count
                done += part.stop - part.start
                passed(done)
            flat = torch.zeros(basis.size + 1, dtype=torch.float64)
            flat[basis.index] = score
            scores.append((form.T * flat[:-1]).flatten())
            counts.append(count)
        return Scores(torch.stack(scores, dim=1).numpy(), np.array(counts), square)

    def independent_samples(self, folds: list[int]) -> np.ndarray | None:
        """Independent samples of each basis function of pairs in some folds, shape (K,).

        None for a molecule whose pairs are all listed.
        """
        return None

    def total(self, folds: list[int]) -> Sums:
        """Sums over folds and temperatures, for the coefficients of all temperature forms."""
        forms = {t: self._form(t) for _, t in self._sums}
        parts = [(forms[t], sums) for (fold, t), sums in self._sums.items() if fold in folds]
        size, n_forms = len(parts[0][1].vector), len(parts[0][0])
        matrix = np.zeros((n_forms, size, n_forms, size))
        vector, activation = np.zeros((n_forms, size)), np.zeros((n_forms, size))
        for form, sums in parts:
            for a in range(n_forms):
                for b in range(n_forms):
                    matrix[a, :, b] += form[a] * form[b] * sums.matrix
            vector += form[:, None] * sums.vector
            activation += abs(form)[:, None] * sums.activation
        return Sums(
            matrix.reshape(n_forms * size, -1),
            vector.ravel(),
            sum(sums.square for _, sums in parts),
            sum(sums.count for _, sums in parts),
            activation.ravel(),
        )

    def _form(self, temperature: float) -> np.ndarray:
        at = torch.tensor([temperature], dtype=torch.float64)
        return self.potential.temperature_form(at)[0].numpy()

    def count(self, folds: list[int]) -> float:
        """Force components in some folds, each counted with the weight of its frame."""
        return self.components * sum(
            sums.count for (fold, _), sums in self._sums.items() if fold in folds
        )

    def regularised(
        self, folds: list[int], ridge: float, smoothness: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """AᵀWA with penalties, and AᵀWf; strengths are relative, see `Penalties`."""
        total = self.total(folds)
        strength = max(ridge, self.floor)
        return self._penalties(folds, total.matrix).add_to(
            total.matrix, strength, smoothness
        ), total.vector

    def _penalties(self, folds: list[int], matrix: np.ndarray) -> Penalties:
        key = tuple(sorted(folds))
        if key not in self._known:
            self._known[key] = Penalties.of(self.potential, matrix)
        return self._known[key]

    def solve(self, folds: list[int], ridge: float, smoothness: float = 0.0) -> np.ndarray:
        """Coefficients from some folds; strengths are relative, see `Penalties`."""
        matrix, vector = self.regularised(folds, ridge, smoothness)
        return cho_solve(cho_factor(matrix, overwrite_a=True, check_finite=False), vector)

    def cross_validate(self, folds: list[int], ridge: float, smoothness: float) -> float:
        """Mean loss on each fold of a fit to the other ones."""
        losses = []
        for fold in folds:
            others = [other for other in folds if other != fold]
            losses.append(self.loss([fold], self.solve(others or folds, ridge, smoothness)))
        return float(np.mean(losses))

    def loss(self, folds: list[int], coefficients: np.ndarray) -> float:
        """Mean squared force error on some folds, (kJ/mol/nm)²."""
        total = self.total(folds)
        error = coefficients @ total.matrix @ coefficients - 2 * coefficients @ total.vector
        return float((error + total.square) / self.count(folds))
